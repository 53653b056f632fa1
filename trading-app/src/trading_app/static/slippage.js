// Slippage: how much worse a price was than that of the market, as text; the reasons why it is unknown.

import { fixed, group } from "./numbers.js";

export const NO_SLIPPAGE = {
  no_market: "no market of this symbol is followed", too_recent: "the minutes around it are not over",
  no_candles: "the market has no price at that time", settlement: "a settlement has no market price",
  market_unavailable: "the prices of markets can't be read", too_many_trades: "more than 10,000 trades: choose a shorter range",
};

// Hundredths of a percent; more than 0 is a cost.
export function inBps(text) {
  return `${group(fixed(text, 1))} bp`;
}
