// When to change the design: what is measured beside its bound, and where it is exceeded what to do first.

import { find, make, number, say, table } from "./dom.js";

const digits = (value) => (value >= 100 ? 0 : value >= 1 ? 1 : 4);
const shown = (value, unit) => (value === null ? "not known" : unit === "share" ? `${number(value * 100, 2)} %` : unit === "$" ? `$${number(value, 2)}` : `${number(value, digits(value))} ${unit}`);

function steps(trigger) {
  if (!trigger.fires) return "";
  return make("ol", {}, ...trigger.steps.map((each) => make("li", {}, each)));
}

export function showTriggers({ triggers }) {
  find("triggers").hidden = !triggers.length;
  const firing = triggers.filter((each) => each.fires).length;
  say(find("triggers-note"), firing ? `${number(firing)} of ${number(triggers.length)} fire` : "none fires");
  const rows = triggers.map((each) => [
    `${each.fires ? "▲" : "✓"} ${each.name}`, shown(each.value, each.unit), shown(each.bound, each.unit), steps(each)]);
  const columns = [{ title: "trigger" }, { title: "measured", number: true }, { title: "bound", number: true }, { title: firing ? "what to do, in this order" : "" }];
  const made = table(columns, rows);
  made.id = "triggers-table";
  triggers.forEach((each, place) => made.tBodies[0].rows[place].classList.toggle("fires", each.fires));
  find("triggers-table").replaceWith(made);
}
