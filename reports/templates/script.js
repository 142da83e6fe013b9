"use strict";
(() => {
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");

  const remembered = () => {
    try { return localStorage.getItem("benchsuite-theme"); } catch { return null; }
  };
  const remember = (theme) => {
    try { localStorage.setItem("benchsuite-theme", theme); } catch { /* private windows keep nothing */ }
  };
  const show = (theme) => {
    root.dataset.theme = theme;
    button.querySelector("span").textContent = theme;
  };

  show(themes.includes(remembered()) ? remembered() : "system");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    show(next);
    remember(next);
  });

  const valueOf = (row, index) => row.cells[index].dataset.value ?? "";
  const compare = (one, other) => {
    const numbers = [Number(one), Number(other)];
    return numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
  };
  const sortBy = (table, header) => {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const index = header.cellIndex;
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [valueOf(one, index), valueOf(other, index)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return ascending ? compare(a, b) : compare(b, a);
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...rows);
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const header of table.tHead.rows[0].cells) {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.textContent = header.textContent;
      sorter.addEventListener("click", () => sortBy(table, header));
      header.replaceChildren(sorter);
    }
  }
})();
