// Elements and texts. What comes from the receiver only ever becomes text, never markup.

export const find = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (key === "vars") for (const [each, what] of Object.entries(value)) element.style.setProperty(each, what);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== false && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((each) => each !== null && each !== undefined));
  return element;
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function fault(element, text) {
  say(element, text);
  element.hidden = !text;
}

export function number(value, digits = 0) {
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

export const count = (value, what) => `${number(value)} ${what}${value === 1 ? "" : "s"}`;
export const clock = (timestamp) => timestamp.slice(11, 19);
export const hour = (name) => `${name.slice(0, 10)} ${name.slice(11, 13)}:00`;

export function command(text) {
  const shown = make("code", {}, text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(shown);  // where only secure pages may write
      button.textContent = "marked";
    }
  };
  const button = make("button", { type: "button", "aria-label": `copy ${text}`, on: { click: copy } }, "copy");
  return make("div", { class: "command" }, shown, button);
}

export function table(columns, rows) {
  const kind = (place) => (columns[place].number ? { class: "number" } : {});
  return make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map((each, place) => make("th", kind(place), each.title)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell, place) => make("td", kind(place), cell))))));
}
