// The page, put together: one stream in, each part takes what is its own.

import { Books } from "./books.js";
import { Charts } from "./charts.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { TradeForm } from "./form.js";
import { Health } from "./health.js";
import { LiveStream } from "./stream.js";

const BEGIN = "Send one with the form, have a stream of made-up ones with make demo, or post your bots' to /trade.";

const health = new Health();
const filters = new Filters(() => stream.start(filters.chosen));
const feed = new Feed(() => (filters.any ? "No trade fits the filter among the latest. New ones appear here." : `No trades yet. ${BEGIN}`));
const books = new Books((known) => {
  if (!known) return health.sidecar.status === "up" ? "Positions are on their way." : "Positions appear as soon as the sidecar answers.";
  return filters.any ? "No position fits the filter." : `No positions yet: the first trade opens one. ${BEGIN}`;
});
const charts = new Charts(() => filters.chosen);
new TradeForm();

const take = {
  hello: ({ resumed }) => {
    if (resumed) return;
    for (const part of [feed, books, charts]) part.clear();
  },
  trades: (trades) => {
    feed.add(trades);
    charts.add(trades);
    offer(trades.slice(-20));  // without a sidecar the trades alone tell what there is
  },
  books: (document) => {
    books.take(document);
    charts.takeBooks(document);
  },
  choices: (choices) => {
    filters.offer(choices);
    charts.offer(choices.symbol);
  },
  health: (told) => {
    const before = health.sidecar.status;
    health.take(told);
    if (health.sidecar.status !== before) books.draw();
  },
};

function offer(trades) {
  const choices = {};
  for (const name of ["symbol", "account", "strategy"]) choices[name] = [...new Set(trades.map((trade) => trade[name]))];
  take.choices(choices);
}

const stream = new LiveStream((name, data) => take[name](data), (connected) => health.tell(connected));
stream.start(filters.chosen);
