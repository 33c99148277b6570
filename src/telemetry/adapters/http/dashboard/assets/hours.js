// The hours of the last week, a square each, and all that is known of the one that is chosen.

import { command, count, fault, find, hour, make, number, say, table } from "./dom.js";
import { showCourse } from "./course.js";

const STATES = ["state", "revision", "unique", "vehicles", "gaps", "missing", "late"];
const DAY_MS = 86_400_000;
const squares = new Map();
let chosen = null;
let shown = "";

const read = ([name, ...rest]) => Object.fromEntries([["hour", name], ...STATES.map((key, place) => [key, rest[place]])]);
const percent = (share) => (share && share < 0.0001 ? "below 0.01 %" : `${number(share * 100, 2)} %`);

function told(square) {
  if (!square.state) return "nothing stored";
  if (square.state === "uncertified") return "figures without a certificate";
  const parts = [square.state, `revision ${square.revision}`, `${count(square.unique, "record")} of ${count(square.vehicles, "vehicle")}`];
  if (square.state === "open") return parts.join(", ");  // what is missing is known once it is over
  if (square.gaps) parts.push(count(square.gaps, "gap"));
  if (square.missing) parts.push(`${percent(square.missing)} missing`);
  if (square.late) parts.push(`${number(square.late)} late`);
  return parts.join(", ");
}

function drawn(button, square) {
  const { state, revision, missing, gaps } = square;
  if (state) button.dataset.state = state;
  else delete button.dataset.state;
  const mark = { waiting: "!", uncertified: "?" }[state] ?? (revision > 1 && state !== "open" ? number(revision) : "");
  button.replaceChildren(...(mark ? [make("b", {}, mark)] : []));
  button.classList.toggle("gaps", state !== "open" && Boolean(gaps || missing >= 0.0005));
  button.style.setProperty("--missing", `${Math.round(100 * Math.min(1, missing ?? 0))}%`);
  const label = `${hour(square.hour)}, ${told(square)}`;
  button.title = label;
  button.setAttribute("aria-label", label);
}

function begin(first, days) {
  const grid = find("grid");
  const start = Date.parse(`${first}T00:00:00Z`);
  const parts = [];
  for (let clock = 0; clock < 24; clock += 1) {
    parts.push(make("span", { class: "clock", "aria-hidden": "true", vars: { "--hour": clock } }, String(clock).padStart(2, "0")));
  }
  squares.clear();
  for (let back = 0; back < days; back += 1) {
    const date = new Date(start + (days - 1 - back) * DAY_MS);
    const name = date.toISOString().slice(0, 10);
    const weekday = date.toLocaleDateString("en-GB", { weekday: "short", timeZone: "UTC" });
    parts.push(make("span", { class: "day", "aria-hidden": "true", vars: { "--day": back } }, `${weekday} ${date.getUTCDate()}`));
    for (let clock = 0; clock < 24; clock += 1) {
      const of = `${name}T${String(clock).padStart(2, "0")}`;
      const button = make("button", {
        type: "button", class: "square", tabindex: "-1", "data-hour": of, "aria-pressed": "false",
        vars: { "--day": back, "--hour": clock }, on: { click: () => choose(of), keydown: move },
      });
      squares.set(of, button);
      parts.push(button);
    }
  }
  grid.replaceChildren(...parts);
}

function move(event) {
  const isTurned = matchMedia("(max-width: 620px)").matches;
  const steps = {
    ArrowRight: isTurned ? -24 : 1, ArrowLeft: isTurned ? 24 : -1,
    ArrowDown: isTurned ? 1 : -24, ArrowUp: isTurned ? -1 : 24,
  };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const at = Date.parse(`${event.currentTarget.dataset.hour}:00:00Z`) + step * 3_600_000;
  const target = squares.get(new Date(at).toISOString().slice(0, 13));
  if (target && !target.hidden) focusOn(target, true);
}

function focusOn(target, isMoved) {
  for (const each of squares.values()) each.tabIndex = -1;
  target.tabIndex = 0;
  if (isMoved) target.focus();
}

