// Under what a person writes in another language: what it is about, and a translation. Asked for
// when a message comes into view, the newest first.
export function showGists({ root, call, signal }) {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      fill(target);
    }
  });
  async function fill(bubble) {
    try {
      const answer = await call(`${root}/gist?line=${bubble.dataset.id}`);
      if (answer.ok) bubble.querySelector("[data-gist]").innerHTML = await answer.text();
    } catch { seen.observe(bubble); }
  }
  const look = () => {
    for (const place of document.querySelectorAll("[data-gist]:not([data-asked])")) {
      place.dataset.asked = "";
      seen.observe(place.closest("[data-id]"));  // the place itself is not shown while empty
    }
  };
  look();
  const changes = new MutationObserver(look);
  changes.observe(document.getElementById("lines"), { childList: true });
  signal?.addEventListener("abort", () => { seen.disconnect(); changes.disconnect(); });
}

// What the advisor wrote, put into the person's language in the same place, to be looked at and
// mended before it is sent; what was written stays in sight and goes into the transcript.
export class Translation {
  constructor({ text, call, root, csrf, complain, changed, signal }) {
    Object.assign(this, { text, call, root, csrf, complain, changed });
    this.button = document.getElementById("translate");
    this.shown = document.getElementById("original");
    if (!this.button) return;
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.translate(), { signal });
    this.shown.querySelector("button").addEventListener("click", () => this.undo(), { signal });
  }

  get original() { return this.shown && !this.shown.hidden ? this.shown.querySelector("[data-text]").textContent : ""; }

  async translate() {
    const text = this.original || this.text.value.trim();
    if (!text) { this.text.focus(); return; }
    this.button.disabled = true;
    try {
      const answer = await this.call(`${this.root}/translate`, { text, csrf: this.csrf });
      const found = await answer.json();
      if (answer.ok) {
        this.shown.querySelector("[data-text]").textContent = text;
        this.shown.hidden = false;
        this.text.value = found.text;
        this.changed();
      } else this.complain(found.wrong);
    } catch { this.complain("translator_away"); }
    this.button.disabled = false;
    this.text.focus();
  }

  undo() {
    this.text.value = this.original;
    this.clear();
    this.changed();
    this.text.focus();
  }

  clear() { if (this.shown) this.shown.hidden = true; }
}
