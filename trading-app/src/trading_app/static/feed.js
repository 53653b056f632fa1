// The latest trades, newest first. A burst draws only the rows that remain visible.

import { byId, make, numberCell, setNumber, setText, show, SIDES } from "./elements.js";
import { paced } from "./frames.js";
import { decimalsOf, group } from "./numbers.js";
import { clock, secondsOf } from "./times.js";

const KEPT = 200;
const MARKED_MS = 1500;

export class Feed {
  #waiting = [];   // trades not drawn yet, at most KEPT
  #missed = 0;     // trades that came while paused
  #paused = false;
  #loaded = false;
  #decimals = { quantity: 0, price: 0 };

  constructor(describeEmpty) {
    this.table = document.querySelector("#feed table");
    this.body = this.table.tBodies[0];
    this.pause = byId("pause");
    this.describeEmpty = describeEmpty;
    this.draw = paced(() => this.#draw());
    this.pause.addEventListener("click", () => this.#toggle());
    setInterval(() => this.#drawTimes(), 60000);
  }

  clear() {
    this.#waiting = [];
    this.#missed = 0;
    this.#loaded = false;
    this.#decimals = { quantity: 0, price: 0 };
    this.body.replaceChildren();
    this.draw();
  }

  add(trades) {
    if (this.#paused && this.#loaded) this.#missed += trades.length;
    this.first = this.#loaded ? this.first : trades;
    this.#loaded = true;
    this.#waiting = this.#waiting.concat(trades.slice(-KEPT)).slice(-KEPT);
    this.draw();
  }

  #toggle() {
    this.#paused = !this.#paused;
    this.#missed = 0;
    this.pause.setAttribute("aria-pressed", String(this.#paused));
    setText(this.pause, this.#paused ? "Resume" : "Pause");
    this.draw();
  }

  #draw() {
    const held = this.#paused && this.body.rows.length > 0;
    setText(byId("feed-state"), this.#paused ? `Paused; ${group(String(this.#missed))} new` : "");
    if (held) return;
    const trades = this.#waiting;
    this.#waiting = [];
    // Only trades that came after the page was loaded are marked as new.
    const fresh = trades !== this.first && this.body.rows.length > 0 ? Date.now() : 0;
    for (const trade of trades) this.#place(trade, fresh);
    if (fresh && trades.length) setTimeout(() => this.#unmark(fresh), MARKED_MS);
    const empty = this.#loaded && this.body.rows.length === 0;
    show(byId("feed-empty"), empty);
    show(this.table.parentElement, !empty);
    if (empty) setText(byId("feed-empty"), this.describeEmpty());
  }

  #place(trade, fresh) {
    const full = this.body.rows.length >= KEPT;
    const row = full ? this.body.lastElementChild : newRow();
    fill(row, trade);
    this.#align("quantity", trade.qty);
    this.#align("price", trade.price);
    row.classList.toggle("new", fresh > 0);
    row.dataset.since = fresh;
    this.body.prepend(row);
  }

  // After half a day a time needs its date.
  #drawTimes() {
    for (const row of this.body.rows) setText(row.cells[0], clock(Number(row.dataset.at)));
  }

  #align(column, text) {
    const decimals = decimalsOf(text);
    if (decimals <= this.#decimals[column]) return;
    this.#decimals[column] = decimals;
    this.table.style.setProperty(`--${column}-decimals`, decimals);
  }

  #unmark(since) {
    for (const row of this.body.querySelectorAll(".new")) {
      if (Number(row.dataset.since) <= since) row.classList.remove("new");
    }
  }
}

function newRow() {
  return make("tr", {}, make("td", { class: "time" }), make("td", { class: "name" }), make("td", { class: "side" }),
    numberCell({ "data-column": "quantity" }), numberCell({ "data-column": "price" }),
    make("td", { class: "name" }), make("td", { class: "name" }), make("td", { class: "number quiet" }));
}

function fill(row, trade) {
  const [time, symbol, side, quantity, price, account, strategy, sequence] = row.cells;
  row.dataset.side = trade.side;
  row.dataset.seq = trade.seq;
  row.dataset.at = secondsOf(trade.ts);
  time.textContent = clock(secondsOf(trade.ts));
  time.title = trade.ts;
  symbol.textContent = symbol.title = trade.symbol;
  side.textContent = SIDES[trade.side];
  setNumber(quantity, group(trade.qty));
  setNumber(price, group(trade.price));
  account.textContent = account.title = trade.account;
  strategy.textContent = strategy.title = trade.strategy;
  sequence.textContent = trade.seq;
}
