// The report of a dry run as elements.

import { byId, make, setText, show } from "./elements.js";
import { group, round, trim } from "./numbers.js";

const ORDERS = { oldest_first: "oldest first", newest_first: "newest first (sorted by time)", mixed: "mixed (sorted by time)" };
const FIRST = ["ts", "symbol", "side", "qty", "price", "fee", "fee_currency"];

const count = (number) => number.toLocaleString("en");
const amount = (text, unit = "") => (text == null ? "unknown" : `${group(text)}${unit ? ` ${unit}` : ""}`);
// At most 10 decimals of an average; the exact figure is its title.
const short = (text) => (text == null ? "unknown" : { text: group(trim(round(text, 10))), title: text });
const time = (ts) => ts.replace("T", " ").replace("Z", " UTC");
const lines = (places, total = places.length) => places.length ? ` (line ${places.join(", ")}${total > places.length ? ", …" : ""})` : "";

const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

// One sentence on the whole file, and its mood.
export function verdict({ state, rows, compared, errors, questions, result }) {
  if (state === "refused") return [`This file can't be taken: ${counted(errors.length, "problem")}.`, "problem"];
  if (state === "question") return [`${questions.length === 1 ? "A question" : `${questions.length} questions`} that only you can answer.`, "warning"];
  if (state === "nothing_new") return ["Nothing new: the ledger has all of it.", ""];
  if (state === "taken") return [`Taken: ${counted(result.accepted, "new trade")}${result.events ? `, ${counted(result.events, "other event")}` : ""}${result.duplicates ? `, ${count(result.duplicates)} known before` : ""}${result.revived ? `, ${count(result.revived)} count again` : ""}.`, ""];
  const events = compared.new_events ? ` and ${counted(compared.new_events, "other event")}` : "";
  return [`New: ${count(compared.new)} of ${counted(rows.fills, "trade")}${events}. Nothing is taken yet.`, ""];
}

export function showReport(report) {
  setText(byId("preview-title"), report.file.name);
  setText(byId("recognised"), report.sources.map(({ title, preset, table }) => `${title || preset}${table && report.sources.length > 1 ? ` (${table})` : ""}`).join(", "));
  showFacts(report);
  showNotes("errors", report.errors.map(({ place, column, message }) => `${place ? `Line ${place}` : ""}${place && column ? ", " : ""}${column}${place || column ? ": " : ""}${message}`), report.errors_omitted);
  const unknown = [
    ...report.unknown.currencies.map((symbol) => `${symbol}: nothing says in which currency its P&L is`),
    ...report.unknown.instruments.map((symbol) => `${symbol}: nothing says what a contract is worth; P&L is in points`),
  ];
  showNotes("warnings", [...report.warnings.map(({ text, places, count: of }) => `${of > 1 ? `${count(of)} ` : ""}${text}${lines(places, of)}`), ...unknown]);
  showFigures(report);
  const held = new Set(report.first_fills.flatMap(({ trade }) => Object.keys(trade)));
  const names = [...FIRST.filter((name) => held.delete(name)), ...held];
  const trades = report.first_fills.map(({ place, trade }) => [String(place), ...names.map((name) => trade[name] ?? "")]);
  fill(byId("first-fills"), ["Line", ...names], trades);
  show(byId("first"), trades.length > 0);
  byId("skipped-list").replaceChildren(...report.skipped.map(({ reason, count: of, places }) => make("li", {}, `${count(of)} ${reason}${lines(places, of)}`)));
  show(byId("skipped"), report.skipped.length > 0);
}

function showFacts({ file, rows, span, order, compared }) {
  const facts = [
    ["Trades", count(rows.fills)], ["Other events", rows.events && count(rows.events)], ["Skipped rows", rows.skipped && count(rows.skipped)],
    ["Twice in the file", rows.twice && count(rows.twice)], ["Known before", compared.known && count(compared.known)],
    ["Taken back earlier", compared.taken_back && count(compared.taken_back)], ["Probably known", compared.probably_known && count(compared.probably_known)],
    ["From", span && time(span.first)], ["To", span && time(span.last)], ["Order", ORDERS[order]],
    ["File", [file.kind, ...file.notes.filter((note) => !note.startsWith("file "))].filter(Boolean).join(" · ")],
  ];
  byId("facts").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function showNotes(id, texts, omitted = 0) {
  byId(id).replaceChildren(...texts.map((text) => make("p", {}, text)), ...(omitted ? [make("p", {}, `and ${count(omitted)} more`)] : []));
  show(byId(id), texts.length > 0);
}

function showFigures({ totals, positions, positions_omitted: omitted }) {
  byId("totals").replaceChildren(...totals.map((one) => make("dl", { class: "facts card", "data-currency": one.currency },
    ...[["Net P&L", one.net_pnl], ["Realised", one.realized_pnl], ["Unrealised", one.unrealized_pnl], ["Fees", one.fees], ["Cash", one.cash]]
      .map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, amount(text, one.currency), beside(name, one.fees_outside_net)))))));
  const rows = positions.map((one) => [
    [one.symbol, one.position_side].filter(Boolean).join(" "), one.account, amount(one.position), short(one.average_entry_price),
    amount(one.last_price), short(one.realized_pnl), short(one.unrealized_pnl), short(one.fees), short(one.net_pnl), one.currency ?? "unknown", one.flags.join(", ").replaceAll("_", " "),
  ]);
  const names = ["Symbol", "Account", "Position", "Average entry", "Last price", "Realised", "Unrealised", "Fees", "Net P&L", "Currency", "Note"];
  fill(byId("file-positions"), names, rows, new Set([2, 3, 4, 5, 6, 7, 8]));
  setText(byId("positions-more"), omitted ? `and ${count(omitted)} more positions` : "");
  show(byId("results"), positions.length > 0);
}

function beside(name, fees) {
  const texts = name === "Net P&L" ? Object.entries(fees).map(([currency, text]) => amount(text, currency)) : [];
  return make("span", { class: "beside" }, texts.length ? `not in net: ${texts.join(", ")}` : "");
}

// A table of texts, or of texts with titles; `numbers` are the columns that stand right-aligned.
export function fill(place, names, rows, numbers = new Set()) {
  const cell = (tag, shown, column) => make(tag, {
    ...(numbers.has(column) ? { class: "number" } : {}), ...(tag === "th" ? { scope: "col" } : {}), ...(shown.title ? { title: shown.title } : {}),
  }, shown.text ?? shown);
  const head = make("tr", {}, ...names.map((name, column) => cell("th", name, column)));
  const body = rows.map((row) => make("tr", {}, ...row.map((text, column) => cell("td", text, column))));
  place.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}
