// Writes amounts of money: rounded, grouped, with the exact digits as the title. Null is an amount that is not known.

import { setNumber, setText } from "./elements.js";
import { add, fixed, group, groupSigned, round, sign, trim } from "./numbers.js";

export const NOT_KNOWN = "–";

export function amount(exact, decimals) {
  return exact === null ? NOT_KNOWN : group(fixed(exact, decimals));
}

export function setGain(element, exact, decimals) {
  write(element, exact, decimals, (text) => setText(element, text));
}

export function setGainCell(cell, exact, decimals) {
  write(cell, exact, decimals, (text) => setNumber(cell, text));
}

function write(element, exact, decimals, set) {
  const text = exact === null ? null : fixed(exact, decimals);
  set(text === null ? NOT_KNOWN : groupSigned(text));
  setTitle(element, exact ?? "");
  if (text === null) delete element.dataset.gain;
  else element.dataset.gain = sign(text);
}

export function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

// { BNB: "0.18", EUR: "1" } as "0.18 BNB + 1 EUR"; empty if there are none.
export function amounts(byCurrency) {
  return Object.entries(byCurrency).filter(([, exact]) => sign(exact))
    .map(([currency, exact]) => `${group(short(exact))} ${currency}`).join(" + ");
}

// What the net leaves out, in words; empty if nothing.
export function notInNet(byCurrency) {
  const text = amounts(byCurrency);
  return text && `not in net: ${text}`;
}

// What the nets of several rows leave out, by currency.
export function feesOutside(rows) {
  const sums = {};
  for (const row of rows) {
    for (const [currency, exact] of Object.entries(row.fees_outside)) sums[currency] = add(sums[currency] ?? "0", exact);
  }
  return sums;
}

// Four decimals, or eight if four would round the amount to 0.
export function short(exact) {
  const text = round(exact, 4);
  return trim(sign(text) ? text : round(exact, 8));
}
