/* Values of a table as text that other programs read, and as a file that the page makes itself. */
const saving = (() => {
  "use strict";
  const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
  const LONGEST_NAME = 120;
  const KEPT_MS = 60_000;
  const types = { csv: "text/csv;charset=utf-8", json: "application/json" };

  /* A spreadsheet would run a text that begins like a formula: the apostrophe makes it a text there too. */
  const plain = (value) => {
    if (value === null) return "";
    if (typeof value === "number") return String(value);
    return FORMULA.test(value) ? `'${value}` : value;
  };
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  const csv = (table) => [table.columns, ...table.rows]
    .map((row) => `${row.map((value) => quoted(plain(value))).join(",")}\r\n`)
    .join("");
  const tsv = (table) => [table.columns, ...table.rows]
    .map((row) => row.map((value) => plain(value).replace(/[\t\r\n]+/g, " ")).join("\t"))
    .join("\n");
  const json = (table) => {
    const rows = table.rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n");
    const head = JSON.stringify({ schema: 1, run, table: table.name, columns: table.columns });
    return `${head.slice(0, -1)},"rows":[\n${rows}\n]}\n`;
  };

  const run = document.querySelector('meta[name="benchsuite-run"]')?.content ?? "";
  const fileName = (name, format) => {
    const stem = [run, name].map((text) => text.replace(/[^A-Za-z0-9_=,.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, ""));
    return `${stem.filter(Boolean).map((text) => text.slice(0, LONGEST_NAME)).join("-") || "table"}.${format}`;
  };
  const save = (table, format) => {
    const text = format === "csv" ? csv(table) : json(table);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: types[format] }));
    link.download = fileName(table.name, format);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  };

  /* Buttons say in words what a glance takes from their place. */
  const button = (text, label, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", action);
    return made;
  };
  const live = () => {
    const made = document.createElement("span");
    made.className = "said";
    made.setAttribute("role", "status");
    return made;
  };

  return { button, live, save, tsv };
})();
