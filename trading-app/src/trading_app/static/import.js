// The page that takes a file: upload, preview, answers, taking; and the imports so far, with their undo.

import { byId, setText, show } from "./elements.js";
import { Answers } from "./import_answers.js";
import { ask } from "./call.js";
import { ImportList } from "./import_list.js";
import { Mapping } from "./import_mapping.js";
import { showReport, verdict } from "./import_report.js";
import { zoneWords } from "./times.js";

const POLL_MS = 500;
const AT_WORK = { reading: "Reading", taking: "Taking" };
const STEPS = { reading: "reading", comparing: "comparing with the ledger", computing: "computing positions" };

class ImportPage {
  #upload = null; // the id of the uploaded file
  #answered = {}; // what was said and has no control among the other options
  #answers = new Answers(byId("questions"));
  #mapping = new Mapping(byId("sample"), byId("fields"));
  #list = new ImportList(byId("imports"));

  constructor() {
    const drop = byId("drop"), input = byId("file");
    input.addEventListener("change", () => input.files.length && this.#send(input.files[0]));
    for (const type of ["dragenter", "dragover"]) addEventListener(type, (event) => this.#over(event, true, drop));
    for (const type of ["dragleave", "drop"]) addEventListener(type, (event) => this.#over(event, false, drop));
    addEventListener("drop", (event) => event.dataTransfer.files.length && this.#send(event.dataTransfer.files[0]));
    for (const form of ["answers", "mapping", "more"]) {
      byId(form).addEventListener("submit", (event) => {
        event.preventDefault();
        this.#again();
      });
    }
    byId("again").addEventListener("click", () => this.#again());
    byId("take").addEventListener("click", () => this.#act("take"));
    byId("discard").addEventListener("click", () => this.#forget());
    for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) byId("zones").append(new Option("", zone));
    setText(byId("time-zone"), zoneWords());
    this.#list.load();
  }

  #over(event, isOver, drop) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.toggle("over", isOver);
  }

  async #send(file) {
    await this.#forget();
    this.#answered = {};
    byId("more").reset();
    this.#mapping.clear();
    this.#say(`Uploading ${file.name}`);
    await this.#call(`/imports?name=${encodeURIComponent(file.name.slice(0, 200))}`, file, "application/octet-stream");
    byId("file").value = "";
  }

  // Reads the file again, by what the user has said so far.
  #again() {
    this.#answered = this.#answers.addTo(this.#answered, byId("more"));
    const more = Object.fromEntries([...new FormData(byId("more"))].filter(([, value]) => value));
    const mapping = this.#mapping.text();
    const mapped = mapping ? { mapping, mapping_name: "by-hand", preset: "" } : {};
    this.#act("plan", JSON.stringify({ ...this.#answered, ...more, ...mapped }));
  }

  #act(what, body = "") {
    this.#say(what === "take" ? "Taking" : "Reading");
    return this.#call(`/imports/${this.#upload}/${what}`, body, "application/json");
  }

  async #call(path, body, type) {
    this.#busy(true);
    try {
      let answer = await ask(path, { method: "POST", body, headers: { "Content-Type": type } });
      this.#upload = answer.id;
      while (answer.state in AT_WORK) {
        const step = STEPS[answer.step] ?? answer.step;
        this.#say(`${AT_WORK[answer.state]} ${answer.name}${answer.rows ? `: ${step}, ${answer.rows.toLocaleString("en")} rows` : ""}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        answer = await ask(`/imports/${this.#upload}`);
      }
      this.#show(answer);
    } catch (error) {
      this.#say(error.message, "bad");
    } finally {
      this.#busy(false);
    }
  }

  #show({ name, state, detail, report }) {
    if (state === "failed") {
      this.#say(`${name}: ${detail}`, "bad");
      return;
    }
    this.#say("");
    showReport(report);
    const [said, mood] = verdict(report);
    setText(byId("verdict"), said);
    byId("verdict").className = `notice ${mood}`;
    this.#answers.ask(report);
    setText(byId("answers-title"), report.questions.length ? "Please answer" : "The file begins in the middle of a history");
    const isTaken = state === "taken";
    show(byId("answers"), this.#answers.isAsking && !isTaken);
    const isUnknown = report.questions.some(({ code, option }) => (code === "source" && option === "--from") || option === "--map");
    if (isUnknown || this.#mapping.isUsed) this.#mapping.offer(report.tables ?? []);
    show(byId("mapping"), (isUnknown || this.#mapping.isUsed) && !isTaken);
    show(byId("again"), (this.#answers.isAsking || isUnknown || this.#mapping.isUsed) && !isTaken);
    const taking = byId("take"), count = report.compared.new + report.compared.new_events;
    const revives = this.#answered.revive === true ? report.compared.taken_back : 0;
    show(taking, report.state === "ready");
    setText(taking, revives && !count ? `Count ${revives.toLocaleString("en")} again` : `Take ${count.toLocaleString("en")} new`);
    setText(byId("discard"), isTaken ? "Close" : "Forget this file");
    show(byId("options"), !isTaken);
    show(byId("preview"), true);
    byId("preview-title").focus({ preventScroll: isTaken });
    if (isTaken) this.#list.load();
  }

  async #forget() {
    show(byId("preview"), false);
    this.#say("");
    if (this.#upload) await ask(`/imports/${this.#upload}/drop`, { method: "POST" }).catch(() => {});
    this.#upload = null;
  }

  #busy(isBusy) {
    document.body.toggleAttribute("aria-busy", isBusy);
    for (const button of document.querySelectorAll("#preview button, #file")) button.disabled = isBusy;
  }

  #say(text, state = "") {
    byId("progress").dataset.state = state;
    setText(byId("progress"), text);
  }
}

new ImportPage();
