// Tables that sort and filter: those of the page, and those that the script makes of data.

// Shorter tables are seen at a glance.
const FILTER_FROM = 8;

/** Compare two cells: numbers by size, those without a number last, words as a person orders them. */
function compareCells(a, b, numeric, sign) {
  if (!numeric) return sign * a.localeCompare(b, "en", { numeric: true });
  const [x, y] = [numberIn(a), numberIn(b)];
  if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
  return sign * (x - y);
}

/** Give the headings of a table buttons; `sort(place, sign)` orders its rows. */
function addSorting(table, sort) {
  for (const cell of table.tHead.rows[0].cells) {
    const button = make("button", { type: "button" }, cell.textContent.trim());
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      const sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      sort(cell.cellIndex, sign);
    });
  }
}

/** A field that keeps the rows with a text; it says how many are left. */
function filterField(words, filter) {
  const left = make("span", { role: "status" });
  const field = make("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${words}` });
  field.addEventListener("input", () => {
    left.textContent = filter(field.value.trim().toLowerCase());
  });
  return make("div", { class: "tools" }, field, left);
}

/** Make a table of the page sort and filter; notes stay below their rows. */
function enliven(table) {
  const body = table.tBodies[0];
  const groups = [];
  for (const row of body.rows) {
    if (row.classList.contains("note")) groups.at(-1).push(row);
    else groups.push([row]);
  }
  if (groups.length < 2) return;
  addSorting(table, (place, sign) => {
    const texts = new Map(groups.map((group) => [group, group[0].cells[place].textContent.trim()]));
    const numeric = [...texts.values()].filter((text) => !isNaN(numberIn(text))).length * 2 > groups.length;
    const sorted = [...groups].sort((a, b) => compareCells(texts.get(a), texts.get(b), numeric, sign));
    body.append(...sorted.flat());
  });
  if (groups.length < FILTER_FROM) return;
  const field = filterField(table.closest("section").querySelector("h2").textContent, (text) => {
    let kept = 0;
    for (const group of groups) {
      const hidden = !group.some((row) => row.textContent.toLowerCase().includes(text));
      for (const row of group) row.hidden = hidden;
      kept += !hidden;
    }
    return text ? `${kept} of ${groups.length} rows` : "";
  });
  table.closest(".scroll").before(field);
}

/**
 * Make a table of data, of which only the first rows are put into the page.
 *
 * `columns` have a heading, `cell(row)` and `number`; `options`: of(row), pick(row), words for the filter, rows at once.
 */
function dataTable(columns, rows, { of, pick, words, atOnce = 25 } = {}) {
  const head = make(
    "tr",
    {},
    ...columns.map((one) => make("th", { scope: "col", class: one.number ? "number" : "words" }, one.heading)),
  );
  const body = make("tbody");
  const table = make("table", {}, make("thead", {}, head), body);
  const more = make("button", { type: "button", class: "button" }, "Show more");
  const texts = new Map(rows.map((row) => [row, columns.map((one) => String(one.cell(row)))]));
  let [order, text, keep, count] = [rows, "", null, atOnce];
  const fill = () => {
    const kept = order.filter(
      (row) => (!keep || keep(row)) && (!text || texts.get(row).join(" ").toLowerCase().includes(text)),
    );
    body.replaceChildren(...kept.slice(0, count).map(line));
    more.hidden = kept.length <= count;
    return text || keep ? `${kept.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "";
  };
  const line = (row) => {
    const cells = texts
      .get(row)
      .map((cell, place) => make("td", { class: columns[place].number ? "number" : "words" }, cell));
    if (pick) {
      const button = make("button", { type: "button" }, texts.get(row)[0]);
      button.addEventListener("click", (event) => (event.stopPropagation(), pick(row)));
      cells[0].replaceChildren(button);
    }
    const made = make("tr", { "data-of": of?.(row) }, ...cells);
    if (pick) made.addEventListener("click", () => pick(row));
    return made;
  };
  addSorting(table, (place, sign) => {
    order = [...rows].sort((a, b) =>
      compareCells(texts.get(a)[place], texts.get(b)[place], columns[place].number, sign),
    );
    fill();
  });
  more.addEventListener("click", () => ((count += 4 * atOnce), fill()));
  fill();
  const field = rows.length >= FILTER_FROM ? filterField(words, (typed) => ((text = typed), fill())) : null;
  const keepOnly = (test) => {
    keep = test;
    const said = fill();
    if (field) field.lastChild.textContent = said;
  };
  const box = make(
    "div",
    { class: "data" },
    field,
    make("div", { class: "scroll" }, table),
    make("p", { class: "tools" }, more),
  );
  return { box, keepOnly, body };
}
