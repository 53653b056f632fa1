// Mapping by hand: the first rows of an unknown table, and a choice of column for each field of a trade.

import { make } from "./elements.js";
import { fill } from "./import_report.js";

const FIELDS = [
  ["ts", "Time"], ["time", "Time of day, if it stands apart"], ["symbol", "Symbol"], ["side", "Side (buy or sell)"], ["qty", "Quantity"], ["price", "Price"],
  ["fee", "Fee"], ["fee_currency", "Currency of the fee"], ["trade_id", "Trade id"], ["order_id", "Order id"], ["account", "Account"], ["strategy", "Strategy"],
  ["kind", "Kind of row, if not every row is a trade"],
];
const NO_FIELDS = ["time", "kind"];
const WORDS = [["buy", "Word for buy, if it is unusual"], ["sell", "Word for sell, if it is unusual"], ["skip", "Kinds of rows to skip, separated by commas"]];
const NEEDED = ["ts", "symbol", "side", "qty", "price"];
const GUESSES = {
  ts: /^(ts|time|date|datetime|timestamp|data|datum|date.?time|.*(executed|created|filled).*)/i, symbol: /symbol|pair|ticker|instrument|market|product|ativo|wertpapier|titel/i, side: /side|action|buy.?sell|type|c\/v|direction|seite|kauf|sens|lado/i,
  qty: /^(qty|quantity|amount|size|volume|shares|executed|units|menge|stück|anzahl|quantité|cantidad)/i, price: /price|preço|preis|prix|precio|kurs|rate/i, fee: /^(fee|commission)s?$|gebühr|provision|frais|comisión/i, trade_id: /trade.?id|^id$|exec.?id/i,
};
const BY_SIGN = "\u0000sign";

export class Mapping {
  #sample;
  #fields;
  #columns = [];
  #rows = [];

  constructor(sample, fields) {
    this.#sample = sample;
    this.#fields = fields;
  }

  get isUsed() {
    return this.#fields.childElementCount > 0;
  }

  clear() {
    this.#columns = [];
    this.#rows = [];
    this.#fields.replaceChildren();
    this.#sample.replaceChildren();
  }

  // Shows the table with the most columns, unless it is shown already.
  offer(tables) {
    const table = [...tables].sort((a, b) => b.columns.length - a.columns.length)[0];
    if (!table || this.isUsed) return;
    this.#columns = table.columns;
    this.#rows = table.first_rows;
    fill(this.#sample, table.columns, table.first_rows.map((row) => table.columns.map((name) => row[name] ?? "")));
    const taken = new Set();
    this.#fields.replaceChildren(...FIELDS.map(([name, label]) => this.#choice(name, label, taken)), ...WORDS.map(([name, label]) => this.#words(name, label)));
  }

  #choice(name, label, taken) {
    const guess = this.#columns.find((column) => GUESSES[name]?.test(column) && !taken.has(column)) ?? "";
    taken.add(guess);
    const id = `map-${name}`, options = ["", ...this.#columns].map((column) => new Option(column || (NEEDED.includes(name) ? "choose" : "–"), column, false, column === guess));
    if (name === "side") options.push(new Option("by the sign of the quantity", BY_SIGN));
    return make("div", { class: "field" }, make("label", { for: id }, label), make("select", { id, name }, ...options));
  }

  #words(name, label) {
    const id = `map-word-${name}`;
    return make("div", { class: "field" }, make("label", { for: id }, label), make("input", { id, name: `word-${name}`, autocomplete: "off" }));
  }

  // The mapping in its own language, of which JSON is a part; "" while nothing is mapped.
  text() {
    if (!this.isUsed) return "";
    const chosen = Object.fromEntries([...this.#fields.querySelectorAll("select, input")].map(({ name, value }) => [name, value]));
    const fields = {};
    for (const [name] of FIELDS) {
      const column = chosen[name];
      if (!column || NO_FIELDS.includes(name)) continue;
      if (name === "ts" && chosen.time) fields.ts = { text: `{${column}} {${chosen.time}}` };
      else if (name === "side") fields.side = side(column, chosen);
      else if (name === "qty" && chosen.side === BY_SIGN) fields.qty = { column, absolute: true, ...this.#unit(column) };
      else if (["qty", "price", "fee"].includes(name)) fields[name] = { column, ...this.#unit(column) };
      else fields[name] = column;
    }
    return JSON.stringify({ fields, ...rows(chosen) });
  }

  #unit(column) {
    return this.#rows.some((row) => /\d\s*[^\d\s.,'’+-]|^[^\d\s.,'’+(-]/.test(row[column] ?? "")) ? { with_unit: true } : {};
  }
}

// Which rows are skipped; all others must be trades.
function rows(chosen) {
  const kinds = chosen["word-skip"].split(",").map((kind) => kind.trim()).filter(Boolean);
  if (!chosen.kind || !kinds.length) return {};
  return { rows: [{ when: { [chosen.kind]: kinds }, skip: `${chosen.kind} is not a trade` }, { fill: {} }] };
}

function side(column, chosen) {
  if (column === BY_SIGN) return { sign_of: chosen.qty };
  const words = Object.fromEntries(["buy", "sell"].map((way) => [chosen[`word-${way}`].trim(), way]).filter(([word]) => word));
  return Object.keys(words).length ? { column, words } : column;
}
