// Totals and positions, as the sidecar keeps them. Figures are shown rounded; each figure's title has its exact digits.

import { amount, NOT_KNOWN, notInNet, setGainCell, setTitle } from "./amounts.js";
import { baseCard, fillCard, newCard } from "./cards.js";
import { byId, make, numberCell, setNumber, setText, show } from "./elements.js";
import { drawMarks, drawNotes } from "./flags.js";
import { paced } from "./frames.js";
import { decimalsOf, group, groupSigned, sign } from "./numbers.js";
import { age, now, secondsOf } from "./times.js";

const OLD_SECONDS = 300;       // a last price older than this is marked as old
const MAX_DECIMALS = 12;
const LABELS = ["Symbol", "Account", "Strategy", "Position", "Average entry", "Last price", "Net P&L", "Realised",
  "Unrealised", "Fees", "Cash", "Price time"];
const BASE = " base";           // among the cards, which have the names of currencies
const FIRST_NUMBER = 3, NET = 6, AGE = 11;

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
    const { rows, totals, count, recomputing, base, incomplete_since: since } = this.document ?? { rows: [], totals: [], count: 0 };
    show(byId("positions"), rows.length > 0);
    show(byId("books-empty"), rows.length === 0);
    setText(byId("books-empty"), this.describeEmpty(this.document !== null));
    show(byId("books-incomplete"), Boolean(since));
    setText(byId("books-incomplete"), since ? `These figures are incomplete since trade ${group(String(since))}: the sidecar does not know that kind of event. Update the sidecar.` : "");
    show(byId("books-recomputing"), Boolean(recomputing));
    setText(byId("books-recomputing"), recomputing ? `${recomputing === 1 ? "One position is" : `${group(String(recomputing))} positions are`} being recomputed after a correction or a late trade. Until then their figures are those before it.` : "");
    show(byId("books-more"), count > rows.length);
    setText(byId("books-more"), `${rows.length} of ${group(String(count))} positions; use a filter to see the others. The totals include all.`);
    this.#drawCards(totals, base);
    this.#drawRows(rows);
    drawNotes(byId("books-notes"), rows);
    this.#drawAges();
  }

  // The maximum so far: figures whose number of digits changes with each trade can't be read.
  #decimalsFor(name, decimals) {
    const max = Math.min(MAX_DECIMALS, Math.max(2, decimals, this.#decimals.get(name) ?? 0));
    this.#decimals.set(name, max);
    return max;
  }

  #drawCards(totals, base) {
    const cards = totals.map((total) => {
      const card = this.#cards.get(total.currency) ?? newCard();
      fillCard(card, total, this.#decimalsFor(` ${total.currency}`, total.decimals));
      return [total.currency, card];
    });
    if (base) cards.unshift([BASE, baseCard(this.#cards.get(BASE), base)]);
    this.#cards = new Map(cards);
    place(byId("cards"), cards.map(([, card]) => card));
  }

  #drawRows(rows) {
    const named = rows.map((row) => [`${row.symbol} ${row.account} ${row.strategy} ${row.side} ${row.currency}`, row]);
    named.sort(([left], [right]) => (left < right ? -1 : 1));
    const lines = named.map(([key, row]) => {
      const line = this.#rows.get(key) ?? newLine();
      fillLine(line, row, this.#decimalsFor(row.symbol, decimalsOf(row.last ?? row.average)));
      return [key, line];
    });
    this.#rows = new Map(lines);
    place(this.body, lines.map(([, line]) => line));
    byId("positions").classList.toggle("with-cash", rows.some((row) => sign(row.cash)));
    align(byId("positions"), this.body);
  }

  #drawAges() {
    for (const line of this.#rows.values()) {
      const cell = line.cells[AGE], seconds = now() - Number(cell.dataset.at);
      setText(cell, cell.dataset.at ? age(seconds) : NOT_KNOWN);
      cell.classList.toggle("old", Boolean(cell.dataset.at) && seconds > OLD_SECONDS);
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

function newLine() {
  const line = make("tr", { role: "row" });
  LABELS.forEach((label, index) => {
    const attributes = { role: index === 0 ? "rowheader" : "cell", "data-label": label };
    if (index === 0) line.append(make("th", { ...attributes, scope: "row" }, make("span", { class: "name" }), make("span", { class: "marks" })));
    else if (index < FIRST_NUMBER) line.append(make("td", { ...attributes, class: "name" }));
    else if (index === AGE) line.append(make("td", { ...attributes, class: "number" }));
    else line.append(numberCell(attributes));
  });
  line.cells[NET].append(make("span", { class: "beside" }));
  return line;
}

function fillLine(line, row, decimals) {
  const cells = line.cells;
  const flat = sign(row.position) === 0;
  setText(cells[0].firstChild, row.symbol);
  setTitle(cells[0].firstChild, row.symbol);
  drawMarks(cells[0].lastChild, row);
  [row.account, row.strategy].forEach((text, index) => {
    setText(cells[1 + index], text);
    setTitle(cells[1 + index], text);
  });
  setNumber(cells[3], flat ? "flat" : groupSigned(row.position), row.position);
  setNumber(cells[4], flat ? NOT_KNOWN : amount(row.average, decimals), row.average);
  setNumber(cells[5], row.last === null ? "no price" : amount(row.last, decimals), row.last ?? "");
  setGainCell(cells[7], row.realized, decimals);
  setGainCell(cells[8], row.unrealized, decimals);
  setNumber(cells[9], amount(row.fees, decimals), row.fees);
  setGainCell(cells[10], row.cash, decimals);
  setGainCell(cells[NET], row.net, decimals);
  setText(cells[NET].lastChild, notInNet(row.not_in_net));
  cells[AGE].dataset.at = row.last_at ? secondsOf(row.last_at) : "";
  const source = row.source === "last" ? "last trade" : row.source;  // empty where the market does not mark it
  setTitle(cells[AGE], [row.last_at, source].filter(Boolean).join(", "));
}

// Aligns the decimal points: in each column the part after the point is as wide as that of its longest figure.
function align(table, body) {
  for (let column = FIRST_NUMBER; column < AGE; column++) {
    let decimals = 0;
    for (const line of body.rows) decimals = Math.max(decimals, line.cells[column].children[1].textContent.length - 1);
    table.style.setProperty(`--column-${column}`, decimals);
  }
}
