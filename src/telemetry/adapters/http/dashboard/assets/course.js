// One vehicle's hour: a chart for each signal, or for a lowest and a highest one together.

import { count, find, hour, make, number, say } from "./dom.js";

let asked = "";
let current = null;
const charts = [];

export async function showCourse(id, name) {
  asked = `${id} ${name}`;
  const mine = asked;
  const section = find("course");
  section.hidden = false;
  say(find("course-title"), `${id}, ${hour(name)} UTC`);
  say(find("course-note"), "being read");
  section.focus({ preventScroll: true });
  section.scrollIntoView({ block: "nearest" });
  const answer = await fetch(`/dashboard/hours/${name}/vehicles/${encodeURIComponent(id)}`).catch(() => null);
  if (mine !== asked) return;
  if (answer?.status === 401) return location.reload();
  if (!answer?.ok) {
    clear();
    say(find("course-note"), answer ? (await answer.json()).detail : "The receiver does not answer.");
    return;
  }
  current = await answer.json();
  say(find("course-note"), note(current));
  draw();
}

function note({ records, read, listed, step_s: step, left_out: left }) {
  const objects = read < listed ? `${number(read)} of ${number(listed)} objects, evenly chosen` : count(listed, "object");
  if (!listed) return "The raw store has no objects of this hour.";
  if (!records) return `It has no record in ${objects}.`;
  const more = left ? `; ${number(left)} more signals are not drawn` : "";
  return `${count(records, "record")} in ${objects}, a point each ${step} s${more}`;
}

function clear() {
  for (const each of charts.splice(0)) each.destroy();
  find("panels").replaceChildren();
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw() {
  clear();
  if (!current) return;
  const places = current.panels.map((panel) => (
    make("div", { class: "panel", role: "img", "aria-label": summary(panel) }, make("h3", {}, title(panel)))));
  find("panels").append(...places);  // all of them, because each is as wide as their number lets it
  current.panels.forEach((panel, at) => {
    const values = panel.series.map((each) => each.values);
    charts.push(new uPlot(options(panel, places[at].clientWidth), [current.times, ...values], places[at]));
  });
}

const title = ({ title, unit }) => (unit ? `${title}, ${unit === "degC" ? "°C" : unit}` : title);

function summary(panel) {
  const values = panel.series.flatMap((each) => each.values).filter((each) => each !== null);
  const [low, high] = values.reduce(([a, b], each) => [Math.min(a, each), Math.max(b, each)], [Infinity, -Infinity]);
  return `${title(panel)}: from ${number(low, 2)} to ${number(high, 2)}`;
}

// Between two that lack a value, a value makes no line. It is drawn as a point.
function alone(chart, series) {
  const values = chart.data[series];
  const lacks = (at) => values[at] === null || values[at] === undefined;
  return values.flatMap((value, at) => (value !== null && lacks(at - 1) && lacks(at + 1) ? [at] : []));
}

function options(panel, width) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--faint"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width, height: 150, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { sync: { key: "course" }, points: { size: 6 }, drag: { x: true, y: false } },
    scales: { x: { min: current.times[0], max: current.times[0] + 3600 } },
    axes: [
      { ...axis, values: (_, at) => at.map((each) => new Date(each * 1000).toISOString().slice(11, 16)), space: 60, size: 24 },
      { ...axis, size: 46 },
    ],
    series: [
      { label: "time", value: (_, at) => (at === null ? "–" : new Date(at * 1000).toISOString().slice(11, 19)) },
      ...panel.series.map(({ name }, place) => ({
        label: name, stroke: colour(place ? "--two" : "--one"), width: 1.5, dash: place ? [5, 3] : undefined, points: { size: 4, filter: alone },
        value: (_, each) => (each === null || each === undefined ? "–" : number(each, 3)),
      })),
    ],
  };
}

let timer = 0;
const later = () => {
  clearTimeout(timer);
  timer = setTimeout(draw, 150);
};
addEventListener("resize", later);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
