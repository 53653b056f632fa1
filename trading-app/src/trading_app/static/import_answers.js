// A form control for each question of a report, and what the user said as options of the next dry run.

import { make } from "./elements.js";

const WORDS = {
  ".": "the point: 1,234.5", ",": "the comma: 1.234,5", dmy: "day, month, year", mdy: "month, day, year", ymd: "year, month, day",
  skip: "leave them out", take: "take them as trades of their own", "--revive": "count them again", "--no-revive": "leave them out",
};
const NAMES = {
  "--timezone": "timezone", "--date-order": "date_order", "--decimal": "decimal", "--account": "account", "--strategy": "strategy",
  "--symbol": "symbol", "--currency": "currency", "--from": "preset", "--probably-known": "probably_known", "--different": "different",
};
const SIZE = "--contract-size", REVIVE = "--revive";

export class Answers {
  #place;
  #asked = [];

  constructor(place) {
    this.#place = place;
  }

  get isAsking() {
    return this.#place.childElementCount > 0;
  }

  ask({ state, questions, begins_in_the_middle: begins }) {
    const missing = state === "ready" || state === "question" ? begins : [];
    this.#asked = questions.map((question) => ({ question, input: control(question) }));
    const openings = missing.map((one) => ({ question: { ...one, option: "--opening", text: `${one.symbol}: the file sells ${one.missing} more than it bought. What was held before it begins? Empty: it stays as it is.` }, input: openingControl(one) }));
    this.#asked.push(...openings);
    this.#place.replaceChildren(...this.#asked.map(({ question, input }) => make("div", { class: "question" }, make("p", {}, question.text), input)));
  }

  // The options with the answers in them; those that the form of other options has go there, to be seen and changed.
  addTo(options, form) {
    const said = { ...options };
    for (const { question, input } of this.#asked) {
      const text = value(input);
      if (question.option === "--opening") {
        const [quantity, average] = [...input.querySelectorAll("input")].map((one) => one.value.trim());
        if (quantity && average) said.openings = [...(said.openings ?? []).filter(({ symbol }) => symbol !== question.symbol), { symbol: question.symbol, quantity, average }];
      } else if (!text) continue;
      else if (question.option === SIZE) said.contract_sizes = { ...said.contract_sizes, [symbolOf(question)]: text };
      else if (question.option === REVIVE) said.revive = text === REVIVE;
      else if (form.elements[NAMES[question.option]]) form.elements[NAMES[question.option]].value = text;
      else said[NAMES[question.option]] = text;
    }
    return said;
  }
}

const symbolOf = ({ choices }) => choices[0].slice(0, choices[0].lastIndexOf("="));

function value(control) {
  const chosen = control.querySelector("input:checked") ?? control.querySelector("input:not([type=radio])");
  return chosen?.value.trim() ?? "";
}

function control(question) {
  if (!(question.option in NAMES || question.option === SIZE || question.option === REVIVE) || (question.option === "--from" && !question.choices.length)) {
    return make("div", { class: "hint" }, "Say below which column is what.");
  }
  if (question.choices.length && question.option !== SIZE) {
    const named = `answer-${question.code}`;
    return make("fieldset", { "aria-label": question.text }, ...question.choices.map((choice) =>
      make("label", {}, make("input", { type: "radio", name: named, value: choice }), WORDS[choice] ?? choice)));
  }
  const label = question.option === SIZE ? `Units in one lot or contract of ${symbolOf(question)}` : question.option.replace(/^--/, "").replace("-", " ");
  const id = `answer-${question.code}`;
  const input = make("input", { id, autocomplete: "off", ...(question.option === "--timezone" ? { list: "zones", placeholder: "Europe/Berlin" } : {}) });
  return make("div", { class: "field" }, make("label", { for: id }, label), input);
}

function openingControl({ symbol, missing }) {
  const field = (name, text, shown) => {
    const id = `opening-${name}-${symbol}`;
    return make("div", { class: "field" }, make("label", { for: id }, text), make("input", { id, inputmode: "decimal", autocomplete: "off", placeholder: shown }));
  };
  return make("div", { class: "fields" }, field("quantity", "Quantity held before", missing), field("average", "Average price paid", ""));
}
