// The lab's telephone. Keys go to the customer's real SIP phone; what comes back is what both phones received.

import { Sound } from "./sound.js";

const KEYS = [["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""]];
const METHODS = { rfc4733: "RFC 4733", inband: "In-band", info: "SIP INFO" };
const CALLS = { up: "In a call", down: "No call", ringing: "Ringing…" };
const STATUS_MS = 300;
const BETWEEN_KEYS_MS = 240; // 100 ms tone, 80 ms gap, and room for the wire
const ON_DISPLAY = 19;
const LATE_MS = 1_000; // a key may take this long to be heard: until then nobody claims that it was not

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let call = null;
let pressed = 0;
let pressedAt = 0;
let before = null; // the agent's counts when this page began to count
let typing = 0; // grows with every new wish, so that an older one stops typing

function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

async function post(path, body = {}) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (response.ok) return true;
  const answer = await response.json().catch(() => ({}));
  $("problem").textContent = answer.message ?? `The phone answered ${response.status}.`;
  return false;
}

const method = () => document.querySelector("input[name=method]:checked").value;

/** Press one key. False when the phone would not. */
async function press(digit) {
  flash(digit);
  $("problem").textContent = "";
  const done = await post("/press", { digit, method: method() }).catch(() => false);
  if (done) {
    pressed += 1;
    pressedAt = performance.now();
    $("typed").textContent = ($("typed").textContent + digit).slice(-ON_DISPLAY);
    tell();
  }
  return done;
}

function flash(digit) {
  const key = document.querySelector(`button[data-key="${CSS.escape(digit)}"]`);
  key.classList.add("down");
  setTimeout(() => key.classList.remove("down"), 160);
}

/** Type several keys, one after the other; a new wish stops it, and so does a key that the phone refuses. */
async function type(digits) {
  typing += 1;
  const mine = typing;
  $("typed").textContent = "";
  for (const digit of digits) {
    const started = performance.now();
    if (typing !== mine || !(await press(digit))) return;
    await pause(Math.max(0, BETWEEN_KEYS_MS - (performance.now() - started)));
  }
}

function buildKeys() {
  for (const [digit, letters] of KEYS) {
    const key = el("button", { type: "button", "data-key": digit, "aria-label": { "*": "star", "#": "hash" }[digit] ?? digit }, el("span", {}, digit), el("small", { "aria-hidden": "true" }, letters));
    key.addEventListener("click", () => {
      typing += 1;
      press(digit);
    });
    $("keys").append(key);
  }
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9*#]$/.test(event.key)) return;
    typing += 1;
    press(event.key);
  });
}

// ---- ears

const ears = Object.fromEntries(
  [...document.querySelectorAll(".ear")].map((section) => {
    const who = section.dataset.who;
    const sound = new Sound(who, section.querySelector("canvas"));
    const button = section.querySelector(".listen");
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      button.querySelector("span").textContent = on ? "Mute" : "Listen";
      sound.play(on);
    });
    const counters = {};
    for (const [id, name] of Object.entries(METHODS)) {
      counters[id] = el("dd", {}, "0");
      section.querySelector(".heard").append(el("div", { "data-method": id }, el("dt", {}, name), counters[id]));
    }
    return [who, { counters, heard: {} }];
  }),
);

function showHeard(who, heard) {
  for (const [id, node] of Object.entries(ears[who].counters)) {
    const count = heard?.[id] ?? 0;
    if (node.textContent === String(count)) continue;
    node.textContent = String(count);
    node.parentElement.dataset.any = count > 0 ? "yes" : "no";
    node.parentElement.classList.remove("bump");
    requestAnimationFrame(() => node.parentElement.classList.add("bump"));
  }
  ears[who].heard = heard ?? {};
}

/** The sentence of this page. One key may arrive in two ways at once, so it takes the most, not the sum. */
function tell() {
  const heard = Math.max(0, ...Object.entries(ears.agent.heard).map(([id, count]) => count - (before?.[id] ?? 0)));
  const keys = `You pressed ${pressed} ${pressed === 1 ? "key" : "keys"}.`;
  const early = heard === 0 && performance.now() - pressedAt < LATE_MS;
  const [state, words] =
    call === "gone" ? ["nothing-yet", "Not connected to the lab."] : pressed === 0 ? ["nothing-yet", "Press a key and see who hears it."] : early ? ["listening", `${keys} Listening…`] : heard === 0 ? ["none", `${keys} The agent’s phone heard none.`] : ["some", `${keys} The agent’s phone heard ${heard}.`];
  if ($("verdict-text").textContent !== words) $("verdict-text").textContent = words;
  $("verdict").dataset.heard = state;
}

function countFromNow() {
  pressed = 0;
  before = { ...ears.agent.heard };
  tell();
}

// ---- status

async function watch() {
  for (;;) {
    try {
      const response = await fetch("/status", { cache: "no-store" });
      if (response.status === 401) showCall("gone", "Open the address that the demo printed.");
      else if (response.ok) show(await response.json());
    } catch {
      showCall("gone", "The keypad service does not answer.");
    }
    await pause(STATUS_MS);
  }
}

function show(status) {
  const first = call === null;
  const begins = call === "down" && status.call !== "down"; // ringing may be over before it is seen here
  showHeard("customer", status.customer?.heard);
  showHeard("agent", status.agent?.heard);
  if (first || begins) countFromNow();
  if (begins) {
    $("typed").textContent = "";
    before = null;
  }
  // The service counts anew with each call. Fewer than before is a new call, and comparing with the old one would hide keys.
  if (before && Object.entries(ears.agent.heard).some(([id, count]) => count < (before[id] ?? 0))) before = null;
  showCall(status.call, CALLS[status.call] ?? status.call);
  tell();
}

function showCall(state, words) {
  if ($("call").textContent !== words) $("call").textContent = words;
  call = state;
  document.body.dataset.call = state;
  $("dial").disabled = state !== "down";
  $("hangup").disabled = state !== "up" && state !== "ringing";
  if (state === "gone") tell(); // nothing is claimed about keys that nobody counted
}

// ---- test cards

async function buildWallet() {
  const response = await fetch("/story");
  if (!response.ok) return;
  for (const card of await response.json()) {
    const parts = [["Number", card.number], ["Expiry", card.expiry], ["Code", card.security_code], ["Postal code", card.postal_code]].filter(([, value]) => value);
    const buttons = parts.map(([name, value]) => {
      const button = el("button", { type: "button" }, name);
      button.setAttribute("aria-label", `Type ${name.toLowerCase()}: ${card.brand}, ${String(card.expect).replaceAll("_", " ")}`);
      button.addEventListener("click", () => type(String(value).replace(/\D/g, "")));
      return button;
    });
    $("cards").append(
      el("li", {}, el("p", { class: "plastic" }, el("span", { class: "plastic-brand" }, card.brand), el("span", { class: "plastic-number" }, card.number), el("span", { class: "plastic-rest" }, `${card.expiry}   ${card.security_code}`)), el("p", { class: "expect" }, String(card.expect).replaceAll("_", " ")), el("div", { class: "type" }, ...buttons)),
    );
  }
}

$("dial").addEventListener("click", () => {
  $("problem").textContent = "";
  post("/call").catch(() => {});
});
$("from-now").addEventListener("click", countFromNow);
// Keys sent in two ways cannot be told from one key heard in two ways: each way has its own count.
for (const way of document.querySelectorAll("input[name=method]")) way.addEventListener("change", countFromNow);
$("hangup").addEventListener("click", () => post("/hangup").catch(() => {}));

buildKeys();
buildWallet().catch(() => {});
watch();
