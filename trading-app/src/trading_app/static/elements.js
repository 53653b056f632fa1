// Small helpers to build and fill elements. Text is only ever set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Sets text only if it changed: unchanged text is neither laid out nor read out again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

// Lets the browser save a file.
export function save(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

// A cell with an aligned decimal point: the part after the point is an element as wide as in the column's other cells.
export function numberCell(attributes = {}) {
  return make("td", { class: "number", ...attributes }, make("span"), make("span", { class: "fraction" }));
}

export function setNumber(cell, text, exact) {
  const point = text.indexOf(".");
  setText(cell.firstChild, point < 0 ? text : text.slice(0, point));
  setText(cell.children[1], point < 0 ? "" : text.slice(point));
  if (exact !== undefined && cell.title !== exact) cell.title = exact;
}

export const SIDES = { buy: "▲ Buy", sell: "▼ Sell" };
