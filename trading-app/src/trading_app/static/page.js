// Assembles the page: one live stream comes in, and each part receives its events.

import { Books } from "./books.js";
import { Charts } from "./charts.js";
import { Feed } from "./feed.js";
import { Filters } from "./filters.js";
import { TradeForm } from "./form.js";
import { Health } from "./health.js";
import { LiveStream } from "./stream.js";

const BEGIN = "Send one with the form, let your bots post to /trade, import a file, or fill this empty ledger with made-up trades: make seed.";

const health = new Health();
const filters = new Filters(() => stream.start(filters.chosen));
const feed = new Feed(() => (filters.any ? "None of the latest trades matches the filter. New ones appear here." : `No trades yet. ${BEGIN}`));
const books = new Books((known) => {
  if (!known) return health.sidecar.status === "up" ? "Loading positions." : "Positions appear as soon as the sidecar answers.";
  return filters.any ? "No position matches the filter." : `No positions yet: the first trade opens one. ${BEGIN}`;
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
    offer(trades.slice(-20));  // so that the filters work without a sidecar
  },
  books: (document) => {
    books.take(document);
    charts.takeBooks(document);
  },
  choices: (choices) => {
    filters.offer(choices);
    charts.offer(choices.symbol);
  },
  health: (latest) => {
    const before = health.sidecar.status;
    health.take(latest);
    if (health.sidecar.status !== before) books.draw();
  },
};

function offer(trades) {
  const choices = {};
  for (const name of ["symbol", "account", "strategy"]) choices[name] = [...new Set(trades.map((trade) => trade[name]))];
  take.choices(choices);
}

const stream = new LiveStream((name, data) => take[name](data), (connected) => health.setConnected(connected));
stream.start(filters.chosen);
