// The agent's page: live calls on the left, the card of the chosen one on the right. Both listen to one feed.

import { attr, el, icon, setIcon, text } from "./card/dom.js";
import { feedFor } from "./card/feed.js";
import { band, clock, phoneNumber } from "./card/model.js";
import "./payment-card.js";

const KEEP_ENDED_MS = 30_000;
const LINES = { connecting: "Connecting…", live: "Connected", lost: "Connection lost", signed_out: "Signed out" };

const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/[^/]*$/, ""); // "" at the root, "/callseal" behind a proxy that puts the desk there
const feed = feedFor(base);
const payment = el("payment-card", { base, currency: "GBP", hidden: true }); // made here, so that it has its base before it connects
$("card").prepend(payment);
const rows = new Map();
let chosen = decodeURIComponent(location.hash.slice(1)) || null;

function choose(reference, focus = false) {
  chosen = reference;
  history.replaceState(null, "", reference ? `#${encodeURIComponent(reference)}` : location.pathname);
  payment.hidden = reference === null;
  $("empty").hidden = reference !== null;
  if (reference) payment.setAttribute("reference", reference);
  for (const [key, row] of rows) attr(row.button, "aria-current", key === reference ? "true" : null);
  if (focus) $("card").focus();
}

function makeRow(reference) {
  const row = { mark: icon("phone"), caller: el("span", { class: "row-caller" }), state: el("span", { class: "row-state" }), time: el("span", { class: "row-time" }) };
  row.button = el("button", { type: "button" }, el("span", { class: "row-icon" }, row.mark), el("span", { class: "row-text" }, row.caller, row.state), row.time);
  row.button.addEventListener("click", () => choose(reference, true));
  row.root = el("li", {}, row.button);
  return row;
}

function show(call) {
  const arrived = !rows.has(call.reference);
  if (arrived) {
    if (call.state === "ended") return;
    rows.set(call.reference, makeRow(call.reference));
    $("calls").prepend(rows.get(call.reference).root);
  }
  const row = rows.get(call.reference);
  const { title, tone, icon: mark } = band(call, feed.line !== "lost" && feed.line !== "signed_out");
  row.startedAt = call.started_at;
  attr(row.root, "data-sealed", tone === "seal");
  attr(row.root, "data-ended", call.state === "ended");
  setIcon(row.mark, mark);
  text(row.caller, phoneNumber(call.direction === "out" ? call.called : call.caller));
  text(row.state, title);
  if (call.state === "ended") row.endedAt ??= Date.now();
  // Nothing is left to do on a call that has ended: the next one to arrive takes its place, and the ended one stays in the list.
  const free = chosen === null || (arrived && rows.get(chosen)?.endedAt);
  if (free && feed.line === "live") choose(call.reference);
  attr(row.button, "aria-current", chosen === call.reference ? "true" : null);
  tick();
}

function end(reference) {
  const row = rows.get(reference);
  if (!row) return;
  attr(row.root, "data-ended", true);
  setIcon(row.mark, "ended");
  text(row.state, "The call has ended");
  row.endedAt ??= Date.now();
}

function tick() {
  for (const [reference, row] of rows) {
    if (row.endedAt && reference !== chosen && Date.now() - row.endedAt > KEEP_ENDED_MS) {
      row.root.remove();
      rows.delete(reference);
    }
    text(row.time, row.startedAt && !row.endedAt ? clock(Date.now() + feed.skew - row.startedAt) : "");
  }
  const live = [...rows.values()].filter((row) => !row.endedAt).length;
  text($("count"), live ? String(live) : "");
  $("none").hidden = rows.size > 0;
}

function line() {
  text($("line"), LINES[feed.line]);
  attr($("line"), "data-line", feed.line);
  attr($("calls"), "data-line", feed.line);
  for (const call of feed.calls.values()) show(call);
  // Once the desk has listed its calls: the one in the address, else the newest.
  if (feed.line === "live" && (chosen === null || !rows.has(chosen))) choose([...rows.keys()].at(-1) ?? null);
  if (feed.line === "signed_out" && !feed.calls.size) location.assign(`${base}/login`);
}

$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names a call, not a place on the page
  $("card").focus();
});
$("logout").addEventListener("click", async () => {
  await feed.signOut().catch(() => {});
  location.assign(`${base}/login`);
});

feed.addEventListener("call", ({ detail }) => show(detail));
feed.addEventListener("gone", ({ detail }) => end(detail));
feed.addEventListener("line", line);
setInterval(tick, 1_000);
choose(chosen);
feed.join();
line();
feed.me().then(
  (me) => {
    text($("agent"), me?.agent);
    text($("tenant"), me?.tenant);
  },
  () => {},
);
