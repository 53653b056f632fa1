// Net P&L over time with what is below its last peak, and the figures of the range.

import { ask } from "./call.js";
import { ChartView, priceFormat } from "./chart_view.js";
import { byId, make, setText, show } from "./elements.js";
import { feesOutside, notInNet, setGain } from "./amounts.js";
import { add, decimalsToShow, fixed, group, groupSigned, negate } from "./numbers.js";
import { dayAndMinute, lasting, secondsOf } from "./times.js";

const { BaselineSeries } = window.LightweightCharts;
const POINTS = 2000;
const HIGHEST_POINTS = 5000;
const PLACES = 1000;
const MINUTE = 60;
const PARTS = { realized: "realised", unrealized: "unrealised", fees: "fees", cash: "cash" };

export class Equity {
  #rows = [];
  #falls = [];
  #curves = [];
  #missing = [];  // amounts without a rate
  #marks = null;  // what the market marked; null at prices of own trades
  #points = new Map();  // by time: what the legends say
  #decimals = 2;
  #until = 0;  // when the range ends, Unix seconds; 0: at its last bar
  #leader = null;  // the chart that the other one follows

  constructor() {
    this.section = byId("equity");
    this.net = new ChartView("equity", { paint: (colours) => this.#paintNet(colours), describe: (time) => this.#netAt(time), secondsVisible: false });
    this.below = new ChartView("drawdown", { paint: (colours) => this.#paintBelow(colours), describe: (time) => this.#belowAt(time), secondsVisible: false });
    this.line = this.net.chart.addSeries(BaselineSeries, { lineWidth: 2, lastValueVisible: true, priceLineVisible: false });
    this.area = this.below.chart.addSeries(BaselineSeries, { lineWidth: 1, priceLineVisible: false });
    this.net.dress();
    this.below.dress();
    this.#follow(this.net, this.below);
    this.#follow(this.below, this.net);
    this.#leader = this.net;
  }

  async load(query, isLate, { currency, rates, asOf, drawAll }) {
    const converts = Boolean(rates?.value);
    const [curves, falls] = await Promise.all([
      ask(`/api/equity?${query({ points: POINTS }, { converts, marked: true })}`),
      converts ? { drawdown: [] } : ask(`/api/drawdown?${query({}, { marked: true })}`)]);
    if (isLate()) return;
    asOf(curves);
    this.#missing = curves.conversion?.missing ?? [];
    this.#marks = curves.market_marks;
    this.#rows = curves.equity;
    this.#until = new URLSearchParams(query({})).has("to") ? 0 : Date.now() / 1000;
    this.#curves = curves.curves;
    this.#falls = falls.drawdown;
    const fills = (code) => this.#rows.reduce((sum, row) => sum + (row.currency === code ? row.fills : 0), 0);
    // The one with the most trades first: it is shown until another one is chosen.
    offer(currency, this.#curves.map((curve) => curve.currency).sort((one, other) => fills(other) - fills(one)));
    drawAll();
  }

  draw(currency) {
    const curve = this.#curves.find((one) => one.currency === currency);
    const bars = this.#rows.filter((row) => row.currency === currency).slice(-HIGHEST_POINTS);
    show(this.section.querySelector(".empty"), bars.length === 0);
    show(this.section.querySelector(".figures"), bars.length > 0);
    this.#decimals = decimalsToShow(bars.flatMap((bar) => [bar.high, bar.low]));
    this.#drawFacts(curve, bars, this.#falls.find((one) => one.currency === currency));
    if (!bars.length) return;
    this.#drawCharts(curve, bars);
    const coarser = curve.requested_interval ? `, coarser than ${curve.requested_interval} for this range` : "";
    setText(byId("resolution"), `Bars of ${curve.interval}${coarser}.${curve.exact_inside ? "" : " Exact at the ends of bars."}${markedBy(this.#marks)}${without(this.#missing)}`);
  }

  #drawFacts(curve, bars, fall) {
    const list = byId("facts");
    list.replaceChildren();
    if (!curve || !bars.length) return;
    const change = add(bars.at(-1).close, negate(curve.opening));
    const fact = (name, fill) => {
      const value = make("dd");
      list.append(make("div", {}, make("dt", {}, name), value));
      fill(value);
    };
    const money = (text) => (value) => {
      setText(value, group(fixed(text, this.#decimals)));
      value.title = text;
    };
    const beside = notInNet(feesOutside(this.#rows.filter((row) => row.currency === curve.currency)));
    fact(`Change in the range, ${curve.currency || "currency unknown"}`, (value) => {
      setGain(value, change, this.#decimals);
      if (beside) value.append(make("span", { class: "beside" }, beside));
    });
    fact("Net P&L at its end", (value) => setGain(value, bars.at(-1).close, this.#decimals));
    if (!fall) return;
    const share = (part) => (part === null ? "" : ` (${(100 * Number(part)).toFixed(1)} %)`);
    fact("Max drawdown", (value) => setText(value, group(fixed(fall.max, this.#decimals)) + share(fall.max_share)));
    fact("Below the peak now", (value) => setText(value, group(fixed(fall.current, this.#decimals)) + share(fall.current_share)));
    fact("Longest under water", (value) => setText(value, `${lasting(fall.under_water_seconds)}${fall.under_water_open ? ", lasting" : ""}`));
    if (fall.above_floor !== null) fact("Above the floor", money(fall.above_floor));
  }

  #drawCharts(curve, bars) {
    let peak = Number(curve.opening);
    this.#points = new Map();
    for (const bar of bars) {
      const time = secondsOf(bar.ts), low = Number(bar.low);
      const below = Math.max(peak - low, Number(bar.drawdown), 0);
      peak = Math.max(peak, Number(bar.high));
      this.#points.set(time, { time, bar, below, now: peak - Number(bar.close) });
    }
    const points = inTime([...this.#points.values()], this.#until);
    this.#points = new Map(points.map((point) => [point.time, point]));
    const options = { priceFormat: priceFormat(this.#decimals), baseValue: { type: "price", price: 0 } };
    this.line.applyOptions(options);
    this.area.applyOptions(options);
    this.line.setData(points.map(({ time, bar }) => ({ time, value: Number(bar.close) })));
    this.area.setData(points.map(({ time, below }) => ({ time, value: -below })));
    this.#leader = this.net;
    for (const view of [this.net, this.below]) {
      view.showLast(0);
      view.updateLegend();
    }
  }

  // Moving one chart moves the other. A chart tells of a change a frame later, so both at once would undo each other's.
  #follow(from, to) {
    for (const type of ["pointerdown", "wheel", "keydown"]) {
      from.element.addEventListener(type, () => { this.#leader = from; }, { capture: true, passive: true });
    }
    from.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && this.#leader === from) to.chart.timeScale().setVisibleLogicalRange(range);
    });
  }

  #at(time) {
    return time === null ? [...this.#points.values()].at(-1) : this.#points.get(time);
  }

  #netAt(time) {
    const point = this.#at(time);
    return point ? `${groupSigned(fixed(point.bar.close, this.#decimals))} · ${dayAndMinute(point.time)}` : "";
  }

  #belowAt(time) {
    const point = this.#at(time);
    return point ? `${group((-point.below).toFixed(this.#decimals))} at the lowest · ${dayAndMinute(point.time)}` : "";
  }

  #paintNet({ gain, loss }) {
    this.line?.applyOptions({
      topLineColor: gain, bottomLineColor: loss,
      topFillColor1: `${gain}40`, topFillColor2: `${gain}08`, bottomFillColor1: `${loss}08`, bottomFillColor2: `${loss}40`,
    });
  }

  #paintBelow({ loss }) {
    this.area?.applyOptions({ topLineColor: loss, bottomLineColor: loss, bottomFillColor1: `${loss}10`, bottomFillColor2: `${loss}50` });
  }
}

// A chart gives each point the same room, however long nothing changed after it. Points in between, one for each
// thousandth of the range, make its axis one of time; what stands still is a level line, up to the end of the range.
function inTime(bars, until) {
  const last = bars.at(-1), end = Math.floor(until);
  const points = end > last.time ? [...bars, { ...last, time: end, below: last.now }] : bars;
  const step = Math.max((points.at(-1).time - points[0].time) / PLACES, MINUTE);
  return points.flatMap((point, place) => {
    const missing = place + 1 < points.length ? Math.ceil((points[place + 1].time - point.time) / step) - 1 : 0;
    const times = Array.from({ length: missing }, (_, at) => Math.floor(point.time + (at + 1) * step));
    return [point, ...times.map((time) => ({ ...point, time, below: point.now }))];
  });
}

function offer(select, currencies) {
  const chosen = select.value;
  const options = currencies.map((code) => make("option", { value: code }, code || "unknown"));
  select.replaceChildren(...options);
  select.value = currencies.includes(chosen) ? chosen : (currencies[0] ?? "");
}

// Whose prices the market gave, and whose are missing: a sentence, or "".
function markedBy(marks) {
  if (marks === null) return "";
  const whole = new Set(marks.filter((one) => one.bars).map((one) => one.symbol));
  const without = new Set(marks.map((one) => one.symbol).filter((symbol) => !whole.has(symbol)));
  const said = whole.size ? ` Prices of the market: ${[...whole].join(", ")}.` : "";
  if (without.size) return `${said} The market has none for ${[...without].join(", ")}.`;
  return said || " No instrument here says mark=market, so these are prices of own trades.";
}

// The amounts that are in no sum, since no rate converts them: a sentence, or "".
function without(missing) {
  const listed = missing.map(({ part, currency, amount }) =>
    `${PARTS[part]} ${amount === null ? "in an unknown currency" : `${group(fixed(amount, decimalsToShow([amount])))} ${currency}`}`);
  return listed.length ? ` Without a rate, so left out: ${listed.join(", ")}.` : "";
}
