// The filters: one symbol, account and strategy, or all. The page's address keeps them, for reloads and bookmarks.

import { byId, make, show } from "./elements.js";

export class Filters {
  constructor(changed) {
    this.selects = [...document.querySelectorAll("[data-filter]")];
    const wanted = new URLSearchParams(location.search);
    for (const select of this.selects) {
      const value = wanted.get(select.dataset.filter);
      if (value) this.#choose(select, value);
      select.addEventListener("change", () => this.#changed(changed));
    }
    byId("clear-filters").addEventListener("click", () => {
      for (const select of this.selects) select.value = "";
      this.#changed(changed);
      this.selects[0].focus();  // the focused button is hidden now
    });
    show(byId("clear-filters"), this.any);
  }

  // { symbol: "BTC/USDT" }: only the filters that are set.
  get chosen() {
    const pairs = this.selects.map((select) => [select.dataset.filter, select.value]);
    return Object.fromEntries(pairs.filter(([, value]) => value));
  }

  get any() {
    return Object.keys(this.chosen).length > 0;
  }

  // { symbol: [...], account: [...], strategy: [...] }: further options.
  offer(choices) {
    for (const select of this.selects) {
      const there = new Set([...select.options].map((option) => option.value));
      const added = (choices[select.dataset.filter] ?? []).filter((value) => !there.has(value));
      if (!added.length) continue;
      const values = [...there, ...added].filter(Boolean).sort(), chosen = select.value;
      select.replaceChildren(select.options[0], ...values.map((value) => make("option", { value }, value)));
      select.value = chosen;
    }
  }

  #choose(select, value) {
    select.append(make("option", { value }, value));
    select.value = value;
  }

  #changed(changed) {
    const query = new URLSearchParams(this.chosen).toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    show(byId("clear-filters"), this.any);
    changed();
  }
}
