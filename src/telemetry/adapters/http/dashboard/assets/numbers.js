// The six numbers: value, second, and under each that is wrong what is wrong and the command that helps.

import { clock, command, count, find, make, number, say } from "./dom.js";

const DIGITS = { s: 2, "%": 2 };

function value({ value, unit }) {
  if (value === null) return [make("span", {}, "not known")];
  const shown = unit === "s" && value >= 100 ? number(value, 0) : number(value, DIGITS[unit] ?? 0);
  return [shown, make("small", {}, unit ? ` ${unit}` : "")];
}

function tile({ title, vital, isNone }) {
  const state = vital.wrong ? "wrong" : vital.value === null && !isNone ? "unknown" : "good";
  const mark = { wrong: vital.since ? `wrong since ${clock(vital.since)}` : "wrong", unknown: "nobody tells", good: "fine" };
  return make("li", { class: state, "data-name": vital.name },
    make("h2", {}, title),
    make("p", { class: "value" }, ...(isNone ? ["none"] : value(vital))),
    make("p", { class: "when" }, make("span", { class: "mark" }, mark[state]), make("span", { class: "dot" }, " · "), make("time", {}, clock(vital.second))),
    vital.wrong ? make("p", { class: "why" }, vital.why) : null,
    vital.help && vital.wrong ? command(vital.help) : null);
}

const drawn = new Map();

export function showNumbers({ numbers, roles }) {
  const list = find("numbers");
  const isAsked = numbers.some(({ vital }) => vital.name === "dead_letters" && vital.value !== null);
  numbers.forEach(({ title, vital }, place) => {
    // A queue that could be asked, and told of no oldest message, has none.
    const each = { title, vital, isNone: isAsked && vital.name === "oldest" && vital.value === null && !vital.wrong };
    const { second, ...rest } = { ...vital, isNone: each.isNone };
    const key = JSON.stringify(rest);
    const before = list.children[place];
    if (before && drawn.get(each.vital.name) === key) {
      say(before.querySelector("time"), clock(second));  // so that a command being copied stays marked
      return;
    }
    drawn.set(each.vital.name, key);
    if (before) before.replaceWith(tile(each));
    else list.append(tile(each));
  });
  const seen = Object.entries(roles).filter(([, many]) => many);
  say(find("roles"), seen.map(([role, many]) => count(many, role)).join(" · "));
  const wrong = numbers.filter(({ vital }) => vital.wrong).length;
  document.title = wrong ? `(${wrong}) telemetry` : "telemetry";
}
