// P&L by day as months of a calendar, the latest first.

import { ask } from "./call.js";
import { feesOutside, notInNet } from "./amounts.js";
import { byId, make, show } from "./elements.js";
import { add, compact, sign } from "./numbers.js";

const SHOWN = 6;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const monthName = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });

export class Calendar {
  #rows = [];
  #by = "day";
  #currency = "";
  #count = SHOWN;
  #asked = null;  // the method of the rows; null until those of the chosen range are there
  #again = () => {};

  constructor() {
    this.section = byId("calendar");
    this.view = byId("view");
    this.view.addEventListener("change", () => this.#choose());
    byId("more-months").addEventListener("click", () => {
      this.#count += SHOWN;
      this.draw(this.#currency);
    });
  }

  async load(query, isLate, { currency, rates, attempt }) {
    this.#again = () => attempt(() => this.load(query, isLate, { currency, rates, attempt }), isLate);
    const converts = Boolean(rates?.value);
    // By lots, each currency stands apart: its total is the same by each method, a converted one is not.
    for (const option of this.view.options) option.disabled = converts && option.value.includes(":");
    if (converts) this.view.value = this.#shown;
    const method = this.#method;
    this.#asked = null;
    const answer = await ask(`/api/pnl?${query({ by: "day", ...(method && { method }) }, { converts: true, marked: true })}`);
    if (isLate() || !this.#serves(method)) return;
    this.#asked = method;
    this.#rows = answer.pnl;
    this.#by = answer.by;
    this.#count = SHOWN;
    this.draw(currency.value);
  }

  // The member of rows that is shown, and the method by which it is realised; none is average cost.
  get #shown() {
    return this.view.value.split(":")[0];
  }

  get #method() {
    return this.view.value.split(":")[1] ?? "";
  }

  // Whether rows of a method have what is shown: only what was realised differs by method.
  #serves(method) {
    return method === this.#method || this.#shown !== "settled";
  }

  #choose() {
    if (this.#serves(this.#asked)) this.draw(this.#currency);
    else this.#again();
  }

  draw(currency) {
    this.#currency = currency;
    const rows = this.#rows.filter((row) => row.currency === currency);
    const months = byMonth(rows);
    const names = [...months.keys()].sort().reverse();
    show(this.section.querySelector(".empty"), names.length === 0);
    this.section.querySelector(".months").replaceChildren(
      ...names.slice(0, this.#count).map((name) => this.#month(name, months.get(name))));
    show(byId("more-months"), names.length > this.#count);
  }

  #month(name, rows) {
    const view = this.#shown, byDay = new Map(rows.map((row) => [row.period, row]));
    const total = rows.reduce((sum, row) => add(sum, row[view]), "0");
    const first = new Date(`${name}-01T00:00:00Z`), cells = [];
    for (let blank = (first.getUTCDay() + 6) % 7; blank > 0; blank--) cells.push(make("td"));
    for (let date = first; date.toISOString().startsWith(name); date = new Date(+date + 86400000)) {
      cells.push(this.#day(date.toISOString().slice(0, 10), byDay, view));
    }
    const weeks = [];
    for (let start = 0; start < cells.length; start += 7) weeks.push(make("tr", {}, ...cells.slice(start, start + 7)));
    const sum = make("span", { "data-gain": String(sign(total)), title: total }, compact(total));
    const head = make("tr", {}, ...WEEKDAYS.map((weekday) => make("th", { scope: "col" }, weekday)));
    const title = monthName.format(first) + (this.#by === "day" ? "" : `, by ${this.#by}`);
    const beside = notInNet(feesOutside(rows));
    return make("div", { class: "month", "data-month": name }, make("h3", {}, make("span", {}, title), sum),
      beside && make("div", { class: "beside" }, beside),
      make("table", { "aria-label": `P&L of ${monthName.format(first)}` }, make("thead", {}, head), make("tbody", {}, ...weeks)));
  }

  #day(name, byDay, view) {
    const row = byDay.get(name), number = String(Number(name.slice(8)));
    if (!row) return make("td", {}, number);
    const trades = `${row.fills} ${row.fills === 1 ? "trade" : "trades"}`;
    const title = [`${row[view]} ${row.currency}`, trades, notInNet(row.fees_outside)].filter(Boolean).join(", ");
    return make("td", { "data-gain": String(sign(row[view])), "data-day": name, title },
      number, make("strong", {}, compact(row[view])));
  }
}

function byMonth(rows) {
  const months = new Map();
  for (const row of rows) {
    const name = row.period.slice(0, 7);
    if (!months.has(name)) months.set(name, []);
    months.get(name).push(row);
  }
  return months;
}
