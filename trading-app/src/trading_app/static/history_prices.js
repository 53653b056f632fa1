// Candles of one symbol in the range, of its market where that is followed, with your own trades as marks.

import { ask, askPage } from "./call.js";
import { ChartView, palette, priceFormat } from "./chart_view.js";
import { byId, setText, show } from "./elements.js";
import { sideCounts, sideMarks } from "./marks.js";
import { decimalsOf, fixed, group } from "./numbers.js";
import { dayAndMinute, secondsOf } from "./times.js";

const { CandlestickSeries, createSeriesMarkers } = window.LightweightCharts;
const POINTS = 1500;
const MAX_TRADES = 1000;
const SPANS = { "1s": 1, "1m": 60, "1h": 3600, "1d": 86400 };

export class Prices {
  #bars = [];
  #known = new Map();  // by time
  #decimals = 2;

  constructor() {
    this.section = byId("prices");
    this.view = new ChartView("prices", { paint: (colours) => this.#paint(colours), describe: (time) => this.#at(time), secondsVisible: false });
    this.candles = this.view.chart.addSeries(CandlestickSeries, { priceLineVisible: false, lastValueVisible: false });
    this.marks = createSeriesMarkers(this.candles, []);
    this.view.dress();
    this.view.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.#mark());
  }

  async load(query, isLate, { symbols }) {
    const asked = new URLSearchParams(query());
    const traded = symbolTraded(await symbols, asked.get("symbol"));
    if (isLate()) return;
    const symbol = traded?.symbol ?? "";
    setText(byId("prices-title"), symbol ? `Prices of ${symbol}` : "Prices");
    show(byId("prices-hint"), Boolean(symbol) && !asked.get("symbol"));
    if (!symbol) return this.#show(null, []);
    const range = new URLSearchParams({ symbol, points: POINTS, interval: intervalFor(asked, traded) });
    for (const name of ["from", "to"]) if (asked.get(name)) range.set(name, asked.get(name));
    const [answer, trades] = await Promise.all([
      ask(`/api/candles?${range}`), askPage(`/api/trades?${query({ symbol, limit: MAX_TRADES })}`)]);
    if (!isLate()) this.#show(answer, trades.body.trades, trades.next !== "");
  }

  draw() {}  // prices have no currency of the P&L

  #show(answer, trades, areMore = false) {
    const candles = answer?.candles ?? [];
    show(this.section.querySelector(".empty"), candles.length === 0);
    show(this.section.querySelector(".figures"), candles.length > 0);
    this.#bars = [];  // until the chart has the new ones: it would look for marks among the old ones
    this.marks.setMarkers([]);
    const bars = candles.map((candle) => ({ time: secondsOf(candle.ts), buys: 0, sells: 0, ...candle }));
    this.#known = new Map(bars.map((bar) => [bar.time, bar]));
    if (!candles.length) return;
    const span = SPANS[answer.interval];
    for (const { side, ts } of trades) {
      const second = Math.floor(secondsOf(ts)), bar = this.#known.get(second - second % span);
      if (bar) bar[side === "buy" ? "buys" : "sells"] += 1;
    }
    this.#decimals = Math.max(2, ...candles.slice(-20).map(({ close }) => decimalsOf(close)));
    this.candles.applyOptions({ priceFormat: priceFormat(this.#decimals) });
    this.candles.setData(bars.map(({ time, open, high, low, close }) => (
      { time, open: Number(open), high: Number(high), low: Number(low), close: Number(close) })));
    this.#bars = bars;
    this.view.title = `Prices of ${answer.symbol}`;
    this.view.showLast(0);
    this.#mark();
    this.view.updateLegend();
    const of = answer.source === "market" ? `of the market at ${answer.venue}` : "made of your own trades, all accounts";
    setText(byId("prices-source"), `Candles of ${answer.interval} ${of}.${areMore ? ` Marked: the last ${group(String(MAX_TRADES))} trades.` : ""}`);
  }

  #mark() {
    if (this.#bars.length) this.marks.setMarkers(sideMarks(this.#bars, this.view.chart.timeScale().getVisibleLogicalRange(), palette()));
  }

  #at(time) {
    const bar = time === null ? this.#bars.at(-1) : this.#known.get(time);
    if (!bar) return "";
    const price = (text) => group(fixed(text, this.#decimals));
    const range = `${price(bar.low)} to ${price(bar.high)}`;
    return [price(bar.close), range, dayAndMinute(bar.time), sideCounts(bar)].filter(Boolean).join(" · ");
  }

  // Candles that rose are hollow, so that the direction shows without colour too.
  #paint({ gain, loss }) {
    this.candles?.applyOptions({
      upColor: "transparent", borderUpColor: gain, wickUpColor: gain, downColor: loss, borderDownColor: loss, wickDownColor: loss,
    });
    if (this.marks) this.#mark();
  }
}

// The API's row of the named symbol; without a name, of the symbol that was traded last.
function symbolTraded(symbols, name) {
  if (name) return symbols.find((one) => one.symbol === name) ?? null;
  return symbols.reduce((best, one) => (best && secondsOf(best.last_trade_at) >= secondsOf(one.last_trade_at) ? best : one), null);
}

// The shortest interval with at most POINTS candles in the range.
function intervalFor(asked, traded) {
  const from = secondsOf(asked.get("from") ?? traded.first_trade_at), to = secondsOf(asked.get("to") ?? traded.last_trade_at);
  return ["1m", "1h", "1d"].find((interval) => to - from <= POINTS * SPANS[interval]) ?? "1d";
}
