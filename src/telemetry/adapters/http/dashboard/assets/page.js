// What the receiver sends: as events, and where those do not come, by asking again and again.

import { fault, find, say } from "./dom.js";
import { showFleet } from "./fleet.js";
import { showHours } from "./hours.js";
import { showNumbers } from "./numbers.js";
import { showTriggers } from "./triggers.js";

const PARTS = {
  numbers: showNumbers,
  hours: showHours,
  fleet: showFleet,
  triggers: showTriggers,
  reader: ({ fault: why }) => fault(find("reader"), why ? `What is below may be old. ${why}` : ""),
};
const STALE_MS = 8_000;
const ASK_EVERY_MS = 5_000;
const TRY_EVENTS_AGAIN_MS = 60_000;

let heard = Date.now();
let isAsking = false;

function linked(state, text) {
  const link = find("link");
  link.dataset.state = state;
  say(link, text);
}

function take(name, part) {
  PARTS[name]?.(part);
  if (name !== "numbers") return;
  heard = Date.now();
  document.body.classList.remove("stale");
  linked("live", isAsking ? `live, asks every ${ASK_EVERY_MS / 1000} s` : "live");
}

function listen() {
  const stream = new EventSource("/dashboard/feed");
  for (const name of Object.keys(PARTS)) {
    stream.addEventListener(name, (event) => {
      isAsking = false;
      take(name, JSON.parse(event.data));
    });
  }
  stream.addEventListener("error", () => {
    if (!isAsking) linked("wait", "connecting again");
    if (stream.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, TRY_EVENTS_AGAIN_MS);
    beginToAsk();
  });
}

function beginToAsk() {
  if (isAsking) return;
  isAsking = true;
  ask();
}

async function ask() {
  if (!isAsking) return;
  const answer = await fetch("/dashboard/parts").catch(() => null);
  if (answer?.status === 401) return location.reload();  // the session has ended, and the form is there
  if (answer?.ok) for (const [name, part] of Object.entries(await answer.json())) take(name, part);
  setTimeout(ask, ASK_EVERY_MS);
}

setInterval(() => {
  if (Date.now() - heard < STALE_MS) return;
  document.body.classList.add("stale");
  linked("lost", `no news since ${new Date(heard).toISOString().slice(11, 19)}`);
  beginToAsk();
}, 1_000);

listen();
