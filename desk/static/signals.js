// A short sound and a notification, only for who wants them, and never with a person's words.
export class Signals {
  constructor(button) {
    this.button = button;
    this.on = localStorage.getItem("alerts") === "on";
    button.hidden = false;
    this.show();
    button.addEventListener("click", async () => {
      this.on = !this.on;
      localStorage.setItem("alerts", this.on ? "on" : "off");
      if (this.on) {
        if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
        this.sound();
      }
      this.show();
    });
  }

  show() {
    const words = this.on ? this.button.dataset.on : this.button.dataset.off;
    this.button.setAttribute("aria-pressed", String(this.on));
    this.button.title = words;
    this.button.querySelector(".hidden").textContent = words;
  }

  ring(words) {
    if (!this.on) return;
    this.sound();
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      const shown = new Notification("Guichet", { body: words, tag: words, icon: "/desk/static/icon.svg" });
      shown.addEventListener("click", () => { window.focus(); shown.close(); });
    }
  }

  sound() {
    try {
      this.audio ??= new AudioContext();
      const now = this.audio.currentTime, tone = this.audio.createOscillator(), volume = this.audio.createGain();
      tone.frequency.setValueAtTime(660, now);
      tone.frequency.setValueAtTime(880, now + 0.12);
      volume.gain.setValueAtTime(0.12, now);
      volume.gain.exponentialRampToValueAtTime(0.001, now + 0.35);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(now);
      tone.stop(now + 0.36);
    } catch { /* no sound on this machine */ }
  }
}
