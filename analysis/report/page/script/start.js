// Put the parts into the page: what is far from what is seen is drawn when it comes near.

/** Draw a figure when it comes near, and again when its room changes. */
function drawWhenNear(figure, draw) {
  let room = 0;
  const redraw = () => {
    const width = Math.floor(figure.clientWidth);
    if (!width || Math.abs(width - room) < 2) return;
    room = width;
    draw(width);
  };
  const seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      redraw();
      new ResizeObserver(redraw).observe(figure);
    },
    { rootMargin: "600px" },
  );
  seen.observe(figure);
}

function startFigures() {
  for (const figure of document.querySelectorAll("figure[data-figure]")) {
    const spec = report.charts[figure.dataset.figure];
    const made = spec && !spec.still && curvesFigure(spec);
    if (!made) continue;
    figure.querySelector(".still").after(made.box);
    drawWhenNear(figure, (room) => {
      made.draw(room);
      figure.classList.add("live");
    });
  }
  const home = document.getElementById("search")?.closest("section");
  if (report.search?.trials.length && home) {
    const made = searchFigure(report.search);
    home.append(made.box);
    drawWhenNear(made.box, made.draw);
  }
}

function startTables() {
  for (const table of document.querySelectorAll("main table")) {
    const name = table.dataset.table;
    if (name && report.tables[name]) {
      for (const line of table.querySelectorAll("tr[data-row]")) {
        const row = report.tables[name].rows[Number(line.dataset.row)];
        if (!row.replicates.length) continue;
        const words = line.cells[0].querySelector("span");
        const button = make(
          "button",
          { type: "button", "aria-haspopup": "dialog", title: "Replicates, curves, configuration" },
          words.textContent,
        );
        words.replaceChildren(button);
        line.addEventListener("click", (event) => !getSelection().toString() && openLevel(name, row));
      }
    }
    if (!table.closest(".data")) enliven(table);
  }
}

/** Mark in the contents which section is read. */
function startContents() {
  const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(
    (entries) => {
      const entry = entries.find((one) => one.isIntersecting);
      if (!entry) return;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.querySelector("h2")?.id)?.setAttribute("aria-current", "true");
    },
    { rootMargin: "-10% 0px -80% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
}

startTables();
startFigures();
startContents();
followPointer();
window.addEventListener("beforeprint", () =>
  document.querySelectorAll("main details").forEach((one) => (one.open = true)),
);
document.documentElement.dataset.ready = "true";
