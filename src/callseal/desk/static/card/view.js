// The card's DOM: built once, then patched, so that focus and live regions survive every update.

import { AmountInput } from "./amount.js";
import { Countdown } from "./countdown.js";
import { attr, el, icon, setIcon, text } from "./dom.js";
import { FieldList } from "./fields.js";
import { actions, band, clock, deadline, fieldRows, noticeIsSaid, phoneNumber, result, showsAmount, showsProof } from "./model.js";
import { formatMoney } from "./money.js";
import { ACTIONS, EVIDENCE, EVIDENCE_HELP } from "./text.js";

const LOW_MS = 10_000;
const NOTICE_ICONS = { info: "info", warning: "alert", error: "alert", lost: "lost" };

export class CardView {
  /** `on`: {press(action, body), retry(), dismiss(), warn(text), option()}. */
  constructor(on) {
    this.on = on;
    this.fields = new FieldList((name) => on.press("reset", { field: name }), () => on.option());
    this.amount = new AmountInput({ onChange: () => this.#refresh(), onEnter: () => on.press("charge") });
    this.countdown = new Countdown();
    this.#build();
  }

  #build() {
    this.way = el("span", { class: "way" });
    this.caller = el("h2", { class: "caller" });
    this.called = el("p", { class: "called" });
    this.duration = el("span", { class: "duration", role: "timer", "aria-live": "off" });
    this.durationRow = el("div", { class: "clock" }, el("span", { class: "vh" }, "Call time "), icon("phone"), this.duration);

    this.bandIcon = icon("phone");
    this.title = el("h3", { class: "title", id: "state", tabindex: "-1" });
    this.explain = el("p", { class: "explain" });
    this.deadlineReason = el("p", { class: "deadline" });
    this.proofs = Object.keys(EVIDENCE).map((name) => this.#proof(name));
    this.proof = el("ul", { class: "proof", role: "list", "aria-label": "Proof that the line is secure" }, ...this.proofs.map((proof) => proof.root));

    this.lineNotice = this.#notice();
    this.pressNotice = this.#notice();
    this.callNotice = this.#notice();
    this.retry = el("button", { type: "button", class: "small", "data-retry": true }, "Send the same press again");
    this.dismiss = el("button", { type: "button", class: "round", "aria-label": "Close this message" }, icon("cross"));
    this.retry.addEventListener("click", (event) => event.detail > 1 || this.on.retry());
    this.dismiss.addEventListener("click", () => this.on.dismiss());
    this.pressNotice.body.append(this.retry);
    this.pressNotice.root.append(this.dismiss);
    this.signIn = el("a", { class: "small", hidden: true }, "Sign in again");
    this.lineNotice.body.append(this.signIn);

    this.resultIcon = icon("check");
    this.resultTitle = el("h4", { class: "result-title" });
    this.resultLines = el("dl");
    this.result = el("section", { class: "result", "aria-label": "Result", hidden: true }, el("span", { class: "seal" }, this.resultIcon), el("div", {}, this.resultTitle, this.resultLines));

    this.buttons = Object.fromEntries(["charge", "release", "capture", "secure", "cancel"].map((action) => [action, this.#button(action)]));
    this.actions = el("div", { class: "actions", role: "group", "aria-label": "Payment" }, ...Object.values(this.buttons).map((button) => button.root));
    this.polite = el("div", { class: "vh", role: "status", "aria-live": "polite", "aria-atomic": "true", id: "polite" });
    this.urgent = el("div", { class: "vh", role: "alert", "aria-live": "assertive", "aria-atomic": "true", id: "urgent" });

    this.band = el(
      "section",
      { class: "band", "aria-labelledby": "state" },
      el("div", { class: "band-main" }, el("span", { class: "band-icon" }, this.bandIcon), el("div", { class: "band-text" }, this.title, this.explain, this.deadlineReason), this.countdown.root),
      this.proof,
    );
    this.root = el(
      "article",
      { class: "card", "aria-label": "Payment card", hidden: true },
      el("header", { class: "call" }, el("div", {}, this.way, this.caller, this.called), this.durationRow),
      this.band,
      el("div", { class: "body" }, this.lineNotice.root, this.pressNotice.root, this.callNotice.root, this.result, this.fields.root, this.amount.root, this.actions, this.#shortcuts()),
      this.polite,
      this.urgent,
    );
  }

  #proof(name) {
    const mark = icon("wait");
    const state = el("span", { class: "vh" });
    const root = el("li", { "data-proof": name, title: EVIDENCE_HELP[name] }, el("span", { class: "tick" }, mark), el("span", {}, EVIDENCE[name]), state);
    return { name, root, mark, state };
  }

  #notice() {
    const mark = icon("info");
    const words = el("p", { class: "notice-text" });
    const advice = el("p", { class: "notice-advice" });
    const body = el("div", { class: "notice-body" }, words, advice);
    return { root: el("div", { class: "notice", hidden: true }, mark, body), mark, words, advice, body };
  }

  #button(action) {
    const mark = icon(ACTIONS[action].icon);
    const words = el("span");
    const root = el("button", { type: "button", class: "action", "data-action": action, "aria-keyshortcuts": ACTIONS[action].key, hidden: true }, mark, words);
    // The second click of a double click is part of the first press, whatever the button has become by then.
    root.addEventListener("click", (event) => event.detail > 1 || this.on.press(action));
    return { root, mark, words };
  }

  #shortcuts() {
    const keys = [["S", "secure the line"], ["K", "ask for the card"], ["R", "start the current field again"], ["M", "go to the amount (Enter charges)"], ["B", "back to the call"], ["X", "cancel the payment"]];
    return el(
      "details",
      { class: "keys" },
      el("summary", {}, "Keyboard"),
      el("dl", {}, ...keys.map(([key, does]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)))),
      el("p", {}, "Keys work while the focus is inside this card and not in a text box."),
    );
  }

  /** Show a snapshot. `context`: {line, lostSince, pending, refused, planned, offerPostal, locale, loginUrl, now}. */
  update(call, context) {
    this.call = call;
    this.context = context;
    this.#refresh();
  }

  #refresh() {
    const { call, context } = this;
    if (!context) return;
    const had = this.#focused();
    const live = context.line === "live";
    const shown = band(call, live);
    this.root.hidden = false;
    attr(this.root, "data-tone", shown.tone);
    attr(this.root, "data-state", call?.state ?? "none");
    attr(this.root, "data-live", live ? "yes" : "no");
    text(this.way, call ? (call.direction === "out" ? "Outgoing call to" : "Incoming call from") : "");
    text(this.caller, call ? phoneNumber(call.direction === "out" ? call.called : call.caller) : "");
    text(this.called, call ? (call.direction === "out" ? `as ${phoneNumber(call.caller)}` : `on ${phoneNumber(call.called)}`) : "");
    setIcon(this.bandIcon, shown.icon);
    text(this.title, shown.title);
    text(this.explain, shown.explain);
    text(this.deadlineReason, live && deadline(call) ? sentence(call.deadline_reason) : "");
    this.#proofs(call, live);
    this.#notices(call, context);
    this.#result(call, context);
    const canReset = live && Boolean(call?.allowed.includes("reset"));
    this.fields.update(fieldRows(call, context.planned), { canReset, offerPostal: live && call?.state === "secured" && context.offerPostal });
    this.amount.root.hidden = !showsAmount(call);
    this.#actions(call, live, context.pending);
    this.countdown.set(live ? deadline(call) : null, context.now);
    this.tick(context.now);
    if (had && (!had.isConnected || had.checkVisibility?.() === false)) this.#rescueFocus();
  }

