// <payment-card reference="…">: the agent's side of one card payment on one live call.
//
// It shows what the desk says and nothing else. A press turns a button busy; only the desk's next snapshot
// changes the state, and nothing on the card is green until the desk says the line is secure.
// No card digit reaches this file: it gets counts, verdicts, the brand and the last four.
//
// How to embed it: docs/how-to/embed-the-card.md

import { changes } from "./card/announce.js";
import { el } from "./card/dom.js";
import { feedFor } from "./card/feed.js";
import { ACTIONS } from "./card/text.js";
import { CardView } from "./card/view.js";

const TICK_MS = 250;
const DEFAULT_FIELDS = "card_number expiry security_code";
const DEFAULT_CURRENCIES = "GBP EUR USD JPY";

/**
 * Attributes: reference, base (API root, default this origin), currency (default GBP), currencies, amount (minor units),
 * fields, stored-card, locale (default the page's language), theme ("light" or "dark", default the system's).
 * Events, bubbling and composed: callseal-state, callseal-result, callseal-refused.
 */
export class PaymentCard extends HTMLElement {
  static observedAttributes = ["reference", "base", "currency", "currencies", "amount", "fields", "stored-card", "locale"];

  #view = null;
  #feed = null;
  #left = null;
  #call = null;
  #pending = null;
  #refused = null;
  #told = "";
  #wasLost = false;
  #resulted = null;
  #paid = false; // an amount that was paid is not offered for the next payment
  #speech = { polite: [], urgent: [] };

