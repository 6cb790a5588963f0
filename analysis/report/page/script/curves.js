// Figures of curves: a line for each level, its replicates behind it, and a legend whose entries hide and show.

const FEW_CURVES = 60;
const MOST_BESIDE = 3;
const FIGURE_STYLE = { fontFamily: "inherit", fontSize: "12px", background: "none", color: "var(--ink)" };

/** A mark that names what it draws, so that it can be pointed at. */
const named = (of) => ({
  render(index, scales, values, dimensions, context, next) {
    const group = next(index, scales, values, dimensions, context);
    group?.setAttribute("data-of", of);
    return group;
  },
});

/** The points of a replicate's curve. */
function pointsOf(row, replicate, quantity) {
  const curve = report.curves[replicate[KEY]];
  if (!curve?.[quantity]) return [];
  const epochs = report.grids[curve["#"]];
  return curve[quantity]
    .map((value, place) => ({ row, replicate, epoch: epochs[place], value, colour: row.colour }))
    .filter((point) => point.value !== null && point.epoch <= row.last);
}

/** The levels of a table that have curves; those that read the same trials at several epochs are one line. */
function seriesOf(table, quantity) {
  const found = new Map();
  for (const row of table.rows) {
    const known = found.get(row.of);
    if (known) known.label += `, ${row.label}`;
    else
      found.set(row.of, {
        row,
        of: row.of,
        label: row.label,
        curves: row.replicates.map((one) => pointsOf(row, one, quantity)),
      });
  }
  return (
    [...found.values()]
      // The longest first: a level that stops sooner lies on top of the one whose trials it shares.
      .sort((a, b) => b.row.last - a.row.last)
      .map((one) => ({ ...one, curves: one.curves.filter((curve) => curve.length) }))
  );
}

/** Mean, lowest and highest of a level's curves at the epochs that all of them have. */
function meanOf(curves) {
  const at = new Map();
  for (const { epoch, value } of curves.flat()) {
    if (at.has(epoch)) at.get(epoch).push(value);
    else at.set(epoch, [value]);
  }
  return [...at]
    .filter(([, values]) => values.length === curves.length)
    .map(([epoch, values]) => ({
      epoch,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }));
}

function marksOf(series, total) {
  const { row, of, curves } = series;
  const line = { stroke: row.colour, strokeDasharray: row.dashes || undefined, clip: true, ...named(of) };
  const marks = [];
  const mean = curves.length > 1 ? meanOf(curves) : curves[0].map((point) => ({ ...point, mean: point.value }));
  if (curves.length > 1) {
    marks.push(
      Plot.areaY(mean, {
        x: "epoch",
        y1: "low",
        y2: "high",
        fill: row.colour,
        fillOpacity: 0.1,
        clip: true,
        ...named(of),
      }),
    );
    if (total <= FEW_CURVES) {
      marks.push(
        Plot.line(curves.flat(), {
          x: "epoch",
          y: "value",
          z: (point) => point.replicate[SEED],
          ...line,
          strokeWidth: 0.7,
          strokeOpacity: 0.45,
        }),
      );
    }
  }
  if (mean.length === 1)
    marks.push(Plot.dot(curves.flat(), { x: "epoch", y: "value", stroke: row.colour, clip: true, ...named(of) }));
  marks.push(Plot.line(mean, { x: "epoch", y: "mean", ...line, strokeWidth: 2.2 }));
  return marks;
}

/** Ticks of a logarithmic axis: powers of ten, and where these are few, twice and five times as much. */
function logTicks(points) {
  const [low, high] = rangeOf(points.map((point) => point.value));
  const powers = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) powers.push(power);
  const steps = powers.length > 3 ? [1] : [1, 2, 5];
  return powers
    .flatMap((power) => steps.map((step) => step * 10 ** power))
    .filter((tick) => tick >= low && tick <= high);
}

