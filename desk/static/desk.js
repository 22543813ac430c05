// The chat page: live lists, live conversation. Without this script forms work all the same.
import { Composer } from "./composer.js";
import { showGists } from "./gist.js";
import { listen } from "./live.js";
import { Signals } from "./signals.js";

const page = document.body.dataset;
const here = page.conversation;
const csrf = document.querySelector('meta[name="csrf"]').content;
const root = `/desk/c/${here}`;
const $ = (id) => document.getElementById(id);
const signals = new Signals($("alerts"));

async function call(address, form) {
  const options = { headers: { "X-Requested-With": "fetch" }, redirect: "error" };
  if (form) Object.assign(options, { method: "POST", body: new URLSearchParams(form) });
  const answer = await fetch(address, options);
  if (answer.status === 401) $("signed-out").hidden = false;
  return answer;
}

function complain(code) {
  const words = document.body.getAttribute(`data-say-${code}`);
  $("wrong").textContent = words ?? page.sayFailed;
  $("wrong").hidden = false;
}

// Asks that come in a burst become one; a little later for some, so that fifty desks do not
// ask in the same moment.
function soon(step, wait) {
  let timer = 0, running = false, again = false;
  return async function run() {
    if (running) { again = true; return; }
    clearTimeout(timer);
    timer = setTimeout(async () => {
      running = true;
      try { await step(); } catch { /* the network is away: told elsewhere */ }
      running = false;
      if (again) { again = false; run(); }
    }, wait * (0.5 + Math.random()));
  };
}

const refreshLists = soon(async () => {
  const lists = $("lists"), label = $("label")?.value ?? "";
  const answer = await call(`/desk/lists?c=${here}&label=${label}`);
  if (!answer.ok) return;
  const before = label === lists.dataset.label ? Number($("waiting-count").textContent) : Infinity;
  lists.dataset.label = label;
  const active = lists.contains(document.activeElement) ? document.activeElement : null;
  const focused = active?.getAttribute("href") ?? null, choosing = active?.id === "label";
  const top = lists.scrollTop;
  lists.innerHTML = await answer.text();
  lists.scrollTop = top;
  if (focused) lists.querySelector(`a[href="${focused}"]`)?.focus();
  if (choosing) $("label")?.focus();
  if (Number($("waiting-count").textContent) > before) signals.ring(page.sayWaiting);
}, 250);

const lastLine = () => [...document.querySelectorAll("#lines > [data-id]")].at(-1)?.dataset.id ?? "";

async function fetchLines() {
  const lines = $("lines");
  const answer = await call(`${root}/lines?after=${lastLine()}`);
  if (!answer.ok) return;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  const near = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 160;
  for (const line of [...holder.children]) {
    if (lines.querySelector(`[data-id="${line.dataset.id}"]`)) continue;
    lines.insertBefore(line, lines.querySelector(".pending"));
  }
  if (near) lines.scrollTop = lines.scrollHeight;
}

// One at a time: two answers at once would bring the same lines.
let chain = Promise.resolve();
const refreshLines = () => (chain = chain.then(fetchLines).catch(() => {}));

const refreshStates = soon(async () => {
  const answer = await call(`${root}/states`);
  if (!answer.ok) return;
  const states = await answer.json();
  const words = new Map([...document.querySelectorAll("[data-state]")].map((e) => [e.closest("[data-id]").dataset.id, e]));
  for (const [id, [state, word]] of Object.entries(states)) {
    const shown = words.get(id);
    if (shown && shown.textContent !== word) {
      shown.textContent = word;
      shown.className = `state ${state}`;
    }
  }
}, 120);

let composer = null;
function compose() {
  composer = $("reply") ? new Composer({ here, root, csrf, call, complain, refreshLines }) : null;
}

const firstValue = (field) => field.options
  ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0]).value
  : field.defaultValue;
const changedByHand = (field) => field.value !== firstValue(field);

// The case notes are saved: what stands in the form is what it began with, from now on.
function settle(form) {
  for (const field of form.querySelectorAll("[name]")) {
    const was = form.elements[`was_${field.name}`];
    if (!was) continue;
    was.value = was.defaultValue = field.value;
    if (field.options) for (const option of field.options) option.defaultSelected = option.selected;
    else field.defaultValue = field.value;
  }
}

// Who works with the keyboard stays where they were.
function replace(old, fresh) {
  const stops = (part) => [...part.querySelectorAll("a, button, summary, input:not([type=hidden]), textarea, select")];
  const stop = stops(old).indexOf(document.activeElement);
  const top = old.scrollTop;
  fresh.open = old.open;
  old.replaceWith(fresh);
  fresh.scrollTop = top;
  if (stop >= 0) stops(fresh)[stop]?.focus();
}

