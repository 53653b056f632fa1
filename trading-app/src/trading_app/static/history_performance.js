// How well strategies, accounts and symbols did: the round trips that closed in the range.

import { NOT_KNOWN, notInNet } from "./amounts.js";
import { ask } from "./call.js";
import { byId, make, setText, show } from "./elements.js";
import { decimalsToShow, fixed, group, groupSigned, sign } from "./numbers.js";
import { inBps, NO_SLIPPAGE } from "./slippage.js";
import { lasting } from "./times.js";

const REASONS = {
  no_round_trips: "none closed in the range", no_wins: "no trip won", no_losses: "no trip lost", no_decided: "no trip won or lost",
  unknown_times: "when it began is not known", no_gross: "the gross P&L is 0",
  ...NO_SLIPPAGE, converted: "not worked out for figures in one currency",
};

export class Performance {
  #rows = [];
  #by = "strategy";
  #again = () => {};

  constructor() {
    this.section = byId("performance");
    this.buttons = [...this.section.querySelectorAll("[data-by]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.#choose(button));
  }

  async load(query, isLate, { attempt }) {
    this.#again = () => attempt(() => this.load(query, isLate, { attempt }), isLate);
    const by = this.#by, answer = await ask(`/api/performance?${query({ by }, { converts: true })}`);
    if (isLate() || by !== this.#by) return;
    this.#rows = answer.performance;
    this.draw();
  }

  draw() {
    setText(byId("group-head"), this.#by[0].toUpperCase() + this.#by.slice(1));
    show(this.section.querySelector(".empty"), this.#rows.length === 0);
    show(this.section.querySelector(".scroll"), this.#rows.length > 0);
    this.section.querySelector("tbody").replaceChildren(...this.#rows.map((row) => this.#row(row)));
  }

  #choose(button) {
    for (const each of this.buttons) each.setAttribute("aria-pressed", String(each === button));
    this.#by = button.dataset.by;
    this.#again();
  }

  #row(row) {
    const decimals = decimalsToShow([row.net, row.gross, row.fees, row.largest_win ?? "0"]);
    const why = (name) => REASONS[row.reasons[name]] ?? row.reasons[name] ?? "";
    const cell = (text, exact = "") => make("td", { class: "number", ...(exact && { title: exact }) }, text);
    const money = (name) => (row[name] === null ? cell(NOT_KNOWN, why(name)) : cell(group(fixed(row[name], decimals)), row[name]));
    const gain = (name) => {
      const made = row[name] === null ? cell(NOT_KNOWN, why(name)) : cell(groupSigned(fixed(row[name], decimals)), row[name]);
      if (row[name] !== null) made.dataset.gain = String(sign(row[name]));
      return made;
    };
    const plain = (name, write) => (row[name] === null ? cell(NOT_KNOWN, why(name)) : cell(write(row[name]), row[name]));
    const slippage = plain("slippage_bps", inBps);
    if (row.slippage_bps !== null) slippage.title = `${row.slippage_cost} ${row.currency}, ${row.slippage_trades} trades measured`;
    const net = gain("net");
    net.append(make("span", { class: "beside" }, notInNet(row.fees_outside)));
    const open = row.open_trips ? cell(`${row.open_trips}: ${groupSigned(fixed(row.open_net, decimals))}`, `realised so far: ${row.open_net}`) : cell("0");
    return make("tr", { "data-group": row.group[this.#by] },
      make("th", { class: "name", scope: "row", title: row.group[this.#by] }, row.group[this.#by] || "–"), make("td", {}, row.currency || "unknown"),
      net, gain("gross"), money("fees"), cell(`${row.trips}`, `${row.wins} won, ${row.losses} lost, ${row.break_even} neither`),
      plain("win_rate", (text) => `${(100 * Number(text)).toFixed(1)} %`), plain("profit_factor", (text) => Number(text).toFixed(2)),
      gain("expectancy"), gain("largest_win"), gain("largest_loss"),
      plain("average_holding_seconds", (text) => lasting(Number(text))), money("max_drawdown"), slippage, open);
  }
}
