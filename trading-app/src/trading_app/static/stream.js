// The page's one connection to the app. It reconnects automatically and resumes after the last event that was handled,
// so nothing is missed or shown twice: after a cut, a restart of the app, or a night with the lid closed.

const EVENTS = ["hello", "trades", "books", "choices", "health"];
const QUIET_MS = 5000;         // the app sends an event every second: a connection this quiet is dead
const HIDDEN_MS = 60000;       // a hidden tab closes its connection: a browser allows six for each origin
const MAX_PAUSE_MS = 8000;

export class LiveStream {
  #source = null;
  #query = "";
  #position = "";
  #heard = 0;
  #failures = 0;
  #timer = 0;
  #hiding = 0;

  // `take(name, data)` receives each event; `onConnected(connected)` is called when the connection opens or breaks.
  constructor(take, onConnected) {
    this.take = take;
    this.onConnected = onConnected;
    setInterval(() => this.#watch(), 1000);
    addEventListener("online", () => this.#open());
    document.addEventListener("visibilitychange", () => this.#hide());
  }

  // Starts over, with these filters.
  start(query) {
    this.#query = query;
    this.#position = "";
    this.#open();
  }

  #open() {
    this.#close();
    const query = new URLSearchParams(this.#query);
    if (this.#position) query.set("after", this.#position);
    const source = this.#source = new EventSource(`/page/stream?${query}`);
    this.#heard = Date.now();
    for (const name of EVENTS) source.addEventListener(name, (event) => this.#event(name, event));
    source.onerror = () => this.#retry();
  }

  #event(name, event) {
    this.#heard = Date.now();
    if (name === "hello") {
      this.#failures = 0;
      this.onConnected(true);
    }
    this.take(name, JSON.parse(event.data));
    // After `take`: an event that it failed on is sent again after a reconnect.
    if (event.lastEventId) this.#position = event.lastEventId;
  }

  #retry() {
    this.#close();
    this.onConnected(false);
    this.#checkSession();
    const pause = Math.min(MAX_PAUSE_MS, 250 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#open(), pause * (0.75 + Math.random() / 2));
  }

  // An EventSource does not report the status of a refused request, so another call finds out whether to sign in.
  async #checkSession() {
    const answer = await fetch("/page/session").catch(() => null);
    if (answer?.status === 401) location.assign("/sign-in");
  }

  #watch() {
    if (this.#source && Date.now() - this.#heard > QUIET_MS) this.#retry();
  }

  #hide() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = setTimeout(() => this.#close(), HIDDEN_MS);
    else if (!this.#source) this.#open();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