export function showHours({ hours, where, fault: why }) {
  fault(find("hours").querySelector(".fault"), why ? `The aggregated store cannot be read: ${why}` : "");
  if (!hours) return;
  if (shown !== hours.first) {
    begin(hours.first, hours.days);
    shown = hours.first;
  }
  const known = new Map(hours.squares.map(read).map((each) => [each.hour, each]));
  const now = new Date().toISOString().slice(0, 13);
  const newest = [...known.keys()].pop() ?? "";
  for (const [name, button] of squares) {
    drawn(button, known.get(name) ?? { hour: name });
    button.hidden = name > now && name > newest;
  }
  const notes = [];
  if (!known.size && !hours.unread) notes.push(`There are no figures in ${where}. Does an aggregator run that writes there?`);
  if (hours.unread) notes.push(`${number(hours.unread)} hours are being read.`);
  say(find("hours-note"), notes.join(" "));
  if (chosen === null && newest) choose(newest, false);
  else if (chosen && known.get(chosen)) refresh(known.get(chosen));
}

let last = "";

function refresh(square) {
  const key = JSON.stringify(square);
  if (key !== last && !find("detail").contains(document.activeElement)) load(chosen);
  last = key;
}

async function choose(name, isAsked = true) {
  chosen = name;
  for (const [of, button] of squares) button.setAttribute("aria-pressed", String(of === name));
  focusOn(squares.get(name), isAsked);
  await load(name);
}

async function load(name) {
  const answer = await fetch(`/dashboard/hours/${name}`).catch(() => null);
  if (answer?.status === 401) return location.reload();
  const known = await answer?.json().catch(() => null);
  if (!known || name !== chosen) return;
  say(find("detail-title"), `${hour(name)} UTC`);
  find("detail-body").replaceChildren(...content(name, answer, known));
}

function content(name, answer, known) {
  if (answer.ok) return detail(name, known);
  const text = answer.status === 404 ? make("p", { class: "note" }, "It has no certified figures.") : make("p", { class: "fault" }, known.detail);
  return [text, command(`telemetry hours show ${name}`)];
}

const FIGURES = [
  ["records", "unique"], ["vehicles", "vehicles"], ["copies", "duplicates"], ["conflicting", "conflicting"],
  ["skewed", "skewed"], ["refused", "refused"], ["damaged objects", "damaged"], ["late", "late"],
  ["gaps", "gaps"], ["absent", "absent"],
];

function detail(name, { report, vehicles }) {
  const { line } = report;
  const isOpen = line.state === "open";
  const figures = FIGURES.filter(([, key], place) => place < 3 || (line[key] && !(isOpen && key === "gaps")));
  const parts = [
    make("p", { class: "state" }, make("strong", {}, line.state), `, revision ${line.revision}, since ${line.since.slice(0, 19).replace("T", " ")}`),
    line.reason ? make("p", { class: isOpen ? "note" : "fault" }, isOpen ? `${line.reason.slice(0, -8).replace("T", " ")}; what is missing is known once it is over` : line.reason) : null,
    make("dl", {}, ...figures.map(([title, key]) => make("div", {}, make("dt", {}, title), make("dd", {}, number(line[key])))),
      isOpen ? null : make("div", {}, make("dt", {}, "missing"), make("dd", {}, percent(line.missing_share)))),
    command(`telemetry hours show ${name}`),
    picker(name, vehicles, line.vehicles),
  ];
  const gaps = Object.entries(report.with_gaps).flatMap(([id, streams]) => Object.values(streams).map((stream) => [id, stream]));
  if (gaps.length && !isOpen) {
    gaps.sort(([, a], [, b]) => b.longest_gap_s - a.longest_gap_s);
    const rows = gaps.slice(0, 5).map(([id, stream]) => [
      vehicle(id, name), number(stream.gaps), `${number(stream.longest_gap_s)} s from ${stream.longest_gap_from.slice(11, 19)}`,
    ]);
    parts.push(table([{ title: "longest gaps" }, { title: "gaps", number: true }, { title: "longest", number: true }], rows));
  }
  return parts.filter(Boolean);
}

function picker(name, vehicles, known) {
  const list = make("datalist", { id: "vehicles" }, ...vehicles.map((id) => make("option", { value: id })));
  const input = make("input", { id: "vehicle", list: "vehicles", required: true, autocomplete: "off", spellcheck: "false", placeholder: vehicles[0] ?? "" });
  const submit = (event) => {
    event.preventDefault();
    showCourse(input.value.trim(), name);
  };
  return make("form", { on: { submit } },
    make("label", { for: "vehicle" }, "the hour of one vehicle"), input, list,
    make("button", {}, "draw"),
    known > vehicles.length ? make("span", { class: "note" }, `the first ${vehicles.length} of ${number(known)} are offered`) : null);
}

export function vehicle(id, name) {
  return make("button", { type: "button", class: "link", on: { click: () => showCourse(id, name) } }, id);
}
