// Writing: drafts survive a reload, messages survive a lost network, and none goes twice: each
// has an id of its own that the server counts once.
import { Translation } from "./gist.js";
import { Panel, Phrases } from "./panels.js";

const GSM = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€êâîôûëïçœ’«»…–");

export class Composer {
  constructor(desk) {
    Object.assign(this, desk);
    this.form = document.getElementById("reply");
    this.text = document.getElementById("text");
    this.words = this.form.dataset;
    this.draft = `draft:${this.here}`;
    this.outbox = `outbox:${this.here}`;
    this.stopped = new AbortController();
    const signal = { signal: this.stopped.signal };
    this.text.value = localStorage.getItem(this.draft) ?? "";
    this.count();
    this.text.addEventListener("input", () => {
      localStorage.setItem(this.draft, this.text.value);
      this.count();
      this.typing();
    }, signal);
    this.text.addEventListener("keydown", (key) => {
      if (key.key !== "Enter" || key.shiftKey || key.isComposing) return;
      key.preventDefault();
      this.form.requestSubmit();
    }, signal);
    this.form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      const text = this.text.value.trim();
      if (text) this.add({ step: "reply", text, fields: { text, original: this.translation.original } });
      this.text.value = "";
      this.translation.clear();
      localStorage.removeItem(this.draft);
      this.count();
    }, signal);
    const shared = { call: this.call, root: this.root, csrf: this.csrf, ...signal };
    this.translation = new Translation({
      ...shared, text: this.text, complain: this.complain, changed: () => this.text.dispatchEvent(new Event("input")),
    });
    this.articles = new Panel("article", shared);
    this.phrases = new Phrases(shared);
    document.addEventListener("panel", ({ detail }) => {
      for (const panel of [this.articles, this.phrases]) if (panel.name !== detail) panel.open(false);
    }, signal);
    for (const message of this.pending()) this.show(message);
    this.sendPending();
  }

  close() { this.stopped.abort(); }

  pending() {
    try { return JSON.parse(localStorage.getItem(this.outbox)) ?? []; } catch { return []; }
  }

  keep(messages) {
    if (messages.length) localStorage.setItem(this.outbox, JSON.stringify(messages));
    else localStorage.removeItem(this.outbox);
  }

  add(message) {
    const whole = { ...message, id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
    this.keep([...this.pending(), whole]);
    this.show(whole);
    this.sendPending();
  }

  sendArticle({ article }) {
    const button = document.querySelector(`input[value="${CSS.escape(article)}"]`).form.querySelector("button");
    this.add({ step: "article", text: button.getAttribute("aria-label"), fields: { article } });
    this.articles.open(false);
    this.text.focus();
  }

  sendPhrase({ csrf, ...fields }) {
    const shown = document.querySelector("#phrase-preview [data-ours]").textContent;
    this.add({ step: "phrase", text: shown, fields });
    this.phrases.open(false);
    this.text.focus();
  }

  // In order, one after the other: a reply must not overtake the one before it.
  async sendPending() {
    if (this.busy) return;
    this.busy = true;
    try {
      for (const message of this.pending()) {
        this.note(message, this.words.sending);
        const { step, id, fields } = message;
        const answer = await this.call(`${this.root}/${step}`, { ...fields, csrf: this.csrf, id });
        if (answer.ok) {
          this.keep(this.pending().filter((each) => each.id !== id));
          await this.refreshLines();
          this.shown(message)?.remove();
        } else {
          this.note(message, this.words.notSent, true);
          const fault = answer.headers.get("Content-Type")?.startsWith("application/json") ? (await answer.json()).wrong : "failed";
          if (answer.status !== 401) this.complain(fault);
          break;
        }
      }
    } catch {
      for (const message of this.pending()) this.note(message, this.words.notSent, true);
    }
    this.busy = false;
  }

  shown(message) { return document.querySelector(`[data-pending="${message.id}"]`); }

  show(message) {
    const bubble = document.createElement("div");
    bubble.className = "bubble advisor pending";
    bubble.dataset.pending = message.id;
    const text = document.createElement("p"), meta = document.createElement("p");
    text.className = "text"; text.dir = "auto"; text.textContent = message.text;
    meta.className = "meta";
    bubble.append(text, meta);
    const lines = document.getElementById("lines");
    lines.append(bubble);
    lines.scrollTop = lines.scrollHeight;
  }

  note(message, words, choices = false) {
    const meta = this.shown(message)?.querySelector(".meta");
    if (!meta) return;
    meta.textContent = `${words} `;
    if (!choices) return;
    const button = (label, step) => {
      const made = document.createElement("button");
      made.type = "button"; made.textContent = label;
      made.addEventListener("click", step);
      meta.append(made, " ");
    };
    button(this.words.again, () => this.sendPending());
    button(this.words.discard, () => {
      this.keep(this.pending().filter((each) => each.id !== message.id));
      this.shown(message).remove();
    });
  }

  count() {
    const text = this.text.value, shown = document.getElementById("count");
    if (!text) { shown.textContent = ""; return; }
    let words = `${[...text].length} ${shown.dataset.words}`;
    if (this.words.style === "sms") {
      const plain = [...text].every((char) => GSM.has(char));
      const [one, more] = plain ? [160, 153] : [70, 67];
      words += ` · ${text.length <= one ? 1 : Math.ceil(text.length / more)} SMS`;
    }
    shown.textContent = words;
  }

  typing() {
    if (Date.now() - (this.typed ?? 0) < 4000) return;
    this.typed = Date.now();
    this.call(`${this.root}/presence`, { csrf: this.csrf, word: "typing" }).catch(() => {});
  }
}
