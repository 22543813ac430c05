// Panels beside the text: each is opened by its button, searched while one types, left by Escape.
export class Panel {
  constructor(name, { call, root, signal }) {
    Object.assign(this, { name, call, root });
    const part = (id) => document.getElementById(id);
    this.opener = part(`open-${name}s`);
    this.section = part(`${name}s`);
    this.query = part(`${name}-query`);
    this.results = part(`${name}-results`);
    this.opener.hidden = false;
    this.opener.addEventListener("click", () => this.open(this.section.hidden), { signal });
    this.section.addEventListener("keydown", (key) => {
      if (key.key === "Escape") { this.open(false); this.opener.focus(); }
    }, { signal });
    let timer = 0;
    this.query.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.search(), 200);
    }, { signal });
  }

  open(open) {
    if (open) document.dispatchEvent(new CustomEvent("panel", { detail: this.name }));
    this.section.hidden = !open;
    this.opener.setAttribute("aria-expanded", String(open));
    if (open) this.query.focus();
  }

  async search() {
    const mine = this.asked = (this.asked ?? 0) + 1;
    try {
      const answer = await this.call(`${this.root}/${this.name}s?q=${encodeURIComponent(this.query.value)}`);
      if (answer.ok && mine === this.asked) this.results.innerHTML = await answer.text();
    } catch { /* the banner says that the network is away */ }
  }
}

// The phrasebook: groups or what was found, then one sentence with its fields and what will be sent.
export class Phrases extends Panel {
  constructor(desk) {
    super("phrase", desk);
    this.csrf = desk.csrf;
    this.chosen = document.getElementById("phrase-chosen");
    const { signal } = desk;
    this.results.addEventListener("click", (click) => {
      const pick = click.target.closest("[data-phrase]");
      if (pick) this.choose(pick.dataset.phrase);
    }, { signal });
    this.chosen.addEventListener("click", (click) => {
      if (click.target.closest("[data-back]")) { this.leave(); this.query.focus(); }
    }, { signal });
    let timer = 0;
    this.chosen.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.preview(), 200);
    }, { signal });
    this.query.addEventListener("input", () => this.leave(), { signal });
  }

  open(open) {
    super.open(open);
    this.leave();
    if (open && !this.results.childElementCount) this.search();
  }

  leave() {
    this.chosen.replaceChildren();
    this.results.hidden = this.query.parentElement.hidden = false;
  }

  async look(fields) {
    const answer = await this.call(`${this.root}/phrase-preview`, { ...fields, csrf: this.csrf });
    return answer.ok ? answer.text() : null;
  }

  async choose(phrase) {
    try {
      const found = await this.look({ phrase });
      if (!found) return;
      this.chosen.innerHTML = found;
      this.results.hidden = this.query.parentElement.hidden = true;
      this.chosen.querySelector("input:not([type=hidden]), button.primary").focus();
    } catch { /* the banner says that the network is away */ }
  }

  async preview() {
    const form = this.chosen.querySelector("form");
    const mine = this.looked = (this.looked ?? 0) + 1;
    try {
      const found = await this.look(Object.fromEntries(new FormData(form)));
      if (!found || mine !== this.looked || !form.isConnected) return;
      const holder = document.createElement("div");
      holder.innerHTML = found;
      form.querySelector("#phrase-preview").replaceChildren(...holder.querySelector("#phrase-preview").childNodes);
    } catch { /* as above */ }
  }
}
