// Server-sent events. The browser reconnects by itself and tells the last event it has had;
// where it gives up (an error page in between), we begin again from there.
export function listen(after, conversation, on) {
  let last = after, source = null, wait = 1000;
  const kinds = ["queue", "given", "gone", "message", "state", "note", "presence", "due"];

  function open() {
    source = new EventSource(`/desk/events?after=${encodeURIComponent(last)}&c=${conversation}`);
    source.addEventListener("hello", () => { wait = 1000; on.online(true); });
    source.addEventListener("resync", () => on.online(true));
    source.addEventListener("signed-out", () => { source.close(); on.signedOut(); });
    for (const kind of kinds) {
      source.addEventListener(kind, (event) => {
        last = event.lastEventId || last;
        on.event(kind, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      on.online(false);
      if (source.readyState === EventSource.CLOSED) again();
    });
  }

  async function again() {
    source.close();
    await new Promise((done) => setTimeout(done, wait * (0.5 + Math.random())));
    wait = Math.min(wait * 2, 15000);
    try {
      const answer = await fetch("/desk/lists", { headers: { "X-Requested-With": "fetch" } });
      if (answer.status === 401) { on.signedOut(); return; }
    } catch { /* still away */ }
    open();
  }

  addEventListener("offline", () => on.online(false));
  addEventListener("online", () => { source.close(); open(); });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
}
