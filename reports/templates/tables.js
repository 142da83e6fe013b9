(() => {
  "use strict";
  const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i;
  const NOTHING = "\u2014";
  const LONG = 7;
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  const shown = (cell) => {
    const text = cell.textContent.trim();
    return text === NOTHING ? "" : text;
  };
  const read = (text, numeric) => {
    if (text === "") return null;
    return numeric && NUMBER.test(text) ? Number(text) : text;
  };
  /* Numbers are in `data-value`; a text is what is shown unless `data-text` has it in full. */
  const valueOf = (cell) => {
    const { value, text } = cell.dataset;
    if (value !== undefined) return read(value, true);
    return read(text ?? shown(cell), text === undefined && cell.classList.contains("number"));
  };

  const rank = (value) => (value === null ? 2 : Number(typeof value === "string"));
  const compare = (one, other) => (typeof one === "number" ? one - other : collator.compare(one, other));
  const sortBy = (table, header) => {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const sign = ascending ? 1 : -1;
    const keyed = [...table.tBodies[0].rows].map((row) => {
      const cell = row.cells[header.cellIndex];
      return [cell.dataset.order === undefined ? valueOf(cell) : Number(cell.dataset.order), row];
    });
    keyed.sort(([a], [b]) => rank(a) - rank(b) || (a === null ? 0 : sign * compare(a, b)));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };
  const makeSortable = (table) => {
    for (const header of table.tHead.rows[0].cells) {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.textContent = header.textContent;
      sorter.addEventListener("click", () => sortBy(table, header));
      header.replaceChildren(sorter);
    }
  };

  /* Captions are told apart by their card: two questions have plots of the same name. */
  const nameOf = (table) => {
    const caption = table.caption.textContent;
    const card = table.closest("article")?.querySelector(".name bdi")?.textContent ?? "";
    return caption.includes(card) ? caption : `${caption}: ${card}`;
  };
  const rowsOf = (table) => [...table.tBodies[0].rows].filter((row) => !row.hidden);
  /* What is saved: the rows that are shown, in their order, with what their texts stand for. */
  const contentOf = (table) => {
    const headers = [...table.tHead.rows[0].cells];
    const parts = headers.map((header) => (header.dataset.parts ?? "").split(";"));
    const titles = headers.flatMap((header, index) => parts[index].map((part) => {
      const title = [header.textContent, part].filter(Boolean).join(", ");
      return header.dataset.unit ? `${title} (${header.dataset.unit})` : title;
    }));
    const cells = (row) => headers.flatMap((_, index) => {
      const cell = row.cells[index];
      if (parts[index].length === 1) return [valueOf(cell)];
      const found = cell.dataset.parts?.split(";") ?? [];
      return parts[index].map((_part, place) => read(found[place] ?? "", true));
    });
    const rows = rowsOf(table);
    const named = [...table.tBodies[0].rows].some((row) => row.title);
    return {
      name: nameOf(table),
      columns: [...(named ? ["Id"] : []), ...titles],
      rows: rows.map((row) => [...(named ? [row.title || null] : []), ...cells(row)]),
    };
  };

  const counted = (table) => {
    const [some, all] = [rowsOf(table).length, table.tBodies[0].rows.length];
    return some === all ? `${all} rows` : `${some} of ${all} rows`;
  };
  const filterOf = (table) => {
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("output");
    field.type = "search";
    field.setAttribute("aria-label", `Filter ${nameOf(table)}`);
    field.autocomplete = "off";
    const apply = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of table.tBodies[0].rows) {
        const text = `${row.title} ${[...row.cells].map((cell) => cell.textContent).join(" ")}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      count.textContent = words.length ? counted(table) : "";
    };
    field.addEventListener("input", apply);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || field.value === "") return;
      event.preventDefault();
      field.value = "";
      apply();
    });
    label.append("Filter ", field);
    return [label, count];
  };

  const select = (table) => {
    const range = document.createRange();
    range.selectNode(table);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const copy = async (table, said) => {
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(saving.tsv(contentOf(table)));
      said.textContent = `Copied ${counted(table)}`;
    } catch {
      select(table);
      said.textContent = "The browser keeps the clipboard closed. The table is selected: copy it by hand.";
    }
  };

  const addTools = (table) => {
    const name = nameOf(table);
    const tools = document.createElement("div");
    const said = saving.live();
    tools.className = "tools";
    if (table.tBodies[0].rows.length >= LONG) tools.append(...filterOf(table));
    tools.append(said, saving.button("Copy", `Copy ${name}`, () => copy(table, said)));
    for (const format of ["csv", "json"]) {
      const text = format.toUpperCase();
      tools.append(saving.button(text, `Save ${name} as ${text}`, () => saving.save(contentOf(table), format)));
    }
    table.parentElement.setAttribute("aria-label", name);
    table.parentElement.before(tools);
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    addTools(table);
    if (table.tBodies[0].rows.length > 1) makeSortable(table);
  }
})();
