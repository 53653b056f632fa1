// The form for a trade. It posts JSON without leaving the page, shows each error at its field, and shows the same
// request as a curl command.

import { byId, setText, show } from "./elements.js";

const TIMEOUT_MS = 10000;
const DECIMAL = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;

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
      if (answer.ok) this.#say(`Trade ${result.seq} is in the journal.`, "good");
      else this.#refused(result);
    } catch {
      this.#say("No answer: the trade may be in the journal. Send it again as it is, and it is there once.", "bad");
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
      input.closest("details")?.setAttribute("open", "");
      input.setAttribute("aria-invalid", "true");
      setText(byId(`${input.name}-error`), sentence(complaint(input, detail)));
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

// The API's `detail` is written for programs, so the two most frequent mistakes get the form's own words. They are
// recognised by the field and its value, not by the server's sentence.
function complaint(input, detail) {
  const value = input.value.trim();
  if (input.required && !value) return "is required";
  if (input.inputMode === "decimal" && !DECIMAL.test(value)) return `must be a number, such as ${input.placeholder}`;
  return detail;
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
