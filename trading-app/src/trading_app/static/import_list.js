// The imports so far, with who and when, and a button to take one back.

import { make, setText, show } from "./elements.js";
import { ask } from "./call.js";
import { dayAndTime, secondsOf } from "./times.js";

export class ImportList {
  #section;

  constructor(section) {
    this.#section = section;
  }

  async load() {
    try {
      const { imports } = await ask("/imports?limit=100");
      this.#section.querySelector("tbody").replaceChildren(...imports.map((one) => this.#row(one)));
      show(this.#section.querySelector("#imports-list"), imports.length > 0);
      show(this.#section.querySelector("#imports-empty"), imports.length === 0);
    } catch (error) {
      this.#say(error.message, "bad");
    }
  }

  #row({ id, name, at, who, preset, account, taken, in_force: inForce }) {
    const button = make("button", { type: "button", "aria-label": `Take back ${name}` }, "Undo");
    button.addEventListener("click", () => this.#undo(id, name, button));
    const texts = [dayAndTime(secondsOf(at)), who ?? "", preset ?? "", account ?? ""];
    return make("tr", { "data-import": id },
      make("th", { scope: "row", class: inForce ? "" : "undone" }, name), ...texts.map((text) => make("td", {}, text)),
      make("td", { class: "number" }, taken.toLocaleString("en")), make("td", {}, inForce ? "counts" : "taken back"), make("td", {}, ...(inForce ? [button] : [])));
  }

  // The first click arms the button, the second one acts: there is no dialog to wait for.
  async #undo(id, name, button) {
    if (!button.dataset.armed) {
      button.dataset.armed = "yes";
      setText(button, "Really undo?");
      setTimeout(() => {
        delete button.dataset.armed;
        setText(button, "Undo");
      }, 5000);
      return;
    }
    button.disabled = true;
    try {
      await ask(`/imports/${encodeURIComponent(id)}/undo`, { method: "POST" });
      this.#say(`${name} is taken back: its trades count no longer. Import the file again to count them again.`, "good");
    } catch (error) {
      this.#say(error.message, "bad");
    }
    await this.load();
  }

  #say(text, state) {
    const place = this.#section.querySelector("#imports-state");
    place.dataset.state = state;
    setText(place, text);
  }
}
