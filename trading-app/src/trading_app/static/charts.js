// The three charts of one symbol: price with the trades marked on it, net P&L, notional by minute.

import { ChartView, palette, priceFormat } from "./chart_view.js";
import { byId, make, setText, show } from "./elements.js";
import { paced } from "./frames.js";
import { sideCounts, sideMarks } from "./marks.js";
import { add, decimalsOf, fixed, group, groupSigned, sign } from "./numbers.js";
import { Series } from "./series.js";
import { clock, minute, zoneWords } from "./times.js";

const { BaselineSeries, createSeriesMarkers, HistogramSeries, LineSeries, LineStyle } = window.LightweightCharts;

const PAUSE_MS = 250;
const BEGIN_WITH = 300;       // points in the first view
const MAX_ENTRY_LINES = 4;

export class Charts {
  #series = new Series("");
  #rows = [];
  #entryLines = [];
  #decimals = 0;
  #fresh = true;

  constructor(filters) {
    this.filters = filters;
    this.draw = paced(() => this.#draw(), PAUSE_MS);
    this.#makeViews();
    for (const button of document.querySelectorAll("[data-seconds]")) {
      button.addEventListener("click", () => this.#showLast(Number(button.dataset.seconds)));
    }
    this.picker = byId("chart-symbol");
    this.picker.addEventListener("change", () => this.open(this.picker.value));
    setText(byId("time-zone"), zoneWords());
  }

  #makeViews() {
    this.price = new ChartView("price", { paint: (colours) => this.#paintPrice(colours), describe: (time) => this.#priceAt(time) });
    this.prices = this.price.chart.addSeries(LineSeries, { lineWidth: 2, priceLineVisible: false });
    this.marks = createSeriesMarkers(this.prices, []);
    this.price.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.draw());

    this.pnl = new ChartView("pnl", { paint: (colours) => this.#paintPnl(colours), describe: (time) => this.#pnlAt(time) });
    this.total = this.pnl.chart.addSeries(BaselineSeries, { lineWidth: 2, priceLineVisible: false, baseValue: { type: "price", price: 0 } });
    this.ofSymbol = this.pnl.chart.addSeries(LineSeries, { lineWidth: 1, lineStyle: LineStyle.Dashed, priceLineVisible: false });

    this.notional = new ChartView("notional", {
      paint: (colours) => this.#paintNotional(colours), describe: (time) => this.#notionalAt(time), secondsVisible: false, spacing: 28,
    });
    this.bought = this.notional.chart.addSeries(HistogramSeries, { priceLineVisible: false, lastValueVisible: false });
    this.sold = this.notional.chart.addSeries(HistogramSeries, { priceLineVisible: false, lastValueVisible: false });
    // Sales are drawn below the zero line, so that the side shows without colour too.
    const amounts = new Intl.NumberFormat("en", { notation: "compact" });
    this.notional.chart.applyOptions({ localization: { priceFormatter: (value) => amounts.format(Math.abs(value)), timeFormatter: minute } });
    this.views = [this.price, this.pnl, this.notional];
    for (const view of this.views) view.dress();
  }

  // Shows another symbol, or the same one again from its history.
  async open(symbol) {
    const series = this.#series = new Series(symbol);
    this.#fresh = true;
    this.draw();
    if (!symbol) return;
    this.offer([symbol]);
    this.picker.value = symbol;
    const query = new URLSearchParams({ ...this.filters(), charted: symbol });
    while (this.#series === series) {
      const history = await fetch(`/page/history?${query}`).then((answer) => (answer.ok ? answer.json() : null), () => null);
      if (history) {
        if (this.#series !== series) return;
        series.load(history);
        this.takeBooks(this.books);
        return this.draw();
      }
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  clear() {
    this.books = null;
    this.#rows = [];
    this.open("");
  }

  add(trades) {
    if (!this.#series.symbol && trades.length) this.open(mostFrequent(trades));
    for (const trade of trades) this.#series.add(trade);
    if (trades.length) this.draw();
  }

  // Symbols to choose from.
  offer(symbols) {
    const there = new Set([...this.picker.options].map((option) => option.value));
    for (const symbol of symbols) if (!there.has(symbol)) this.picker.append(make("option", { value: symbol }, symbol));
  }

  takeBooks(books) {
    this.books = books ?? null;
    if (!books) return;
    this.#rows = books.rows.filter((row) => row.symbols.includes(this.#series.symbol));
    // The history has no currency if it was read before the sidecar knew the symbol.
    const currencies = new Set(this.#rows.map((row) => row.currency));
    if (currencies.size === 1) [this.#series.currency] = currencies;
    const total = books.totals.find((each) => each.currency === this.#series.currency);
    // The server may send only some of the positions: then the symbol's own sum is unknown.
    const ofSymbol = books.rows.length === books.count && this.#rows.length && this.#rows.every((row) => row.net !== null)
      ? this.#rows.map((row) => row.net).reduce(add) : null;
    if (total && this.#series.applied >= 0) this.#series.addPnl(books.at, total.net, ofSymbol);
    this.draw();
  }

  #draw() {
    const { seconds, minutes, pnl, pnlOfSymbol, symbol } = this.#series;
    const empty = seconds.points.length === 0;
    show(byId("chart-figures"), !empty);
    show(byId("charts-empty"), empty);
    show(byId("chart-controls"), !empty);
    setText(byId("charts-empty"), symbol ? `No trades of ${symbol} to draw yet.` : "Charts begin with the first trade.");
    if (empty) return;
    this.#setDecimals(Math.max(2, ...seconds.points.slice(-20).map((bar) => decimalsOf(bar.price))));
    give(seconds, [this.prices, ({ time, price }) => ({ time, value: Number(price) })]);
    give(pnl, [this.total, ({ time, value }) => ({ time, value })]);
    give(pnlOfSymbol, [this.ofSymbol, ({ time, value }) => ({ time, value })]);
    give(minutes, [this.bought, ({ time, buy }) => ({ time, value: Number(buy) })],
      [this.sold, ({ time, sell }) => ({ time, value: -Number(sell) })]);
    if (this.#fresh) this.#begin();  // after the chart elements became visible and have a width
    this.#mark();
    this.#drawEntries();
    this.price.title = `Price of ${symbol}`;
    this.pnl.title = `Net P&L in ${this.#series.currency || "its own currency"}`;
    this.notional.title = "Notional by minute";
    for (const view of this.views) view.updateLegend();
  }

  #begin() {
    if (this.price.chart.timeScale().width() === 0) return this.draw();
    this.#fresh = false;
    const count = this.#series.seconds.points.length;
    this.price.begin(count, BEGIN_WITH);
    this.pnl.begin(this.#series.pnl.points.length, BEGIN_WITH);
    this.notional.begin(this.#series.minutes.points.length, BEGIN_WITH);
  }

  #showLast(seconds) {
    const { seconds: bars, pnl, minutes } = this.#series;
    this.price.showLast(seconds, bars.points.at(-1)?.time);
    this.pnl.showLast(seconds, pnl.points.at(-1)?.time);
    this.notional.showLast(seconds, minutes.points.at(-1)?.time);
  }

  #mark() {
    const range = this.price.chart.timeScale().getVisibleLogicalRange();
    this.marks.setMarkers(sideMarks(this.#series.seconds.points, range, palette()));
  }

  #drawEntries() {
    const open = this.#rows.filter((row) => sign(row.position)).slice(0, MAX_ENTRY_LINES);
    const colours = palette();
    const wanted = open.map((row) => ({
      price: Number(row.average), color: colours.muted, lineWidth: 1, lineStyle: LineStyle.LargeDashed,
      title: `entry ${row.strategy}`, axisLabelColor: colours.muted,
    }));
    this.#entryLines.splice(wanted.length).forEach((line) => this.prices.removePriceLine(line));
    wanted.forEach((options, index) => {
      if (this.#entryLines[index]) this.#entryLines[index].applyOptions(options);
      else this.#entryLines.push(this.prices.createPriceLine(options));
    });
  }

  #setDecimals(decimals) {
    if (decimals === this.#decimals) return;
    this.#decimals = decimals;
    for (const series of [this.prices, this.total, this.ofSymbol]) series.applyOptions({ priceFormat: priceFormat(decimals) });
  }

  #paintPrice({ accent }) {
    this.prices?.applyOptions({ color: accent });
    this.draw();
  }

  #paintPnl({ gain, loss, muted }) {
    this.total?.applyOptions({
      topLineColor: gain, bottomLineColor: loss,
      topFillColor1: `${gain}40`, topFillColor2: `${gain}08`, bottomFillColor1: `${loss}08`, bottomFillColor2: `${loss}40`,
    });
    this.ofSymbol?.applyOptions({ color: muted });
  }

  #paintNotional({ buy, sell }) {
    this.bought?.applyOptions({ color: buy });
    this.sold?.applyOptions({ color: sell });
  }

  #priceAt(time) {
    const { seconds } = this.#series, bar = time === null ? seconds.points.at(-1) : seconds.known.get(time);
    if (!bar) return "";
    return `${group(bar.price)} · ${clock(bar.time)} · ${sideCounts(bar)}`;
  }

  #pnlAt(time) {
    const { pnl, pnlOfSymbol, currency, symbol } = this.#series;
    const find = (line) => (time === null ? line.points.at(-1) : line.known.get(time));
    const total = find(pnl), own = find(pnlOfSymbol);
    if (!total && !own) return time === null ? "waiting for the sidecar" : "";
    const words = (point) => (point.text ? groupSigned(fixed(point.text, this.#decimals)) : `≈ ${groupSigned(point.value.toFixed(this.#decimals))}`);
    if (!total) return `${symbol} ${words(own)} · ${clock(own.time)}`;
    const ofSymbol = own && !this.filters().symbol ? ` · ${symbol} ${words(own)}` : "";
    return `total ${currency} ${words(total)}${ofSymbol} · ${clock(total.time)}`;
  }

  #notionalAt(time) {
    const { minutes } = this.#series, sums = time === null ? minutes.points.at(-1) : minutes.known.get(time);
    return sums ? `▲ ${group(fixed(sums.buy, this.#decimals))} · ▼ ${group(fixed(sums.sell, this.#decimals))} · ${minute(sums.time)}` : "";
  }
}

// Passes the changed points of a line on to the chart's series.
function give(line, ...receivers) {
  const { whole, points } = line.take();
  for (const [series, write] of receivers) {
    if (whole) series.setData(points.map(write));
    else for (const point of points) series.update(write(point));
  }
}

function mostFrequent(trades) {
  const counts = new Map();
  for (const { symbol } of trades) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
