// The health of the pipeline in words: the connection to the app, and the sidecar behind it.

import { byId, make, setText, show } from "./elements.js";
import { group } from "./numbers.js";
import { age, clock, now, setNow } from "./times.js";

const STALE_SECONDS = 3;       // the app polls the sidecar at least every 2 s, plus the time of its answer

export class Health {
  #health = null;
  #connected = null;
  #since = 0;

  constructor() {
    setInterval(() => this.#draw(), 1000);
  }

  take(health) {
    setNow(health.now);
    this.#health = health;
    this.#draw();
  }

  setConnected(connected) {
    if (this.#connected !== connected) this.#since = now();
    this.#connected = connected;
    this.#draw();
  }

  get sidecar() {
    return this.#health?.sidecar ?? { status: "starting" };
  }

  #draw() {
    this.#drawConnection();
    const health = this.#health;
    if (!health) return;
    const sidecar = health.sidecar, away = this.#connected === false;
    setText(byId("head"), group(String(health.head)));
    setText(byId("rate"), away || health.rate === null ? "–" : rate(health.rate));
    setText(byId("gaps"), sidecar.gaps === undefined ? "–" : group(String(sidecar.gaps)));
    byId("gaps").dataset.state = sidecar.gaps ? "warning" : "";
    const lost = away || sidecar.status !== "up";
    setText(byId("delay"), lost || typeof sidecar.delay !== "number" ? "–" : duration(sidecar.delay));
    this.#drawSidecar(sidecar, health.head, away);
    this.#drawDamage(health.damaged);
    this.#drawAge(sidecar, away);
  }

  #drawConnection() {
    const element = byId("connection");
    const old = this.#figuresAge();
    const [state, text] = this.#connected === null ? ["waiting", "Connecting"]
      : this.#connected && old > STALE_SECONDS ? ["waiting", `Live; figures are ${Math.floor(old)} s old`]
      : this.#connected ? ["good", "Live"] : ["bad", `No connection since ${clock(this.#since)}; retrying`];
    element.dataset.state = state;
    setText(element, text);
  }

  #drawSidecar(sidecar, head, away) {
    const element = byId("sidecar"), notice = byId("sidecar-notice");
    const [state, word, words] = away ? ["waiting", "not known", ""] : sidecarWords(sidecar, head);
    element.dataset.state = state;
    const behind = state === "catching-up";
    if (!behind) setText(element, word);
    else if (element.firstElementChild) setText(element.lastChild, word);
    else element.replaceChildren(make("progress", { max: "1", "aria-label": "Trades the sidecar has applied" }), make("span"));
    if (behind) {
      element.firstElementChild.value = sidecar.applied / Math.max(1, head);
      setText(element.lastChild, word);
    }
    setText(notice, words);
    show(notice, words !== "");
  }

  #drawDamage(damaged) {
    const notice = byId("damage-notice");
    const [first, last] = (damaged ?? []).map((sequence) => group(String(sequence)));
    setText(notice, damaged ? `Trades ${first} to ${last} can't be read from the journal and are not shown. New trades `
      + "are accepted. Run trading-app doctor, and restore an undamaged copy of the journal." : "");
    show(notice, Boolean(damaged));
  }

  // Seconds since the sidecar's figures were read; 0 if none were read yet.
  #figuresAge() {
    return this.sidecar.read_at === undefined ? 0 : now() - this.sidecar.read_at;
  }

  #drawAge(sidecar, away) {
    const { read_at: readAt, status } = sidecar;
    const stale = readAt !== undefined && (away || status !== "up" || this.#figuresAge() > STALE_SECONDS);
    byId("books").classList.toggle("stale", stale);
    const since = away ? Math.min(readAt ?? this.#since, this.#since) : readAt;
    setText(byId("as-of"), stale ? `Stale: as of ${clock(since)}, ${age(now() - since)}` : "");
  }
}

// The state, a word for the strip, and a sentence if somebody has to act.
function sidecarWords(sidecar, head) {
  const since = `since ${clock(sidecar.since)}`;
  if (sidecar.status === "starting") return ["waiting", "connecting", ""];
  if (sidecar.status === "foreign") {
    return ["bad", "other journal", `The sidecar at ${sidecar.url} follows another journal than this app writes: compare `
      + "WEBAPP_REPLAY_ADDR and DATA_DIR of both. Positions are not shown; trades are accepted and shown as usual."];
  }
  if (sidecar.status === "down") {
    return ["bad", `down ${since}`, `The sidecar at ${sidecar.url} is down ${since}: ${sidecar.reason}. `
      + (sidecar.read_at === undefined ? "Positions and P&L are missing" : "Positions and P&L do not change")
      + " until it is back. Trades are accepted and shown as usual, and none will be missing. "
      + "Start it with make apps-up, or metrics-sidecar."];
  }
  if (sidecar.caught_up) return ["good", "caught up", ""];
  // Rounded down, so that it shows 100 % only when all trades are applied.
  const part = Math.floor((100 * sidecar.applied) / Math.max(1, head));
  return ["catching-up", `catching up, ${part} %: ${group(String(sidecar.applied))} of ${group(String(head))}`, ""];
}

function rate(perSecond) {
  return perSecond >= 10 || perSecond === 0 ? group(perSecond.toFixed(0)) : perSecond.toFixed(1);
}

function duration(seconds) {
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(1)} s`;
}
