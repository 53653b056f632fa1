// Totals and positions, as the sidecar keeps them. Figures are shown rounded; each figure's title has its exact digits.

import { byId, make, numberCell, setNumber, setText, show } from "./elements.js";
import { paced } from "./frames.js";
import { decimalsOf, fixed, group, groupSigned, round, sign, trim } from "./numbers.js";
import { age, now, secondsOf } from "./times.js";

const OLD_SECONDS = 300;       // a last trade older than this is marked as old
const MAX_DECIMALS = 12;
const LABELS = ["Symbol", "Account", "Strategy", "Position", "Average entry", "Last price", "Realised", "Unrealised",
  "Fees", "Net P&L", "Last trade"];
const SUMS = [["Net P&L", "net"], ["Realised", "realized"], ["Unrealised", "unrealized"]];

export class Books {
  #rows = new Map();
  #cards = new Map();
  #decimals = new Map();

  constructor(describeEmpty) {
    this.body = document.querySelector("#positions tbody");
    this.describeEmpty = describeEmpty;
    this.document = null;
    this.draw = paced(() => this.#draw());
    setInterval(() => this.#drawAges(), 1000);
  }

  clear() {
    this.document = null;
    this.draw();
  }

  take(document) {
    this.document = document;
    this.draw();
  }

  #draw() {
    const { rows, totals, count, incomplete_since: since } = this.document ?? { rows: [], totals: [], count: 0 };
    show(byId("positions"), rows.length > 0);
    show(byId("books-empty"), rows.length === 0);
    setText(byId("books-empty"), this.describeEmpty(this.document !== null));
    show(byId("books-incomplete"), Boolean(since));
    setText(byId("books-incomplete"), since ? `These figures are incomplete since trade ${group(String(since))}: the sidecar does not know that kind of event. Update the sidecar.` : "");
    show(byId("books-more"), count > rows.length);
    setText(byId("books-more"), `${rows.length} of ${group(String(count))} positions; use a filter to see the others. The totals include all.`);
    this.#drawCards(totals);
    this.#drawRows(rows);
    this.#drawAges();
  }

  // The maximum so far: figures whose number of digits changes with each trade can't be read.
  #decimalsFor(name, decimals) {
    const max = Math.min(MAX_DECIMALS, Math.max(2, decimals, this.#decimals.get(name) ?? 0));
    this.#decimals.set(name, max);
    return max;
  }

  #drawCards(totals) {
    const cards = totals.map((total) => {
      const card = this.#cards.get(total.quote) ?? newCard(total.quote);
      fillCard(card, total, this.#decimalsFor(` ${total.quote}`, total.decimals));
      return [total.quote, card];
    });
    this.#cards = new Map(cards);
    place(byId("cards"), cards.map(([, card]) => card));
  }

  #drawRows(rows) {
    const named = rows.map((row) => [`${row.symbol} ${row.account} ${row.strategy} ${row.position_side} ${row.unit}`, row]);
    named.sort(([left], [right]) => (left < right ? -1 : 1));
    const lines = named.map(([key, row]) => {
      const line = this.#rows.get(key) ?? newLine();
      fillLine(line, row, this.#decimalsFor(row.symbol, decimalsOf(row.last)));
      return [key, line];
    });
    this.#rows = new Map(lines);
    place(this.body, lines.map(([, line]) => line));
    align(byId("positions"), this.body);
  }

  #drawAges() {
    for (const line of this.#rows.values()) {
      const cell = line.cells[10], seconds = now() - Number(cell.dataset.at);
      setText(cell, cell.dataset.at ? age(seconds) : "–");
      cell.classList.toggle("old", seconds > OLD_SECONDS);
    }
  }
}

// Puts the children into this order. Elements already in place are not touched, so they keep focus and selection.
function place(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

function newCard(quote) {
  const card = make("dl", { class: "card", "data-quote": quote, "aria-label": quote || "Currency unknown" });
  for (const label of [...SUMS.map(([name]) => name), "Fees", "Exposure", "Open positions"]) {
    card.append(make("div", {}, make("dt", {}, label), make("dd")));
  }
  return card;
}

function fillCard(card, total, decimals) {
  const values = card.querySelectorAll("dd");
  SUMS.forEach(([, name], index) => setGain(values[index], total[name], decimals));
  setText(card.querySelector("dt"), total.quote ? `Net P&L, ${total.quote}` : unknownTitle(total.symbols));
  setText(values[3], fees(total.fees, decimals, total.quote));
  values[0].title = notInNet(total.fees_outside_net) || values[0].title;
  setText(values[4], total.exposure === null ? "–" : group(fixed(total.exposure, decimals)));
  values[4].title = total.exposure ?? "";
  setText(values[5], String(total.open_positions));
}

// BTCUSD may be settled in USD or in BTC: amounts in unknown currencies are not added up.
function unknownTitle(symbols) {
  return symbols === 1 ? "Net P&L, currency unknown" : `Net P&L of ${symbols} symbols, currencies unknown, not added`;
}

function newLine() {
  const line = make("tr", { role: "row" });
  LABELS.forEach((label, index) => {
    const attributes = { role: index === 0 ? "rowheader" : "cell", "data-label": label };
    if (index === 0) line.append(make("th", { ...attributes, scope: "row" }));
    else if (index < 3) line.append(make("td", attributes));
    else if (index === 8 || index === 10) line.append(make("td", { ...attributes, class: "number" }));
    else line.append(numberCell(attributes));
  });
  return line;
}

function fillLine(line, row, decimals) {
  const cells = line.cells;
  const flat = sign(row.position) === 0;
  const symbol = row.position_side ? `${row.symbol} ${row.position_side}` : row.symbol;
  [symbol, row.account, row.strategy].forEach((text, index) => setText(cells[index], text));
  cells[0].title = row.flags.join(", ").replaceAll("_", " ");
  setNumber(cells[3], flat ? "flat" : groupSigned(row.position), row.position);
  setNumber(cells[4], flat ? "–" : group(fixed(row.average, decimals)), row.average);
  setNumber(cells[5], group(fixed(row.last, decimals)), row.last);
  ["realized", "unrealized"].forEach((name, index) => setGainCell(cells[6 + index], row[name], decimals));
  setText(cells[8], fees(row.fees, decimals, row.quote));
  cells[8].title = Object.entries(row.fees).map(([currency, fee]) => `${fee} ${currency}`).join(", ");
  setGainCell(cells[9], row.net, decimals);
  cells[9].title = [row.unit ?? "currency unknown", notInNet(row.fees_outside_net)].filter(Boolean).join("; ");
  cells[10].dataset.at = row.last_trade ? secondsOf(row.last_trade) : "";
  cells[10].title = row.last_trade ?? "";
}

function setGain(element, exact, decimals) {
  if (exact === null) {
    setText(element, "–");
    element.title = "";
    delete element.dataset.gain;
    return;
  }
  const text = fixed(exact, decimals);
  setText(element, groupSigned(text));
  element.title = exact;
  element.dataset.gain = sign(text);
}

function setGainCell(cell, exact, decimals) {
  if (exact === null) {
    setNumber(cell, "–", "");
    delete cell.dataset.gain;
    return;
  }
  const text = fixed(exact, decimals);
  setNumber(cell, groupSigned(text), exact);
  cell.dataset.gain = sign(text);
}

function notInNet(byCurrency) {
  const texts = Object.entries(byCurrency).map(([currency, fee]) => `${fee} ${currency}`);
  return texts.length ? `not in net: ${texts.join(", ")}` : "";
}

// Fees in the quote currency come first, without its name; then the others.
function fees(byCurrency, decimals, quote) {
  const entries = Object.entries(byCurrency).sort(([left], [right]) => (right === quote) - (left === quote));
  const texts = entries.map(([currency, fee]) =>
    currency === quote ? group(fixed(fee, decimals)) : `${group(short(fee))} ${currency}`);
  return texts.join(" + ") || "0";
}

// Four decimals, or eight if four would round the amount to 0.
function short(amount) {
  const text = round(amount, 4);
  return trim(sign(text) ? text : round(amount, 8));
}

// Aligns the decimal points: in each column the part after the point is as wide as that of its longest figure.
function align(table, body) {
  for (let column = 3; column < LABELS.length - 1; column++) {
    if (column === 8) continue;
    let decimals = 0;
    for (const line of body.rows) decimals = Math.max(decimals, line.cells[column].lastChild.textContent.length - 1);
    table.style.setProperty(`--column-${column}`, decimals);
  }
}
