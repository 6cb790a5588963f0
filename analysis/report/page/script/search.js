// A search: a line for each trial through the values of its parameters, linked with a table of all trials.

const MOST_LINES = 600;
// The places of a trial's values in the data.
const [NUMBER, NAME, TRIAL_KEY, ENDED, EPOCHS, REACHED, PARAMETERS] = [0, 1, 2, 3, 4, 5, 6];

/** The axes of a search: its parameters, then the value; each maps what a trial has to a height between 0 and 1. */
function axesOf(search) {
  const axes = search.parameters.map((parameter, place) => ({
    ...parameter,
    at: (trial) => trial[PARAMETERS + place],
  }));
  axes.push({ label: search.label, log: false, choices: null, reached: true, at: (trial) => trial[REACHED] });
  return axes.map((axis) => {
    if (axis.choices)
      return {
        ...axis,
        height: (trial) => axis.choices.indexOf(axis.at(trial)) / Math.max(1, axis.choices.length - 1),
      };
    const values = search.trials.map(axis.at).filter((value) => value !== null && (!axis.log || value > 0));
    const scale = axis.log ? Math.log : (value) => value;
    const [low, high] = axis.reached ? reachOf(values, search.higher) : rangeOf(values);
    const span = scale(high) - scale(low) || 1;
    const clamp = (height) => Math.min(1, Math.max(0, height));
    const height = (trial) => (axis.at(trial) === null ? NaN : clamp((scale(axis.at(trial)) - scale(low)) / span));
    return { ...axis, low, high, height };
  });
}

/** The range of what trials reached, without the worst, which would leave the good ones no room. */
function reachOf(values, higher) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return higher ? [at(0.15), at(1)] : [at(0), at(0.85)];
}

/** The figure of all trials, and below it their table. */
function searchFigure(search) {
  const better = (a, b) => (search.higher ? b[REACHED] - a[REACHED] : a[REACHED] - b[REACHED]);
  const trials = search.trials.map((trial) => ({ trial, of: `t${trial[NUMBER]}` }));
  const ranked = trials.filter((one) => one.trial[REACHED] !== null).sort((a, b) => better(a.trial, b.trial));
  ranked.forEach((one, rank) => (one.best = rank < Math.max(3, ranked.length / 10)));
  const axes = axesOf(search);
  const columns = [
    { heading: "Trial", cell: (one) => one.trial[NAME] },
    { heading: search.label, number: true, cell: (one) => show(one.trial[REACHED]) },
    ...axes.slice(0, -1).map((axis) => ({
      heading: axis.label,
      number: !axis.choices,
      cell: (one) => (axis.choices ? (axis.at(one.trial) ?? "–") : show(axis.at(one.trial))),
    })),
    { heading: "Ended", cell: (one) => one.trial[ENDED] },
  ];
  const rest = trials.filter((one) => one.trial[REACHED] === null);
  const table = dataTable(columns, [...ranked, ...rest], {
    of: (one) => one.of,
    pick: openTrial,
    words: "trials",
    atOnce: 10,
  });
  // The best are drawn last, above the others.
  const drawn = [...ranked.slice(0, MOST_LINES / 2), ...sample(ranked.slice(MOST_LINES / 2), MOST_LINES / 2)].reverse();
  const panels = make("div", { class: "panels" });
  const ranges = new Map();
  const draw = (room) => panels.replaceChildren(parallelPlot(axes, drawn, ranges, room, table, () => draw(room)));
  const words =
    `Each line is a trial; the best tenth is blue. Drag along an axis to keep the trials that pass there, click the axis to let go` +
    (drawn.length < ranked.length
      ? `; ${drawn.length.toLocaleString("en")} of ${ranked.length.toLocaleString("en")} trials are drawn, the best among them.`
      : ".");
  const figure = make("figure", {}, make("div", { class: "chart" }, panels), make("figcaption", {}, words));
  return { box: make("div", { class: "chart" }, make("h3", {}, "All trials"), figure, table.box), draw };
}

/** Every so many of a list, at most `count`. */
const sample = (list, count) =>
  list.length <= count ? list : list.filter((_, place) => place % Math.ceil(list.length / count) === 0);

const isKept = (one, axes, ranges) =>
  [...ranges].every(
    ([place, [low, high]]) => axes[place].height(one.trial) >= low && axes[place].height(one.trial) <= high,
  );

