// The fleet: who is seen and who is silent, how full the packs are, and which of them stand out.

import { fault, find, make, number, say, table } from "./dom.js";
import { vehicle } from "./hours.js";

const counted = (value, title) => make("div", {}, make("b", {}, number(value)), make("span", {}, title));

function bars(soc) {
  const most = Math.max(...soc, 1);
  const label = soc.map((each, place) => (each ? `${number(each)} from ${place * 10} to ${place * 10 + 10} %` : null)).filter(Boolean).join(", ");
  return make("figure", { role: "img", "aria-label": `State of charge: ${label || "not known"}` },
    make("div", { class: "bars" }, ...soc.map((each) => make("div", { vars: { "--part": `${(75 * each) / most}%` } }, each ? make("b", {}, number(each)) : null))),
    make("div", { class: "scale" }, ...["0 %", "50 %", "100 %"].map((each) => make("span", {}, each))));
}

function standing(title, unit, digits, packs) {
  const rows = packs.map((each) => [vehicle(each.vehicle_id, each.hour), `${each.value.toFixed(digits)} ${unit}`]);
  return make("div", {}, make("h3", {}, title), rows.length ? table([{ title: "vehicle" }, { title: "", number: true }], rows) : make("p", { class: "note" }, "not known"));
}

function silence(silent, named) {
  const rows = named.map((each) => [vehicle(each.vehicle_id, each.last.slice(0, 13)), each.last.slice(5, 19).replace("T", " ")]);
  const none = silent ? "all who are silent are parked" : "nobody";
  return make("div", {}, make("h3", {}, "Silent and not parked"),
    rows.length ? table([{ title: "vehicle" }, { title: "last record", number: true }], rows) : make("p", { class: "note" }, none));
}

export function showFleet({ fleet, fault: why }) {
  fault(find("fleet").querySelector(".fault"), why ? `The fleet cannot be read: ${why}` : "");
  if (!fleet) return;
  say(find("fleet-note"), fleet.as_of
    ? `as of ${fleet.as_of.slice(0, 19).replace("T", " ")}, its newest record; silent is 5 minutes behind that`
    : "No vehicle is in the figures of the last days.");
  if (!fleet.as_of) return find("fleet-body").replaceChildren();
  find("fleet-body").replaceChildren(
    make("div", {},
      make("div", { class: "counts" }, counted(fleet.seen, "seen"), counted(fleet.silent, "silent"), counted(fleet.asleep, "of them parked")),
      make("h3", {}, "Vehicles by state of charge"), bars(fleet.soc)),
    standing("Weakest: lowest cell voltage", "V", 3, fleet.weakest),
    standing("Hottest: highest cell temperature", "°C", 1, fleet.hottest),
    silence(fleet.silent, fleet.longest_silent));
}
