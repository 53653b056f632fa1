// The form for a trade: sent as JSON without leaving the page, each error at its field, and the same as a curl command.

import { byId, setText, show } from "./elements.js";

const PATIENCE_MS = 10000;
// What the API tells a program, told to a person.
const WORDS = {
  "must be a JSON number, or a string that holds one": "must be a number, such as 64250.10",
  "is missing": "is needed",
};

export class TradeForm {
  constructor() {
    this.form = document.querySelector("#send form");
    this.button = this.form.querySelector("button");
    // The app's own answer stands at the field, and it checks more than the browser does.
    this.form.noValidate = true;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    const copy = byId("copy");
    show(copy, Boolean(navigator.clipboard));
    copy.addEventListener("click", () => this.#copy(copy));
  }

  async #send() {
    const trade = Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
    const body = JSON.stringify(trade);
    this.#clear();
    this.button.disabled = true;
    this.#say("Sending");
    try {
      const answer = await fetch("/trade", {
        method: "POST", body, headers: { "Content-Type": "application/json", Accept: "application/json" },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const told = await answer.json();
      setText(byId("curl"), curl(body));
      if (answer.ok) this.#say(`Trade ${told.seq} is in the journal.`, "good");
      else this.#refused(told);
    } catch {
      this.#say("No answer: whether it was taken shows in the feed. Is the app running?", "bad");
    } finally {
      this.button.disabled = false;
    }
  }

  #refused(problem) {
    const elsewhere = [];
    let first = null;
    for (const { pointer, detail } of problem.errors ?? []) {
      const input = this.form.elements[pointer.replace("#/", "")];
      if (!input) {
        elsewhere.push(detail);
        continue;
      }
      first ??= input;
      input.setAttribute("aria-invalid", "true");
      setText(byId(`${input.name}-error`), sentence(WORDS[detail] ?? detail));
    }
    this.#say(first ? "Not sent: see the marked fields." : `Not sent: ${[problem.detail, ...elsewhere].join("; ")}`, "bad");
    (first ?? this.button).focus();
  }

  #clear() {
    for (const input of this.form.elements) input.removeAttribute("aria-invalid");
    for (const error of this.form.querySelectorAll(".field-error")) setText(error, "");
  }

  #say(text, state = "") {
    byId("form-state").dataset.state = state;
    setText(byId("form-state"), text);
  }

  async #copy(button) {
    await navigator.clipboard.writeText(byId("curl").textContent);
    setText(button, "Copied");
    setTimeout(() => setText(button, "Copy"), 2000);
  }
}

function curl(body) {
  const quoted = body.replaceAll("'", "'\\''");
  const [command] = byId("curl").textContent.split("\n"); // as the page came, with or without a token
  return `${command.replace(/http\S+(?=\/trade)/, location.origin)}\n  -d '${quoted}'`;
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}
