// One chart on the page: its colours, time axis, keyboard control and legend.

import { byId, setText } from "./elements.js";
import { group } from "./numbers.js";
import { clock, day, minute } from "./times.js";

const { createChart, LineStyle, TickMarkType } = window.LightweightCharts;
const dark = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function palette() {
  const names = ["text", "muted", "grid", "line", "accent", "buy", "sell", "gain", "loss"];
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

// How a series writes its values at the axis: as the tables do.
export function priceFormat(decimals) {
  return { type: "custom", minMove: 10 ** -decimals, formatter: (value) => group(value.toFixed(decimals)) };
}

export class ChartView {
  // `paint(colours)` colours the chart's series. `describe(time | null)` returns the legend's text; null stands for the
  // last point.
  constructor(name, { paint, describe, secondsVisible = true, spacing = 9 }) {
    this.element = byId(`${name}-chart`);
    this.legend = byId(`${name}-legend`);
    this.paint = paint;
    this.describe = describe;
    this.hovered = null;
    this.spacing = spacing;  // pixels between two points, where there is room
    this.chart = createChart(this.element, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily },
      timeScale: { timeVisible: true, secondsVisible, rightOffset: 3, barSpacing: spacing, minBarSpacing: 0.05, tickMarkFormatter },
      localization: { timeFormatter: clock },
      rightPriceScale: { borderVisible: false, minimumWidth: 84 },
      crosshair: { mode: 0 },
      // On a phone the page scrolls up and down through a chart; sideways moves the chart.
      handleScroll: { vertTouchDrag: false },
      kineticScroll: { mouse: false, touch: !matchMedia("(prefers-reduced-motion: reduce)").matches },
    });
    this.chart.subscribeCrosshairMove((move) => {
      this.hovered = move.time ?? null;
      this.updateLegend();
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  // Call it once the series were added.
  dress() {
    this.#colour();
    dark.addEventListener("change", () => this.#colour());
  }

  updateLegend() {
    const text = this.describe(this.hovered) || this.describe(null);
    setText(this.legend, text);
    // Not changed while focused: a screen reader would read it out at every trade.
    if (document.activeElement !== this.element) this.element.ariaLabel = `${this.title ?? ""} ${text}`.trim();
  }

  // The first view: the last `max` points, or all if there are fewer.
  begin(count, max) {
    const scale = this.chart.timeScale(), shown = Math.min(count, max);
    if (shown * this.spacing < scale.width()) scale.applyOptions({ barSpacing: this.spacing });
    else scale.setVisibleLogicalRange({ from: count - shown, to: count + 2 });
    scale.scrollToRealTime();
  }

  // Shows the last `seconds` seconds; 0 shows everything.
  showLast(seconds, lastTime) {
    const scale = this.chart.timeScale();
    if (seconds && lastTime) scale.setVisibleRange({ from: lastTime - seconds, to: lastTime });
    else scale.fitContent();
  }

  #colour() {
    const colours = palette();
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: colours.muted },
      grid: { vertLines: { color: colours.grid }, horzLines: { color: colours.grid } },
      timeScale: { borderColor: colours.line },
      crosshair: {
        vertLine: { color: colours.muted, style: LineStyle.Dashed, labelBackgroundColor: colours.accent },
        horzLine: { color: colours.muted, style: LineStyle.Dashed, labelBackgroundColor: colours.accent },
      },
    });
    this.paint(colours);
  }

  #key(event) {
    const scale = this.chart.timeScale(), range = scale.getVisibleLogicalRange();
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = range.to - range.from, middle = (range.from + range.to) / 2;
    const move = (by) => scale.setVisibleLogicalRange({ from: range.from + by, to: range.to + by });
    const zoom = (by) => scale.setVisibleLogicalRange({ from: middle - (width * by) / 2, to: middle + (width * by) / 2 });
    const actions = {
      ArrowLeft: () => move(-width / 10), ArrowRight: () => move(width / 10),
      "+": () => zoom(0.7), "-": () => zoom(1.4), Home: () => scale.scrollToRealTime(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

function tickMarkFormatter(time, type) {
  if (type <= TickMarkType.DayOfMonth) return day(new Date(time * 1000)).slice(type === TickMarkType.DayOfMonth ? 5 : 0);
  return type === TickMarkType.Time ? minute(time) : clock(time);
}