  connectedCallback() {
    if (this.#view === null) this.#attach();
    this.#join();
  }

  disconnectedCallback() {
    this.#leave().leave();
  }

  attributeChangedCallback(name, before, after) {
    if (before === after || this.#feed === null) return;
    if (name === "reference" || name === "base") {
      const old = this.#leave();
      this.#forget();
      this.#join();
      old.leave(); // after joining: another call of the same desk keeps the same connection
    } else {
      if (name === "amount") this.#paid = false; // the page names a new one
      this.#render();
    }
  }

  /** The last snapshot (a copy), or null. */
  get call() {
    return this.#call && structuredClone(this.#call);
  }

  get state() {
    return this.#call?.state ?? null;
  }

  /** False while the card shows only the last known state. */
  get live() {
    return this.#feed?.line === "live";
  }

  secure() {
    return this.#press("secure", {});
  }

  capture(fields = this.#planned()) {
    return this.#press("capture", { fields, stored_card: this.getAttribute("stored-card") });
  }

  /** Start one field again, or all of them. */
  reset(field = null) {
    return this.#press("reset", { field });
  }

  /** Charge what is in the amount box, or the given {amount: minor units, currency}. */
  charge(money = null) {
    const typed = this.#view.amount.value;
    const body = money ?? (typed && { amount: typed.minor, currency: typed.currency });
    if (!body) {
      this.#view.amount.complain();
      return Promise.resolve({ ok: false });
    }
    return this.#press("charge", body);
  }

  cancel() {
    return this.#press("cancel", {});
  }

  /** Go back to the call after a result. */
  release() {
    return this.#press("release", {});
  }

  // ---- connection

  #attach() {
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: false });
    this.#view = new CardView({
      press: (action, body) => this.#pressed(action, body),
      retry: () => this.#refused?.retry?.(),
      dismiss: () => this.#dismiss(),
      warn: (words) => this.#view.announce(words, false),
      option: () => this.#render(),
    });
    // A linked sheet passes `style-src 'self'`; nothing is painted before it is there.
    const sheet = el("link", { rel: "stylesheet", href: new URL("payment-card.css", import.meta.url).href });
    this.#view.root.classList.add("unstyled");
    sheet.addEventListener("load", () => this.#view.root.classList.remove("unstyled"));
    shadow.append(sheet, this.#view.root);
    this.#view.root.addEventListener("keydown", (event) => this.#key(event));
  }

  #join() {
    this.#feed = feedFor(this.getAttribute("base") ?? "");
    this.#left = new AbortController();
    const { signal } = this.#left;
    this.#feed.addEventListener("call", ({ detail }) => detail.reference === this.#reference && this.#take(detail), { signal });
    this.#feed.addEventListener("gone", ({ detail }) => detail === this.#reference && this.#gone(), { signal });
    this.#feed.addEventListener("line", () => this.#lineChanged(), { signal });
    const timer = setInterval(() => this.#view.tick(this.#now()), TICK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.#feed.join();
    const known = this.#feed.calls.get(this.#reference);
    if (known) this.#take(known);
    else this.#render();
  }

  /** Stop listening. Returns the feed, which the caller leaves when the new one is joined. */
  #leave() {
    this.#left.abort();
    const feed = this.#feed;
    this.#feed = null;
    return feed;
  }

  #forget() {
    this.#call = null;
    this.#pending = null;
    this.#refused = null;
    this.#resulted = null;
    this.#paid = false;
    this.#told = "";
    this.#view.amount.clear();
  }

  get #reference() {
    return this.getAttribute("reference");
  }

  #now() {
    return Date.now() + (this.#feed?.skew ?? 0);
  }

  // ---- what the server says

  #take(call) {
    const before = this.#call;
    this.#call = call;
    if (before?.state !== call.state) this.#refused = null;
    // Busy ends when the server's state moves; a press that changes no state ends with its answer.
    if (before?.state !== call.state && this.#pending?.answered) this.#pending = null;
    if (call.result?.outcome === "approved") this.#amountPaid();
    else if (call.amount) this.#view.amount.offer(call.amount.minor, call.amount.currency);
    for (const change of changes(before, call)) this.#say(change);
    this.#render();
    this.#tell(before);
  }

  #amountPaid() {
    if (!this.#paid) this.#view.amount.clear();
    this.#paid = true;
  }

  #gone() {
    if (this.#call === null || this.#call.state === "ended") return;
    this.#take({ ...this.#call, state: "ended", allowed: [], deadline_at: null, notice: { kind: "warning", code: "gone", text: "The desk no longer knows this call.", advice: "Look in the call's record for its outcome." } });
  }

  #lineChanged() {
    const { line } = this.#feed;
    if (line === "lost") this.#wasLost = true;
    if (line === "lost") this.#say({ text: "Connection to the desk lost. The card shows the last known state.", urgent: true });
    if (line === "live" && this.#wasLost) this.#say({ text: "Connection to the desk is back.", urgent: false });
    if (line === "live") this.#wasLost = false;
    this.#render();
    this.#tell(this.#call);
  }

  #tell(before) {
    const call = this.#call;
    if (!call) return;
    const now = `${call.reference} ${call.state} ${this.live}`;
    if (now !== this.#told) {
      this.#told = now;
      this.#emit("callseal-state", { reference: call.reference, state: call.state, previous: before?.state ?? null, version: call.version, live: this.live });
    }
    const result = call.result?.outcome ? `${call.reference} ${JSON.stringify(call.result)}` : null;
    if (result !== null && result !== this.#resulted) this.#emit("callseal-result", { reference: call.reference, ...call.result, amount: call.amount ?? null });
    this.#resulted = result;
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  #say({ text, urgent }) {
    const queue = urgent ? this.#speech.urgent : this.#speech.polite;
    queue.push(text);
    if (queue.length > 1) return;
    queueMicrotask(() => this.#view.announce(queue.splice(0).join(" "), urgent));
  }

  // ---- presses

  #pressed(action, body) {
    if (action === "charge") return this.charge();
    if (action === "capture") return this.capture();
    return this.#press(action, body ?? {});
  }

  /** One press is one idempotency key; while it is on its way, or the server still works on it, there is no second. */
  #press(action, body, key = crypto.randomUUID()) {
    if (!this.#feed || !this.#call || this.#pending?.action === action) return Promise.resolve({ ok: false });
    if ((action === "secure" && this.#call.state === "securing") || (action === "charge" && this.#call.state === "authorising")) return Promise.resolve({ ok: false });
    this.#pending = { action, key, answered: false, state: this.#call.state };
    this.#refused = null;
    this.#render();
    return this.#send(action, body, key);
  }

  async #send(action, body, key) {
    const feed = this.#feed;
    const reference = this.#reference;
    const answer = await feed.press(reference, action, body, key);
    if (this.#reference !== reference || this.#pending?.key !== key) return answer;
    this.#pending.answered = true;
    const waits = answer.ok && this.#call.state === this.#pending.state && action !== "reset";
    if (!waits) this.#pending = null;
    else this.#patience(key);
    if (answer.refused) this.#refuse(action, answer.refused);
    if (answer.unreachable) this.#unreachable(action, body, key);
    this.#render();
    return answer;
  }

  /** Accepted, yet no news: after 10 s the button is offered again, with the truth. */
  #patience(key) {
    setTimeout(() => {
      if (this.#pending?.key !== key) return;
      this.#pending = null;
      this.#render();
    }, 10_000);
  }

  #refuse(action, refused) {
    this.#refused = { kind: "error", text: `${ACTIONS[action].label}: ${refused.message}`, advice: refused.advice };
    this.#say({ text: `${this.#refused.text} ${refused.advice}`, urgent: true });
    this.#emit("callseal-refused", { reference: this.#reference, action, ...refused });
  }

  #unreachable(action, body, key) {
    const text = `${ACTIONS[action].label}: no answer from the desk.`;
    const advice = "The press may or may not have arrived. Sending it again is safe: the desk knows it by its key.";
    this.#refused = { kind: "warning", text, advice, retry: () => this.#press(action, body, key) };
    this.#say({ text: `${text} ${advice}`, urgent: true });
    this.#emit("callseal-refused", { reference: this.#reference, action, status: 0, error: "unreachable", message: text, advice });
  }

  #dismiss() {
    this.#refused = null;
    this.#render();
    this.#view.title.focus();
  }

  // ---- keyboard: single keys, only while the focus is inside the card (WCAG 2.1.4)

  #key(event) {
    const target = event.composedPath()[0];
    if (event.repeat && (event.key === "Enter" || event.key === " ") && target.matches("button")) event.preventDefault();
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || target.matches("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    if (key === "m" && !this.#view.amount.root.hidden) this.#view.amount.input.focus();
    else if (key === "r" && this.#mayPress("reset")) this.reset(this.#call.fields.find((field) => field.state === "active" || field.state === "invalid")?.name ?? null);
    else {
      const action = Object.keys(ACTIONS).find((name) => ACTIONS[name].key === key && name !== "reset");
      if (!action || !this.#mayPress(action)) return;
      this.#pressed(action);
    }
    event.preventDefault();
  }

  #mayPress(action) {
    if (!this.#call?.allowed.includes(action)) return false;
    return this.live || action === "cancel";
  }

  // ---- drawing

  #planned() {
    if (this.hasAttribute("stored-card")) return ["security_code"];
    const fields = (this.getAttribute("fields") ?? DEFAULT_FIELDS).split(/[\s,]+/).filter(Boolean);
    return this.#view.fields.postal.checked && !fields.includes("postal_code") ? [...fields, "postal_code"] : fields;
  }

  #render() {
    if (!this.#view || !this.#feed) return;
    const locale = this.getAttribute("locale") || document.documentElement.lang || navigator.language;
    const currency = this.getAttribute("currency") ?? "GBP";
    const currencies = (this.getAttribute("currencies") ?? DEFAULT_CURRENCIES).split(/[\s,]+/).filter(Boolean);
    this.#view.amount.configure({ currencies, currency, locale });
    if (/^\d{1,12}$/.test(this.getAttribute("amount") ?? "") && !this.#call?.amount && !this.#paid) this.#view.amount.offer(Number(this.getAttribute("amount")), currency);
    const planned = this.#planned();
    this.#view.update(this.#call, {
      line: this.#feed.line,
      lostSince: this.#feed.lostSince,
      pending: this.#pending?.action ?? null,
      refused: this.#refused,
      planned,
      offerPostal: !this.hasAttribute("stored-card") && !(this.getAttribute("fields") ?? "").includes("postal_code"),
      locale,
      loginUrl: `${this.getAttribute("base") ?? ""}/login`,
      now: this.#now(),
    });
  }
}

if (!customElements.get("payment-card")) customElements.define("payment-card", PaymentCard);