async function refreshPane() {
  const answer = await call(`${root}/pane`);
  if (answer.status === 404) { complain("gone"); return; }
  if (!answer.ok) return;
  const holder = document.createElement("div");
  holder.innerHTML = await answer.text();
  const composing = holder.querySelector("#composer");
  const changed = composing.dataset.kind !== $("composer").dataset.kind;
  for (const id of ["chat-head", "handoff"]) {
    const fresh = holder.querySelector(`#${id}`);
    // A menu that is open, a note half written: they stay unless they mean nothing any more.
    const busy = [...$(id).querySelectorAll("textarea, input, select")].some(changedByHand) || $(id).querySelector(".menu[open]");
    if (busy && !changed) continue;
    replace($(id), fresh);
  }
  if (changed) {
    composer?.close();
    $("composer").replaceWith(composing);
    compose();
  }
  await refreshLines();
}
const refreshPaneSoon = soon(refreshPane, 60);

const present = new Map();
function showPresence(advisor, word) {
  if (advisor === page.me) return;
  const [sort, ...name] = word.split(" ");
  clearTimeout(present.get(advisor));
  const pattern = sort === "typing" ? page.sayTyping : page.sayReading;
  $("presence").textContent = sort === "away" ? "" : `· ${pattern.replace("{0}", name.join(" "))}`;
  present.set(advisor, setTimeout(() => { $("presence").textContent = ""; }, sort === "typing" ? 6000 : 45000));
}
const presence = (word) => call(`${root}/presence`, { csrf, word }).catch(() => {});

listen(page.lastEvent, here, {
  online(is) {
    $("offline").hidden = is;
    if (!is) return;
    refreshLists();
    if (here) { refreshPaneSoon(); refreshStates(); composer?.sendPending(); presence("reading"); }
  },
  signedOut() { $("signed-out").hidden = false; },
  event(kind, { c, a, w }) {
    if (kind === "presence") { if (c === here) showPresence(a, w); return; }
    if (kind === "state") { if (c === here) refreshStates(); return; }
    if (kind === "message" && c === here) refreshLines();
    else if (kind === "message" && a === page.me) signals.ring(page.sayMessage);
    if (kind === "given" && a === page.me) signals.ring(page.sayGiven);
    if (kind === "due" && a === page.me) signals.ring(page.sayDue);
    if (kind !== "message" && c === here) refreshPaneSoon();
    if (kind !== "note") refreshLists();
  },
});

// Steps that need no new page: the answer comes with the events.
document.addEventListener("submit", async (submit) => {
  const form = submit.target;
  if (!here || !form.action.includes(root) || form.id === "reply") return;
  submit.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  if ("article" in form.dataset) { composer?.sendArticle(fields); return; }
  if ("phraseForm" in form.dataset) { composer?.sendPhrase(fields); return; }
  const button = form.querySelector("button:not([type=button])");
  button.disabled = true;
  try {
    const answer = await call(form.action, fields);
    if (answer.ok) {
      $("wrong").hidden = true;
      if (form.matches(".details")) settle(form); else form.reset();
      form.closest(".menu")?.removeAttribute("open");
      await refreshPane();
      refreshLists();
      if (form.action.endsWith("/claim")) $("text")?.focus();
    } else complain((await answer.json()).wrong);
  } catch { complain("failed"); }
  button.disabled = false;
});

document.addEventListener("change", (change) => { if (change.target.id === "label") refreshLists(); });

// One menu at a time; Escape closes it and gives the focus back.
document.addEventListener("toggle", (toggled) => {
  if (!toggled.target.matches?.(".menu[open]")) return;
  for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== toggled.target) menu.open = false;
  toggled.target.querySelector("select, textarea, button")?.focus();
}, true);
document.addEventListener("keydown", (key) => {
  const menu = document.querySelector(".menu[open]");
  if (key.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
$("sign-out").addEventListener("submit", () => localStorage.clear());

if (here) {
  if (matchMedia("(max-width: 1180px)").matches) $("handoff").open = false;
  $("lines").scrollTop = $("lines").scrollHeight;
  compose();
  showGists({ root, call });
  presence("reading");
  setInterval(() => { if (!document.hidden) presence("reading"); }, 30000);
  addEventListener("pagehide", () => navigator.sendBeacon(`${root}/presence`, new URLSearchParams({ csrf, word: "away" })));
}
setInterval(refreshLists, 60000);  // waits grow; and a net under the events
