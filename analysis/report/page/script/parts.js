// What all parts use: the report's data, elements made of text, the level that is pointed at, and the tip beside it.

const report = JSON.parse(document.getElementById("report-data").textContent);
const SVG = "http://www.w3.org/2000/svg";
// The places of a replicate's values in the data.
const [SEED, KEY, OUTCOME, EPOCH, VALUE, SECONDS, REASON] = [0, 1, 2, 3, 4, 5, 6];

/** Make an element. Children that are strings become text, whatever they contain; `on…` attributes are listeners. */
function make(tag, attributes = {}, ...children) {
  const element = ["svg", "path"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The line that stands for a level beside its name. */
function keyOf(row) {
  const path = make("path", {
    d: "M0 4H20",
    style: `stroke: ${row.colour}`,
    "stroke-dasharray": row.dashes || undefined,
  });
  return make("svg", { class: "key", viewBox: "0 0 20 8", "aria-hidden": "true" }, path);
}

/** Write a number in five digits, with a true minus. */
function show(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1e5 ? 0 : Math.min(6, Math.max(0, 4 - Math.floor(Math.log10(size) + 1)));
  const text =
    size && size < 1e-4 ? value.toExponential(2) : value.toLocaleString("en", { maximumFractionDigits: digits });
  return text.replace("-", "−");
}

/** The least and the greatest of numbers, however many. */
const rangeOf = (values) =>
  values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

/** The first number in a cell's text; NaN where there is none. */
function numberIn(text) {
  const found = text
    .replaceAll("−", "-")
    .replaceAll(",", "")
    .match(/-?\d+(\.\d+)?(e[-+]?\d+)?/i);
  return found ? Number(found[0]) : NaN;
}

const pointedRule = document.head.appendChild(make("style"));
let pointed = null;

/** Mark a level or a trial wherever it is drawn or written; in figures that have it, the others fade. */
function pointAt(of) {
  if (of === pointed) return;
  pointed = of;
  pointedRule.textContent = of
    ? `figure:has(svg [data-of="${of}"]) svg [data-of]:not([data-of="${of}"]) { opacity: .13; }
       svg [data-of="${of}"] { opacity: 1; } tr[data-of="${of}"] > * { background: var(--point) !important; }
       .legend [data-of="${of}"] { font-weight: 600; }`
    : "";
}

const tip = make("div", { class: "tip", role: "status", hidden: "" });

/** Show lines of text beside the mouse, the first as a heading; nothing hides them. */
function showTip(event, lines) {
  tip.hidden = !lines;
  if (!lines) return;
  const [first, ...rest] = lines;
  tip.replaceChildren(make("b", {}, first), ...rest.map((line) => make("div", {}, line)));
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = event.clientX + 16 + width > innerWidth ? event.clientX - width - 16 : event.clientX + 16;
  const top = Math.min(event.clientY + 12, innerHeight - height - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, top)}px`;
}

/** What a table says of a level, as lines: the name, then each column with its heading. */
function linesOf(of, near) {
  const rows = [...document.querySelectorAll(`main tr[data-of="${of}"]`)];
  const row = rows.find((one) => near && near.contains(one)) || rows[0];
  if (!row) return null;
  const table = row.closest("table");
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const cells = [...row.cells].map((cell) => cell.textContent.trim());
  const names = [...row.cells].findIndex((cell) => cell.classList.contains("number"));
  const count = names < 0 ? 1 : Math.max(names, 1);
  const rest = cells
    .map((cell, place) => [heads[place], cell])
    .slice(count)
    .filter(([, cell]) => cell && cell !== "–");
  return [cells.slice(0, count).join(", "), ...rest.slice(0, 5).map(([head, cell]) => `${head}: ${cell}`)];
}

/** Point at what the mouse or the keyboard is on, and say what it is. */
function followPointer() {
  document.body.append(tip);
  document.addEventListener("pointerover", (event) => {
    const marked = event.target.closest("[data-of]");
    if (marked) pointAt(marked.dataset.of);
    else if (!event.target.closest(".chart")) pointAt(null);
  });
  document.addEventListener("pointermove", (event) => {
    const drawn = event.target.closest(".drawn [data-of]");
    if (drawn) showTip(event, linesOf(drawn.dataset.of, drawn.closest("section")));
    else if (!event.target.closest(".chart")) showTip(event, null);
  });
  document.addEventListener("focusin", (event) => pointAt(event.target.closest("[data-of]")?.dataset.of ?? null));
}
