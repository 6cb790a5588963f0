"use strict";
// Asks where each study stands every two seconds, and shows it. Text from studies is only ever set as text.

const PERIOD = 2000;
const shown = new Map();

function svg(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

function number(value, unit) {
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  const text = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit === "%" ? `${text}%` : unit ? `${text} ${unit}` : text;
}

// A line through points, as wide as its place; `steps`: the value stays until the next point.
function line(points, height, label, steps) {
  const made = svg("svg", { viewBox: `0 0 100 ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  made.style.height = `${height}px`;
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const x = (value) => (right > left ? (100 * (value - left)) / (right - left) : 0);
  const y = (value) => (high > low ? height - 2 - ((height - 4) * (value - low)) / (high - low) : height / 2);
  let path = "";
  points.forEach(([at, value], index) => {
    if (index === 0) path = `M${x(at)} ${y(value)}`;
    else path += steps ? `H${x(at)}V${y(value)}` : `L${x(at)} ${y(value)}`;
  });
  made.append(svg("line", { x1: 0, x2: 100, y1: height, y2: height }), svg("path", { d: path }));
  return made;
}

function item(main, beside) {
  const made = document.createElement("li");
  const more = document.createElement("span");
  more.textContent = beside;
  made.append(main, " ", more);
  return made;
}

function card(id) {
  const made = document.getElementById("study").content.firstElementChild.cloneNode(true);
  made.dataset.study = id;
  document.getElementById("studies").append(made);
  return { root: made, version: 0, find: (selector) => made.querySelector(selector) };
}

function counts(state) {
  const known = state.searching ? "trials drawn so far" : "trials";
  const parts = [`${state.done.toLocaleString("en")} of ${state.needed.toLocaleString("en")} ${known} have ended`];
  if (state.running) parts.push(`${state.running.toLocaleString("en")} in training`);
  if (state.failed) parts.push(`${state.failed.toLocaleString("en")} failed`);
  const run = state.run;
  if (run && run.seconds_left !== null) {
    const since = (Date.now() - Date.parse(run.seen_at)) / 1000;
    parts.push(`about ${duration(run.seconds_left - since)} left`);
  } else if (run) parts.push("estimating what is left");
  return parts.join(", ");
}

function showBest(place, state) {
  place.hidden = !state.best.length;
  place.querySelector("ul").replaceChildren(...state.best.map(([value, label]) => item(value, label)));
  const steps = state.steps;
  if (!steps || steps.points.length < 2) return;
  const caption = document.createElement("figcaption");
  const [first, last] = [steps.points[0], steps.points[steps.points.length - 1]];
  for (const [seconds, value] of [first, last]) {
    const end = document.createElement("span");
    end.textContent = `${number(value, steps.unit)} after ${duration(seconds)}`;
    caption.append(end);
  }
  place.querySelector("figure").replaceChildren(line(steps.points, 70, `${steps.label}, best so far`, true), caption);
}

function showTraining(place, state) {
  place.hidden = !state.training.length;
  const rows = state.training.map((one) => {
    const made = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = name.title = one.label;
    const position = document.createElement("span");
    position.textContent = one.epochs ? `${one.epoch} of ${one.epochs} epochs` : `${one.epoch} epochs`;
    made.append(name, position);
    if (one.curve.length > 1) made.append(line(one.curve, 22, `validation curve of ${one.label}`, false));
    return made;
  });
  if (state.running > state.training.length) rows.push(item("", `and ${state.running - state.training.length} more`));
  place.querySelector("ul").replaceChildren(...rows);
}

// The frame keeps its place in the page of the report when a new one is loaded.
function showReport(one, state) {
  const { version, writing, error } = state.report;
  const words = one.find(".report-state");
  const frame = one.find("iframe");
  if (!version) words.textContent = error || (writing ? "is being written" : "comes with the first trial that ends");
  else {
    const link = document.createElement("a");
    link.href = `report/${encodeURIComponent(state.id)}`;
    link.target = "_blank";
    link.textContent = "in a tab of its own";
    words.replaceChildren(link, writing ? "; a newer one is being written" : "");
    if (error) words.append(`; the last could not be written: ${error}`);
  }
  if (version === one.version) return;
  one.version = version;
  const scrolled = frame.contentWindow && !frame.hidden ? frame.contentWindow.scrollY : 0;
  frame.onload = () => frame.contentWindow.scrollTo(0, scrolled);
  frame.hidden = false;
  frame.src = `report/${encodeURIComponent(state.id)}?version=${version}`;
}

function show(state) {
  if (!shown.has(state.id)) shown.set(state.id, card(state.id));
  const one = shown.get(state.id);
  for (const kind of ["fault", "error", "note"]) {
    const words = one.find(`.${kind}`);
    words.hidden = !state[kind] || (kind === "note" && Boolean(state.fault));
    words.textContent = state[kind] || "";
  }
  if (state.title === undefined) {
    one.find("h2").textContent = state.name;
    return;
  }
  one.find("h2").textContent = state.title;
  const run = state.run;
  const where = run ? `running on ${run.host} (process ${run.process})` : state.complete ? "complete" : "not running";
  one.find(".where").textContent = [state.name, state.variant, where].filter(Boolean).join(" · ");
  let share = state.needed ? state.done / state.needed : 0;
  if (run && run.share !== null) share = run.share;
  else if (!state.complete) share = Math.min(share, 0.99);
  one.find("progress").value = share;
  one.find("progress").setAttribute("aria-label", `progress of ${state.title}`);
  one.find(".counts").textContent = counts(state);
  showBest(one.find(".best"), state);
  showTraining(one.find(".training"), state);
  one.find(".stages").hidden = !state.stages.length;
  one.find(".stages").textContent = `Stages so far: ${state.stages.join("; ")}`;
  one.find(".next").hidden = Boolean(run);
  one.find(".next span").textContent = "Next:";
  one.find(".next code").textContent = state.next;
  showReport(one, state);
}

async function refresh() {
  const connection = document.getElementById("connection");
  try {
    const answer = await fetch("state");
    if (!answer.ok) throw new Error(await answer.text());
    const { studies } = await answer.json();
    studies.forEach(show);
    connection.textContent = `as of ${new Date().toLocaleTimeString()}`;
    const left = studies.filter((state) => state.run).length;
    document.title = left ? `${left} running · Ablatune` : "Ablatune";
  } catch (error) {
    connection.textContent = "`ablatune view` has ended, or cannot be reached; this is the last that it said";
  }
  setTimeout(refresh, PERIOD);
}

refresh();
