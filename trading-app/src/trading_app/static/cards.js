// One card of totals for each currency. Amounts in different or unknown currencies are never added.

import { amount, notInNet, setGain, setTitle, short } from "./amounts.js";
import { make, setText } from "./elements.js";
import { groupSigned } from "./numbers.js";

const GAINS = [["Net P&L", "net"], ["Realised", "realized"], ["Unrealised", "unrealized"]];
const LABELS = [...GAINS.map(([label]) => label), "Fees", "Cash in net", "Exposure", "Open positions"];
const FLOWS = ["deposit", "withdrawal"];

const BASE_LABELS = ["Net P&L", "At current rates", "Not in it"];
const BASE_DECIMALS = 2;
const PARTS = { realized_pnl: "realised", unrealized_pnl: "unrealised", fees: "fees", cash: "cash", net_pnl: "net" };

export function newCard(labels = LABELS) {
  const card = make("dl", { class: "card" });
  for (const label of labels) {
    card.append(make("div", {}, make("dt", {}, label), make("dd", {}, make("span")), make("dd", { class: "beside" })));
  }
  return card;
}

export function fillCard(card, total, decimals) {
  card.dataset.currency = total.currency;
  card.setAttribute("aria-label", total.currency || "Currency unknown");
  const parts = [...card.children], value = (index) => parts[index].querySelector("span");
  const beside = (index, text) => setText(parts[index].lastElementChild, text);
  setText(card.querySelector("dt"), titleOf(total));
  GAINS.forEach(([, name], index) => setGain(value(index), total[name], decimals));
  beside(0, notInNet(total.not_in_net));
  beside(2, total.unmarked ? `no price: ${total.unmarked} ${total.unmarked === 1 ? "position" : "positions"}` : "");
  setText(value(3), amount(total.fees, decimals));
  setTitle(value(3), total.fees ?? "");
  setGain(value(4), total.cash, decimals);
  beside(4, reasons(total.cash_by_reason));
  setText(value(5), amount(total.exposure, decimals));
  setTitle(value(5), total.exposure ?? "");
  setText(value(6), String(total.open_positions));
}

// All positions of all accounts in the base currency, each amount at the rate of its time.
export function baseCard(card, base) {
  card ??= newCard(BASE_LABELS);
  const [net, current, missing] = [...card.children].map((part) => part.querySelector("span"));
  card.setAttribute("aria-label", `All in ${base.currency}`);
  setText(card.querySelector("dt"), `Net P&L, all in ${base.currency}`);
  setGain(net, base.net, BASE_DECIMALS);
  setGain(current, base.net_at_current_rates, BASE_DECIMALS);
  setText(missing, base.missing.map(missingAmount).join(", ") || "nothing");
  return card;
}

function missingAmount({ part, currency, amount: exact }) {
  const what = PARTS[part] ?? part;
  if (!currency) return `${what} in an unknown currency`;
  return exact === null ? `${what} in ${currency} without a price` : `${what} ${groupSigned(short(exact))} ${currency}`;
}

// BTCUSD may be settled in USD or in BTC: amounts in unknown currencies are not added up.
function titleOf({ currency, symbols, in_points: inPoints }) {
  if (currency) return `Net P&L, ${currency}`;
  if (symbols > 1) return `Net P&L of ${symbols} symbols, currencies or multipliers unknown, not added`;
  return inPoints ? "Net P&L in points, multiplier unknown" : "Net P&L, currency unknown";
}

function reasons(byReason) {
  return Object.entries(byReason)
    .map(([reason, exact]) => `${reason} ${groupSigned(short(exact))}${FLOWS.includes(reason) ? " (not P&L)" : ""}`)
    .join(", ");
}
