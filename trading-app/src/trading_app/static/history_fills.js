// The trades of the range, newest first, page by page.

import { NOT_KNOWN } from "./amounts.js";
import { askPage } from "./call.js";
import { byId, make, save, setText, show, SIDES } from "./elements.js";
import { group } from "./numbers.js";
import { inBps, NO_SLIPPAGE } from "./slippage.js";
import { dayAndTime, secondsOf } from "./times.js";

const PAGE = 100;
const CSV_PAGE = 10000;

export class Fills {
  #next = "";
  #csv = "";  // the address of the file's first part
  #attempt = () => {};

  constructor() {
    this.section = byId("fills");
    this.body = this.section.querySelector("tbody");
    byId("more-fills").addEventListener("click", () => this.#attempt(() => this.#more()));
    byId("fills-csv").addEventListener("click", () => this.#attempt(() => this.#save()));
  }

  async load(query, isLate, { attempt }) {
    const found = await askPage(`/api/trades?${query({ limit: PAGE })}`);
    if (isLate()) return;
    this.body.replaceChildren();
    this.#csv = `/api/trades?${query({ limit: CSV_PAGE, format: "csv" })}`;
    this.#attempt = (work) => attempt(work, isLate);
    this.#add(found);
  }

  draw() {}  // amounts of trades have no currency of the P&L

  async #more() {
    byId("more-fills").disabled = true;
    try {
      this.#add(await askPage(this.#next));
    } finally {
      byId("more-fills").disabled = false;
    }
  }

  // All trades of the range: part by part, the header line once.
  async #save() {
    const button = byId("fills-csv"), parts = [];
    button.disabled = true;
    try {
      for (let next = this.#csv; next;) {
        const answer = await askPage(next, { headers: { Accept: "text/csv" } });
        parts.push(parts.length ? answer.body.slice(answer.body.indexOf("\n") + 1) : `\ufeff${answer.body}`);
        next = answer.next;
        setText(button, `CSV, part ${parts.length}`);
      }
      save("trades.csv", new Blob(parts, { type: "text/csv" }));
    } finally {
      setText(button, "CSV");
      button.disabled = false;
    }
  }

  #add({ body, next }) {
    this.#next = next;
    this.body.append(...body.trades.map(row));
    const shown = this.body.rows.length;
    setText(byId("fills-count"), shown ? `${group(String(shown))} shown${next ? ", there are more" : ""}` : "");
    show(this.section.querySelector(".empty"), shown === 0);
    show(this.section.querySelector(".scroll"), shown > 0);
    show(byId("more-fills"), next !== "");
  }
}

function row(trade) {
  const number = (text) => make("td", { class: "number" }, text === null ? "" : group(text));
  const fee = make("td", { class: "number" }, trade.fee === null ? "" : `${group(trade.fee)} ${trade.fee_currency ?? ""}`.trim());
  const corrections = trade.corrections.map((one) => `${one.kind}${one.in_force ? "" : " (voided)"}`).join(", ");
  return make("tr", { "data-side": trade.side, "data-seq": String(trade.seq) },
    make("td", { class: "time", title: trade.ts }, dayAndTime(secondsOf(trade.ts))),
    name(trade.symbol), make("td", { class: "side" }, SIDES[trade.side]), number(trade.qty), number(trade.price), slippage(trade), fee,
    name(trade.account), name(trade.strategy), make("td", { class: "quiet" }, corrections),
    make("td", { class: "number quiet" }, make("a", { href: `/trades/${trade.seq}` }, String(trade.seq))));
}

function name(text) {
  return make("td", { class: "name", title: text }, text);
}

function slippage(trade) {
  const why = trade.slippage_reason;
  if (why) return make("td", { class: "number quiet", title: NO_SLIPPAGE[why] ?? why }, NOT_KNOWN);
  return make("td", { class: "number", title: `against ${trade.slippage_reference}` }, inBps(trade.slippage_bps));
}
