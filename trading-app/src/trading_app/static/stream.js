// The one connection to the app. It comes back by itself, from the position up to which everything had arrived, so
// that nothing is missed or doubled: after a cut, a restart of the app, a night with the lid closed.

const EVENTS = ["hello", "trades", "books", "choices", "health"];
const QUIET_MS = 5000;         // the app speaks every second: a connection this quiet is dead
const HIDDEN_MS = 60000;       // a tab nobody sees gives its connection back: a browser has six for each app
const LONGEST_PAUSE_MS = 8000;

export class LiveStream {
  #source = null;
  #query = "";
  #position = "";
  #heard = 0;
  #failures = 0;
  #timer = 0;
  #hiding = 0;

  // `take(name, data)` gets each event; `tell(connected)` hears of the connection.
  constructor(take, tell) {
    this.take = take;
    this.tell = tell;
    setInterval(() => this.#watch(), 1000);
    addEventListener("online", () => this.#open());
    document.addEventListener("visibilitychange", () => this.#hide());
  }

  // From the beginning, with these filters.
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
      this.tell(true);
    }
    this.take(name, JSON.parse(event.data));
    // Only now, when it was taken.
    if (event.lastEventId) this.#position = event.lastEventId;
  }

  #retry() {
    this.#close();
    this.tell(false);
    this.#askIfSignedIn();
    const pause = Math.min(LONGEST_PAUSE_MS, 250 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#open(), pause * (0.75 + Math.random() / 2));
  }

  // An EventSource does not tell that it was refused, and why.
  async #askIfSignedIn() {
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
