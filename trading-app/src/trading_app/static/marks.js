// Marks of trades on a chart: an arrow up for what was bought, one down for what was sold.

const MAX_MARKED = 40;  // in a view, for each side

// Divides the bars of the view (`{ time, buys, sells }`, ascending; `range` of their indexes, or null for all) into at
// most MAX_MARKED pieces and marks the last buy and the last sale in each.
export function sideMarks(bars, range, colours) {
  const from = Math.max(0, Math.floor(range?.from ?? 0)), to = Math.min(bars.length, Math.ceil(range?.to ?? bars.length) + 1);
  const stride = Math.max(1, Math.ceil((to - from) / MAX_MARKED)), marks = [];
  for (let piece = from - (from % stride); piece < to; piece += stride) {
    const inside = bars.slice(piece, piece + stride);
    const buy = inside.findLast((bar) => bar.buys), sell = inside.findLast((bar) => bar.sells);
    if (buy) marks.push({ time: buy.time, position: "belowBar", shape: "arrowUp", color: colours.buy, size: 0.6 });
    if (sell) marks.push({ time: sell.time, position: "aboveBar", shape: "arrowDown", color: colours.sell, size: 0.6 });
  }
  return marks.sort((left, right) => left.time - right.time);
}

export const sideCounts = ({ buys, sells }) => [buys && `▲ ${buys}`, sells && `▼ ${sells}`].filter(Boolean).join(" ");
