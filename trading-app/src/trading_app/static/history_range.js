// From which day to which day: two dates, or a number of days up to now.

import { byId } from "./elements.js";
import { daysBefore, tradingDay } from "./trading_day.js";

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
        const { zone, boundary } = byId("range").dataset;
        this.from.value = days ? daysBefore(tradingDay(Date.now(), zone, boundary), days - 1) : "";
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
      ...(this.to.value && { to: daysBefore(this.to.value, -1) }),
    };
  }

  #press(pressed) {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button === pressed));
  }
}
