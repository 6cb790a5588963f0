// What opens beside the page: the replicates of a level, and of each its curve, its configuration and its commands.

const drawer = make("dialog", { "aria-labelledby": "drawer-title" });

/** Open the drawer with a heading and contents; Escape, the cross and a click beside it close it. */
function openDrawer(title, ...contents) {
  const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => drawer.close());
  drawer.replaceChildren(make("h2", { id: "drawer-title" }, title), close, ...contents.filter(Boolean));
  if (!drawer.isConnected) {
    document.body.append(drawer);
    drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
  }
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
}

function commandLine(words, command) {
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(command);
    button.textContent = "Copied";
  });
  return [make("h3", {}, words), make("div", { class: "command" }, make("code", {}, command), button)];
}

/** The commands that show a trial and train it again. */
function commandsOf(key) {
  if (!report.commands.run) return [];
  const { show: look, remove, run } = report.commands;
  return [
    ...commandLine("All that is known of this trial", look.replace("KEY", key)),
    ...commandLine("Train it again", `${remove.replace("KEY", key)}\n${run}`),
  ];
}

const listOf = (pairs) =>
  make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));

const folded = (words, ...contents) => make("details", {}, make("summary", {}, words), ...contents);

/** Open a level of a table with its replicates; a replicate that is picked shows what it is. */
function openLevel(name, row, replicate = row.replicates[0]) {
  const table = report.tables[name];
  const panels = make("div", { class: "panels chart" });
  const detail = make("div");
  const columns = [
    { heading: "Seed", number: true, cell: (one) => one[SEED] },
    { heading: table.metric, number: true, cell: (one) => show(one[VALUE]) },
    { heading: "Epoch", number: true, cell: (one) => one[EPOCH] ?? "–" },
    { heading: "Time (s)", number: true, cell: (one) => show(one[SECONDS]) },
    { heading: "Ended", cell: (one) => (one[REASON] ? `${one[OUTCOME]}: ${one[REASON]}` : one[OUTCOME]) },
  ];
  const pick = (one) => {
    [...made.body.rows].forEach((line) =>
      line.setAttribute("aria-selected", String(line.dataset.of === `s${one[SEED]}`)),
    );
    drawReplicates(panels, table, row, one);
    detail.replaceChildren(
      make("h3", {}, `Seed ${one[SEED]}`),
      listOf([...row.set, ["Trial", one[KEY]]]),
      ...(table.shared.length
        ? [folded("The rest of its configuration, as all levels have it", listOf(table.shared))]
        : []),
      ...commandsOf(one[KEY]),
    );
  };
  const made = dataTable(columns, row.replicates, { of: (one) => `s${one[SEED]}`, pick, words: "replicates" });
  openDrawer(`${table.heading}: ${row.label}`, panels, made.box, detail);
  if (replicate) pick(replicate);
}

/** Draw the curves of a level's replicates, the picked one in colour. */
function drawReplicates(panels, table, row, picked) {
  const chart = Object.values(report.charts).find((one) => report.tables[one.table] === table);
  if (!chart) return;
  const quantities = chart.panels.filter((panel, place) => !place || panel.reported);
  const rows = row.replicates.map((one) => ({
    ...row,
    of: `s${one[SEED]}`,
    label: `seed ${one[SEED]}`,
    colour: one === picked ? "var(--level-0)" : "var(--grey)",
    dashes: "",
    replicates: [one],
  }));
  rows.sort((a, b) => (a.replicates[0] === picked) - (b.replicates[0] === picked));
  if (!rows.some((one) => pointsOf(one, one.replicates[0], quantities[0].q).length > 1)) return panels.replaceChildren();
  const width = Math.min(640, drawer.clientWidth ? drawer.clientWidth - 64 : innerWidth - 64);
  panels.replaceChildren(
    ...quantities.map((quantity) =>
      curvesPanel({ ...table, rows: rows.slice(-FEW_CURVES) }, { ...quantity, domain: null }, () => true, {
        width,
        height: 220,
      }),
    ),
  );
}