function parallelPlot(axes, drawn, ranges, room, table, redraw) {
  const width = Math.max(room, axes.length * 74);
  const height = 300;
  const points = drawn.flatMap((one) => axes.map((axis, place) => ({ one, place, y: axis.height(one.trial) })));
  const kept = new Set(drawn.filter((one) => isKept(one, axes, ranges)));
  const ticks = axes.flatMap((axis, place) =>
    axis.choices
      ? axis.choices.map((text, number) => ({ place, y: number / Math.max(1, axis.choices.length - 1), text }))
      : [
          { place, y: 0, text: show(axis.low) },
          { place, y: 1, text: show(axis.high) },
        ],
  );
  const lines = Plot.line(points, {
    x: "place",
    y: "y",
    z: (point) => point.one.of,
    stroke: (point) => (point.one.best ? "var(--level-0)" : "var(--grey)"),
    strokeOpacity: (point) => (kept.has(point.one) ? (point.one.best ? 0.9 : 0.4) : 0.05),
    strokeWidth: (point) => (point.one.best ? 1.6 : 1),
    curve: "monotone-x",
    render(index, scales, values, dimensions, context, next) {
      const group = next(index, scales, values, dimensions, context);
      group
        .querySelectorAll("path")
        .forEach((path, number) => drawn[number] && path.setAttribute("data-of", drawn[number].of));
      return group;
    },
  });
  const halo = { stroke: "var(--paper)", strokeWidth: 4, fill: "currentColor" };
  const plot = Plot.plot({
    width,
    height,
    marginTop: 44,
    marginLeft: 50,
    marginRight: 60,
    marginBottom: 20,
    style: FIGURE_STYLE,
    ariaLabel: "The values of each trial's parameters",
    color: { type: "identity" },
    x: { domain: [0, axes.length - 1], axis: null },
    y: { domain: [0, 1], axis: null },
    marks: [
      lines,
      Plot.ruleX(
        axes.map((_, place) => place),
        { stroke: "currentColor", strokeWidth: 1 },
      ),
      Plot.text(ticks, { x: "place", y: "y", text: "text", dx: 6, textAnchor: "start", fontSize: 11, ...halo }),
      Plot.text(axes, {
        x: (_, place) => place,
        y: 1,
        text: "label",
        dy: -22,
        lineWidth: 8,
        lineAnchor: "bottom",
        fontWeight: 600,
        textAnchor: (_, place) => "middle",
        ...halo,
      }),
    ],
  });
  addBrushes(plot, axes, ranges, table, redraw);
  nameLines(plot, drawn);
  return make("div", { class: "scroll" }, plot);
}

/** Let a drag along an axis keep the trials that pass there. */
function addBrushes(plot, axes, ranges, table, redraw) {
  const [x, y] = [plot.scale("x"), plot.scale("y")];
  axes.forEach((_, place) => {
    const top = y.apply(1);
    const area = document.createElementNS(SVG, "rect");
    const attributes = {
      x: x.apply(place) - 12,
      y: top - 8,
      width: 24,
      height: y.apply(0) - top + 16,
      fill: "transparent",
      style: "cursor: ns-resize; touch-action: none",
    };
    const band = area.cloneNode();
    for (const [name, value] of Object.entries(attributes)) area.setAttribute(name, value);
    const show = ([low, high]) => {
      for (const [name, value] of Object.entries({
        x: x.apply(place) - 6,
        width: 12,
        y: y.apply(high),
        height: y.apply(low) - y.apply(high),
        fill: "var(--level-1)",
        "fill-opacity": 0.3,
      }))
        band.setAttribute(name, value);
    };
    if (ranges.has(place)) show(ranges.get(place));
    const heightOf = (event) =>
      Math.min(
        1,
        Math.max(
          0,
          y.invert(
            (event.clientY - plot.getBoundingClientRect().top) *
              (plot.viewBox.baseVal.height / plot.getBoundingClientRect().height),
          ),
        ),
      );
    let start = null;
    area.addEventListener(
      "pointerdown",
      (event) => ((start = heightOf(event)), area.setPointerCapture(event.pointerId)),
    );
    area.addEventListener(
      "pointermove",
      (event) => start !== null && show([Math.min(start, heightOf(event)), Math.max(start, heightOf(event))]),
    );
    area.addEventListener("pointerup", (event) => {
      const range = [Math.min(start, heightOf(event)), Math.max(start, heightOf(event))];
      if (range[1] - range[0] < 0.02) ranges.delete(place);
      else ranges.set(place, range);
      start = null;
      table.keepOnly(ranges.size ? (one) => isKept(one, axes, ranges) : null);
      redraw();
    });
    plot.append(band, area);
  });
}

/** Say which trial a line is, and open it on a click. */
function nameLines(plot, drawn) {
  const byName = new Map(drawn.map((one) => [one.of, one]));
  const of = (event) => byName.get(event.target.closest?.("[data-of]")?.dataset.of);
  plot.addEventListener("pointermove", (event) => {
    const one = of(event);
    showTip(event, one && [one.trial[NAME], `${report.search.label}: ${show(one.trial[REACHED])}`, one.trial[ENDED]]);
    if (!one) pointAt(null);
  });
  plot.addEventListener("click", (event) => of(event) && openTrial(of(event)));
}

function openTrial({ trial }) {
  const values = report.search.parameters
    .map((parameter, place) => [parameter.label, trial[PARAMETERS + place]])
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, typeof value === "number" ? show(value) : value]);
  openDrawer(
    trial[NAME],
    listOf([
      [report.search.label, show(trial[REACHED])],
      ["Ended", trial[ENDED]],
      ["Epochs", String(trial[EPOCHS])],
      ...values,
      ["Trial", trial[TRIAL_KEY]],
    ]),
    ...commandsOf(trial[TRIAL_KEY]),
  );
}
