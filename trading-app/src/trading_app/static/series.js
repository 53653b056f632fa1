// The data behind one symbol's charts: trades by second and by minute of their `ts`. The app aggregates earlier trades
// the same way (`page/history.py`).

import { add, multiply } from "./numbers.js";
import { secondsOf } from "./times.js";

const MAX_SECONDS = 3600;
const MAX_MINUTES = 240;
const MAX_POINTS = 3600;

// Points by time, at least the latest `max`. It knows which points changed since they were last drawn.
class Line {
  constructor(max) {
    this.max = max;
    this.points = [];   // ascending by `time`
    this.known = new Map();
    this.changed = 0;   // index of the first point to draw again
  }

  at(time, make) {
    const found = this.known.get(time);
    if (found) {
      const index = found === this.points.at(-1) ? this.points.length - 1 : this.points.indexOf(found);
      this.changed = Math.min(this.changed, index);
      return found;
    }
    const point = make(time), last = this.points.at(-1);
    this.known.set(time, point);
    if (!last || last.time < time) {
      this.changed = Math.min(this.changed, this.points.length);
      this.points.push(point);
    } else {
      const index = this.points.findIndex((other) => other.time > time);
      this.points.splice(index, 0, point);
      this.changed = 0;
    }
    if (this.points.length > 2 * this.max) this.#shorten();
    return point;
  }

  // The points to draw: all of them, or those after what is drawn already.
  take() {
    const from = this.changed;
    this.changed = this.points.length;
    return { whole: from === 0, points: this.points.slice(from) };
  }

  #shorten() {
    for (const point of this.points.splice(0, this.points.length - this.max)) this.known.delete(point.time);
    this.changed = 0;
  }
}

export class Series {
  constructor(symbol) {
    this.symbol = symbol;
    this.currency = "";
    this.applied = -1;  // every trade up to this sequence is included
    this.waiting = [];  // trades that came while the history was loading
    this.seconds = new Line(MAX_SECONDS);
    this.minutes = new Line(MAX_MINUTES);
    this.pnl = new Line(MAX_POINTS);
    this.pnlOfSymbol = new Line(MAX_POINTS);
  }

  load(history) {
    this.currency = history.currency;
    for (const [time, price, buys, sells] of history.seconds) this.seconds.at(time, () => ({ time, price, buys, sells }));
    for (const [time, buy, sell] of history.minutes) this.minutes.at(time, () => ({ time, buy, sell }));
    for (const [time, value] of history.pnl) this.pnl.at(time, () => ({ time, value }));
    for (const [time, value] of history.pnl_of_symbol) this.pnlOfSymbol.at(time, () => ({ time, value }));
    this.applied = Number(history.position.split(":")[1]);
    for (const trade of this.waiting) this.add(trade);
    this.waiting = [];
  }

  add(trade) {
    if (trade.symbol !== this.symbol) return;
    if (this.applied < 0) {
      this.waiting.push(trade);
      return;
    }
    if (trade.seq <= this.applied) return;
    this.applied = trade.seq;
    const second = Math.floor(secondsOf(trade.ts)), bought = trade.side === "buy";
    const bar = this.seconds.at(second, (time) => ({ time, price: "", buys: 0, sells: 0 }));
    bar.price = trade.price;
    bar[bought ? "buys" : "sells"] += 1;
    const sums = this.minutes.at(second - second % 60, (time) => ({ time, buy: "0", sell: "0" }));
    sums[trade.side] = add(sums[trade.side], multiply(trade.price, trade.qty));
  }

  // Adds the net P&L at `moment` (seconds since 1970); both amounts are exact decimal text, or null.
  addPnl(moment, total, ofSymbol) {
    const second = Math.floor(moment);
    for (const [line, text] of [[this.pnl, total], [this.pnlOfSymbol, ofSymbol]]) {
      if (text === null) continue;
      const point = line.at(second, (time) => ({ time }));
      point.value = Number(text);
      point.text = text;
    }
  }
}