  #proofs(call, live) {
    this.proof.hidden = !showsProof(call);
    for (const { name, root, mark, state } of this.proofs) {
      const held = Boolean(call?.evidence?.[name]);
      attr(root, "data-held", held ? (live ? "yes" : "old") : "no");
      setIcon(mark, held ? "check" : "wait");
      text(state, held ? (live ? ": yes" : ": last known yes") : ": not yet");
    }
  }

  #notices(call, { line, refused, loginUrl }) {
    const lost = line === "lost" || line === "connecting";
    fillNotice(this.lineNotice, line === "signed_out" ? { kind: "error", text: "You are signed out.", advice: "The card no longer hears from the desk. A line that was secured stays secured until its deadline." } : lost && line !== "connecting" ? { kind: "lost", text: "Connection to the desk lost.", advice: "Below is the last known state. The card is trying again by itself." } : null);
    this.signIn.hidden = line !== "signed_out";
    attr(this.signIn, "href", loginUrl);
    fillNotice(this.pressNotice, refused);
    this.retry.hidden = !refused?.retry;
    fillNotice(this.callNotice, call?.notice && !noticeIsSaid(call) ? call.notice : null);
  }

  #result(call, { locale }) {
    const shown = result(call, (minor, currency) => formatMoney(minor, currency, locale));
    this.result.hidden = shown === null;
    if (shown === null) return;
    attr(this.result, "data-outcome", shown.tone);
    setIcon(this.resultIcon, shown.icon);
    text(this.resultTitle, shown.title);
    this.resultLines.replaceChildren(...shown.lines.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
  }

  #actions(call, live, pending) {
    const shown = new Map(actions(call, { live, amountLabel: this.amount.label, pending }).map((entry) => [entry.action, entry]));
    for (const [action, button] of Object.entries(this.buttons)) {
      const entry = shown.get(action);
      button.root.hidden = !entry;
      if (!entry) continue;
      attr(button.root, "data-main", entry.main);
      attr(button.root, "aria-disabled", entry.busy ? "true" : null);
      attr(button.root, "data-busy", Boolean(entry.busy));
      setIcon(button.mark, entry.busy ? "spinner" : ACTIONS[action].icon);
      text(button.words, entry.busy ?? entry.label);
    }
    this.#order([...shown.keys()]);
    this.actions.hidden = shown.size === 0;
  }

  #focused() {
    const node = this.root.getRootNode().activeElement;
    return node && this.root.contains(node) ? node : null;
  }

  /** The main button comes first in the tab order. Nodes move only when the order changed: moving one takes its focus away. */
  #order(wanted) {
    const visible = [...this.actions.children].filter((node) => !node.hidden).map((node) => node.dataset.action);
    if (visible.join() === wanted.join()) return;
    for (const action of wanted) this.actions.append(this.buttons[action].root);
  }

  /** The focused control went away: on to the state's title, the next thing to read and nothing that Enter could press by accident. */
  #rescueFocus() {
    this.title.focus();
  }

  /** Once or several times a second: call time, countdown, age of a lost connection. */
  tick(now) {
    const { call, context } = this;
    if (!context) return;
    this.durationRow.hidden = !call?.started_at || call.state === "ended";
    if (call?.started_at) text(this.duration, clock(now - call.started_at));
    const left = this.countdown.tick(now);
    const low = left !== null && left < LOW_MS && this.countdown.whole > 2 * LOW_MS;
    if (low && this.warnedFor !== call.deadline_at) {
      this.warnedFor = call.deadline_at;
      this.on.warn(`10 seconds left. ${sentence(call.deadline_reason)}`);
    }
    if (context.line === "lost" && context.lostSince) {
      text(this.lineNotice.words, `Connection to the desk lost ${clock(Date.now() - context.lostSince)} ago.`);
    }
  }

  /** Speak. The region is emptied first, so that the same sentence twice is heard twice. */
  announce(words, urgent) {
    const region = urgent ? this.urgent : this.polite;
    region.textContent = "";
    setTimeout(() => {
      region.textContent = words;
    }, 60);
  }
}

function fillNotice(notice, content) {
  notice.root.hidden = !content;
  if (!content) return;
  attr(notice.root, "data-kind", content.kind);
  setIcon(notice.mark, NOTICE_ICONS[content.kind] ?? "info");
  text(notice.words, content.text);
  notice.advice.hidden = !content.advice;
  text(notice.advice, content.advice);
}

const sentence = (words) => (words ? words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".") : "");
