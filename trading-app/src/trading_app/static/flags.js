// What a reader of a position's figures has to know: a mark in its row, and below the table what to do about it.

import { make, show } from "./elements.js";

const SHOWN_SYMBOLS = 3;

const RECOMPUTING = "recomputing";  // ends by itself: a mark and the number below the table are enough

const FLAGS = {
  [RECOMPUTING]: {
    mark: "recomputing",
    words: "A correction or a late trade is being worked in. Until then the figures are those before it.",
  },
  sold_more_than_known: {
    mark: "sold more than known",
    words: "More was sold than the journal knows of. Give an opening balance: what was held before the first trade, and its average price.",
    command: ({ symbol, account, strategy }) =>
      `trading-app event opening symbol=${quoted(symbol)} account=${quoted(account)} strategy=${quoted(strategy)} quantity=… average=… ts=…`,
  },
  closed_more_than_held: {
    mark: "closed more than held",
    words: "More was closed on this side than the journal knows of. Give an opening balance, or correct the position side of a trade.",
    command: ({ symbol, account, strategy, side }) =>
      `trading-app event opening symbol=${quoted(symbol)} account=${quoted(account)} strategy=${quoted(strategy)} position_side=${side} quantity=… average=… ts=…`,
  },
  in_points: {
    mark: "in points",
    words: "The symbol looks like a derivative, and nothing says what one point of its price is worth. Say it once, for all its trades:",
    command: ({ symbol }) => `trading-app event instrument symbol=${quoted(symbol)} currency=… multiplier=…`,
  },
  currency_unknown: {
    mark: "currency unknown",
    words: "Nothing says which currency the P&L is in, so it is added to no other. Say it once, for all its trades:",
    command: ({ symbol }) => `trading-app event instrument symbol=${quoted(symbol)} currency=…`,
  },
  multipliers_differ: {
    mark: "multipliers differ",
    words: "Trades of this position have different multipliers, so its average is not meaningful. Correct the trades with a replace.",
  },
  basis_unknown: {
    mark: "basis unknown",
    words: "Part of the position came without a price, so its cost is not known and the realised P&L is too high. Give the price of the move, or an opening balance.",
  },
  no_mark: {
    mark: "no price",
    words: "There is no price yet, so unrealised and net P&L are not known. The next trade gives one, or you do:",
    command: ({ symbol }) => `trading-app event price symbol=${quoted(symbol)} price=…`,
  },
  stale_mark: {
    mark: "old price",
    words: "The market's price, which marks this position, has not changed for long: is the market feed running, and is the market open?",
  },
  no_market_price: {
    mark: "no market price",
    words: "The instrument says that the market marks this position, and no market data has come for it. It is marked at the last price of a trade. Name the market in FEED_SYMBOLS, or let trades mark it:",
    command: ({ symbol }) => `trading-app event instrument symbol=${quoted(symbol)} mark=last`,
  },
};

// The flags of a position that are shown: a symbol in points has an unknown currency too, and one mark is enough.
function shownFlags({ flags }) {
  return flags.filter((flag) => flag in FLAGS && !(flag === "currency_unknown" && flags.includes("in_points")));
}

export function drawMarks(element, row) {
  const marks = shownFlags(row).map((flag) => make("span", { class: "mark", title: FLAGS[flag].words }, FLAGS[flag].mark));
  if (row.side) marks.unshift(make("span", { class: "mark side" }, row.side));
  const text = marks.map((mark) => mark.textContent).join("");
  if (element.textContent !== text) element.replaceChildren(...marks);
}

// For each flag of any position: which symbols have it, what it means, and the command that helps.
export function drawNotes(list, rows) {
  const notes = Object.keys(FLAGS).filter((flag) => flag !== RECOMPUTING)
    .map((flag) => [flag, rows.filter((row) => shownFlags(row).includes(flag))])
    .filter(([, flagged]) => flagged.length);
  const state = JSON.stringify(notes.map(([flag, [first, ...rest]]) => [flag, first.symbol, first.account, first.strategy, rest.length]));
  show(list, notes.length > 0);
  if (list.dataset.state === state) return;  // untouched, so that a command can be selected and copied
  list.dataset.state = state;
  list.replaceChildren(...notes.map(([flag, flagged]) => note(FLAGS[flag], flagged)));
}

function note({ mark, words, command }, flagged) {
  const symbols = [...new Set(flagged.map((row) => row.symbol))];
  const more = symbols.length > SHOWN_SYMBOLS ? ` and ${symbols.length - SHOWN_SYMBOLS} more` : "";
  const item = make("li", {}, make("strong", {}, `${symbols.slice(0, SHOWN_SYMBOLS).join(", ")}${more}: ${mark}.`), ` ${words}`);
  if (command) item.append(make("code", {}, command(flagged[0])));
  return item;
}

// As a shell takes it: plain, or between quotes.
function quoted(text) {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