/** One axes of curves; pointing at it names the nearest replicate, and a click opens it. */
function curvesPanel(table, panel, shown, { width, height = 260, pick } = {}) {
  const series = seriesOf(table, panel.q).filter((one) => one.curves.length && shown(one.of));
  const total = series.reduce((sum, one) => sum + one.curves.length, 0);
  const points = series.flatMap((one) => one.curves.flat());
  const log = panel.log && points.every((point) => point.value > 0);
  const last = Math.max(2, ...series.map((one) => one.row.last));
  const ticks = log ? logTicks(points) : undefined;
  const plot = Plot.plot({
    width,
    height,
    marginLeft: 54,
    marginTop: 26,
    marginRight: 12,
    marginBottom: 36,
    style: FIGURE_STYLE,
    ariaLabel: `${panel.label} over the epochs`,
    x: {
      label: "Epoch",
      labelArrow: "none",
      ticks: Math.min(last, width / 70),
      tickFormat: (epoch) => (Number.isInteger(epoch) ? `${epoch}` : ""),
    },
    y: {
      label: panel.label,
      labelArrow: "none",
      type: log ? "log" : "linear",
      domain: panel.domain ?? undefined,
      ticks: ticks ?? 5,
      tickSize: 0,
      tickFormat: show,
    },
    marks: [
      Plot.gridY({ ticks: ticks ?? 5, strokeOpacity: 0.12 }),
      ...series.flatMap((one) => marksOf(one, total)),
      Plot.dot(
        points,
        Plot.pointer({
          x: "epoch",
          y: "value",
          r: 4,
          fill: "var(--ink)",
          stroke: "var(--paper)",
          clip: true,
          maxRadius: 30,
        }),
      ),
    ],
  });
  let at = null;
  plot.addEventListener("pointermove", (event) => (at = event));
  plot.addEventListener("input", () => {
    const point = plot.value;
    pointAt(point?.row.of ?? null);
    showTip(
      at,
      point &&
        at && [
          `${point.row.label}`,
          `seed ${point.replicate[SEED]}, epoch ${point.epoch}`,
          `${panel.label}: ${show(point.value)}`,
        ],
    );
  });
  plot.addEventListener("pointerleave", () => (pointAt(null), showTip(null, null)));
  plot.addEventListener("click", () => plot.value && pick?.(plot.value.row, plot.value.replicate));
  return plot;
}

/** A button for each level, which hides and shows it. */
function legendOf(entries, hidden, redraw) {
  const buttons = entries.map((entry) => {
    const button = make(
      "button",
      { type: "button", "aria-pressed": "true", "data-of": entry.of },
      keyOf(entry.row),
      entry.label,
    );
    button.addEventListener("click", () => {
      const on = hidden.delete(entry.of) || (hidden.add(entry.of), false);
      button.setAttribute("aria-pressed", String(on));
      redraw();
    });
    return button;
  });
  return make("div", { class: "legend", role: "group", "aria-label": "Levels shown" }, ...buttons);
}

/** Draw a figure's curves, in place of the still picture; nothing where there are none. */
function curvesFigure(spec) {
  const table = report.tables[spec.table];
  const entries = seriesOf(table, spec.panels[0].q).filter((one) => one.curves.length);
  if (!entries.length) return null;
  const hidden = new Set();
  const panels = make("div", { class: "panels" });
  const draw = (room) => {
    const beside = Math.min(spec.panels.length, MOST_BESIDE);
    const width = beside > 1 && room > 640 ? Math.floor((room - 32 * (beside - 1)) / beside) : Math.min(room, 720);
    const pick = (row, replicate) => openLevel(spec.table, row, replicate);
    panels.replaceChildren(
      ...spec.panels.map((panel) => curvesPanel(table, panel, (of) => !hidden.has(of), { width, pick })),
    );
  };
  return {
    box: make(
      "div",
      { class: "chart" },
      legendOf(entries, hidden, () => draw(panels.clientWidth)),
      panels,
    ),
    draw,
  };
}
