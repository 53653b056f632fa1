// Assembles the page with the history: each part asks the API for the chosen range, filters and currency.

import { ask } from "./call.js";
import { byId, make, setText, show } from "./elements.js";
import { Filters } from "./filters.js";
import { Calendar } from "./history_calendar.js";
import { Equity } from "./history_equity.js";
import { Fills } from "./history_fills.js";
import { Performance } from "./history_performance.js";
import { Prices } from "./history_prices.js";
import { Range } from "./history_range.js";
import { group } from "./numbers.js";
import { zoneWords } from "./times.js";

const currency = byId("currency");
const rates = byId("rates");  // null without a base currency
const marks = byId("marks");  // what open positions are worth
const filters = new Filters(load);
const range = new Range(load);
const parts = [new Equity(), new Calendar(), new Performance(), new Prices(), new Fills()];
let asked = 0;

// The parameters of a call: the range and the filters, and what the part adds. Some calls convert currencies, some mark
// open positions; amounts are converted at prices of own trades.
function query(more = {}, { converts = false, marked = false } = {}) {
  const chosen = { ...(converts && rates?.value && { rates: rates.value }), ...(marked && !rates?.value && { marks: marks.value }) };
  return new URLSearchParams({ ...range.chosen, ...filters.chosen, ...chosen, ...more }).toString();
}

async function load() {
  const turn = ++asked;
  marks.disabled = Boolean(rates?.value);
  const isLate = () => turn !== asked;  // another choice was made while the answer was under way
  const symbols = ask("/api/symbols").then((answer) => answer.symbols);
  const context = { symbols, currency, rates, asOf, drawAll, attempt };
  await attempt(() => Promise.all([offerChoices(symbols), ...parts.map((part) => part.load(query, isLate, context))]), isLate);
}

// Does the work; shows the error if the app refuses it.
async function attempt(work, isLate) {
  show(byId("problem"), false);
  try {
    await work();
  } catch (error) {
    if (isLate()) return;
    setText(byId("problem"), error.message);
    show(byId("problem"), true);
  }
}

function asOf({ as_of, revision, restating }) {
  const changed = revision ? `; event ${group(String(revision))} was the last to change the past` : "";
  const unfinished = restating ? "; figures are being restated, load the page again in a moment" : "";
  setText(byId("as-of"), `As of event ${group(String(as_of))}${changed}${unfinished}`);
}

async function offerChoices(symbols) {
  const traded = await symbols;
  const values = (name) => [...new Set(traded.flatMap((one) => one[name]))];
  filters.offer({ symbol: traded.map((one) => one.symbol), account: values("accounts"), strategy: values("strategies") });
}

// Every part shows the same currency, whichever answer came first.
function drawAll() {
  parts.forEach((part) => part.draw(currency.value));
}

currency.addEventListener("change", drawAll);
rates?.addEventListener("change", load);
marks.addEventListener("change", load);
currency.append(make("option", { value: "" }, "–"));
setText(byId("time-zone"), zoneWords());
load();
