// From which day to which day: two dates, or a number of days up to now.

import { byId } from "./elements.js";

const DAY_MS = 86400000;
const iso = (date) => date.toISOString().slice(0, 10);

// The day after one: "2026-01-31" is "2026-02-01".
export function dayAfter(day) {
  return iso(new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS));
}

export class Range {
  constructor(changed) {
    this.from = byId("from");
    this.to = byId("to");
    this.buttons = [...document.querySelectorAll("#range [data-days]")];
    for (const input of [this.from, this.to]) {
      input.addEventListener("change", () => {
        this.#press(null);
        changed();
      });
    }
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        const days = Number(button.dataset.days);
        this.from.value = days ? iso(new Date(Date.now() - (days - 1) * DAY_MS)) : "";
        this.to.value = "";
        this.#press(button);
        changed();
      });
    }
  }

  // { from, to }: only what is chosen. The API's range ends before `to`, the page's last day is included.
  get chosen() {
    return {
      ...(this.from.value && { from: this.from.value }),
      ...(this.to.value && { to: dayAfter(this.to.value) }),
    };
  }

  #press(pressed) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button === pressed));
  }
}
