// The form for a trade. It posts JSON without leaving the page, shows each error at its field, and shows the same
// request as a curl command.

import { byId, setText, show } from "./elements.js";

const TIMEOUT_MS = 10000;
const OF_ONE_TRADE = ["price", "qty", "ts", "fee", "trade_id"];

export class TradeForm {
  #attempt = {}; // what was sent and has no final answer yet, with the key by which the app knows it again

  constructor() {
    this.form = document.querySelector("#send form");
    this.button = this.form.querySelector("button");
    // The app checks more than the browser can: its answer is shown at the field instead of the browser's own message.
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
    if (this.#attempt.body !== body) this.#attempt = { body, key: newKey() };
    this.#clear();
    this.button.disabled = true;
    this.#say("Sending");
    try {
      const answer = await fetch("/trade", {
        method: "POST", body,
        headers: { "Content-Type": "application/json", Accept: "application/json", "Idempotency-Key": this.#attempt.key },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const result = await answer.json();
      if (answer.status < 500) this.#attempt = {};
      setText(byId("curl"), curl(body));
      if (answer.ok) this.#taken(result);
      else this.#refused(result);
    } catch {
      this.#say("No answer: the trade may be in the journal. Send it again as it is, and it is there once.", "bad");
    } finally {
      this.button.disabled = false;
    }
  }

  // What belongs to this trade alone goes: a second Enter would be the same trade again.
  #taken({ seq }) {
    for (const name of OF_ONE_TRADE) this.form.elements[name].value = "";
    this.#say(`Trade ${seq} is in the journal.`, "good");
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
      input.closest("details")?.setAttribute("open", "");
      input.setAttribute("aria-invalid", "true");
      setText(byId(`${input.name}-error`), sentence(detail));
    }
    const outcome = problem.code === "stream_failed" ? "Send it again, it counts once" : "Not sent";
    this.#say(first ? "Not sent: see the marked fields." : `${outcome}: ${[problem.detail, ...elsewhere].join("; ")}`, "bad");
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
  const command = byId("curl").textContent.split("\n").slice(0, -1).join("\n"); // of the template, with or without a token
  return `${command.replace(/http\S+(?=\/trade)/, location.origin)}\n  -d '${quoted}'`;
}

// Unlike randomUUID, this is there without https, too.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}
