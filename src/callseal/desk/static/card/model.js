// What the card shows, as a pure function of what the server said and how old that is. No DOM, no clock of its own.

import { ACTIONS, BRANDS, CONNECTING, DECLINES, FIELDS, FIELD_REASONS, NO_CALL, PAYMENTS_OFF, STATES, named } from "./text.js";

export const SECURE_STATES = new Set(["secured", "capturing", "captured", "authorising", "approved", "outcome_unknown"]);
const AMOUNT_STATES = new Set(["ready", "securing", "secured", "capturing", "captured"]);
const FIELD_STATES = new Set(["secured", "capturing", "captured", "authorising"]);
const RESULT_HIDDEN = new Set(["capturing", "captured", "authorising"]); // an older outcome would only confuse
const PROOF_HIDDEN = new Set(["offered", "ended"]);
const DEFAULT_LENGTHS = { card_number: [12, 19], expiry: [4, 4], security_code: [3, 4], postal_code: [3, 10] };

/** The band at the top: {tone, icon, title, explain}. `live` false means: this is only the last thing we heard. */
export function band(call, live) {
  if (!call) return live ? NO_CALL : CONNECTING;
  const base = STATES[call.state] ?? { icon: "question", tone: "warning", title: named({}, call.state), explain: "This card does not know this state. Reload the page." };
  const shown = { ...base, ...special(call) };
  if (live || call.state === "ended") return shown;
  return { tone: "stale", icon: "lost", title: `Last known: ${lower(shown.title)}`, explain: "Do not rely on this. The card is not hearing from the desk." };
}

/** Is this notice already said by the band or the result? Then it is not said twice. */
export const noticeIsSaid = ({ notice, state, result: outcome }) => notice?.code === state || (notice?.code === "declined" && outcome?.outcome === "declined");

function special(call) {
  if (call.notice?.code === call.state) return { explain: `${call.notice.text} ${call.notice.advice}` };
  if (call.state === "ready" && call.payments && !call.payments.allowed) {
    return { tone: "warning", icon: "alert", title: "Payments are off for this call", explain: named(PAYMENTS_OFF, call.payments.reason ?? "payments_off") };
  }
  if (paidAndBack(call)) return { explain: "The payment is taken. You would hear the customer’s keys again." };
  if (call.state === "capturing") {
    // Between two fields none is active for a moment: the next one is named already, so that the sentence does not flicker.
    const field = ["active", "invalid", "waiting"].map((state) => call.fields.find((each) => each.state === state)).find(Boolean);
    const name = field && lower(fieldName(field.name));
    if (field?.state === "invalid") return { explain: `The ${name} is not right. The customer is asked to type it again; you cannot hear the keys.` };
    if (field) return { explain: `The customer is typing the ${name}. You cannot hear the keys.` };
  }
  if (call.state === "secured" && call.result?.outcome === "declined") {
    return { explain: "The payment did not go through. You can ask for another card." };
  }
  return {};
}

/** Home again with the money taken: what is left to do is to talk, so nothing here asks for another payment. */
const paidAndBack = (call) => call.state === "ready" && call.result?.outcome === "approved";

const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);

export const fieldName = (id) => sentence(named(FIELDS, id));
export const brandName = (id) => named(BRANDS, id);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Rows to show: those of the server, or, once secured, those that will be asked for. */
export function fieldRows(call, planned) {
  if (!call || !FIELD_STATES.has(call.state)) return [];
  const begun = call.fields?.some((field) => field.state !== "waiting");
  const rows = begun || (call.state !== "secured" && call.fields?.length) ? call.fields : planned.map((name) => ({ name, state: "waiting", count: 0 }));
  const next = call.state === "secured" ? undefined : rows.find((row) => row.state === "waiting")?.name;
  return rows.map((row) => fieldRow(row, row.name === next));
}

function fieldRow(field, isNext) {
  const [defaultMin, defaultMax] = DEFAULT_LENGTHS[field.name] ?? [1, 10];
  const min = field.min ?? defaultMin;
  const max = Math.max(field.max ?? defaultMax, min);
  const count = Math.max(0, Math.min(field.count ?? 0, 24));
  return {
    name: field.name,
    label: fieldName(field.name),
    state: field.state,
    count,
    min,
    max,
    brand: field.brand && field.name === "card_number" ? brandName(field.brand) : null, // the desk knows it for every field; once is enough
    masked: field.state === "valid" ? (field.masked ?? "") : "",
    groups: groups(field.name, Math.max(max, count), field.brand),
    status: status(field, count, min, max, isNext),
    reason: field.state === "invalid" ? named(FIELD_REASONS, field.reason ?? "format") : "",
  };
}

function status(field, count, min, max, isNext) {
  if (field.state === "valid") return "Valid";
  if (field.state === "invalid") return "Not valid";
  if (field.state === "active") return count === 0 ? "Waiting for keys" : `${count} of ${min === max ? max : `${min} to ${max}`}`;
  return isNext ? "Next" : "";
}

/** How the dots are spaced: 4-4-4-4, Amex 4-6-5, expiry 2-2, everything else in one run. */
function groups(name, slots, brand) {
  if (name === "expiry") return [2, 2];
  if (name !== "card_number") return [slots];
  if (brand === "amex") return [4, 6, Math.max(slots - 10, 1)];
  const out = [];
  for (let left = slots; left > 0; left -= 4) out.push(Math.min(4, left));
  return out;
}

/** Which buttons there are, in order, the main one first: [{action, label, busy, main}]. */
export function actions(call, { live, amountLabel, pending }) {
  if (!call) return [];
  const allowed = new Set(live ? call.allowed : call.allowed.filter((action) => action === "cancel"));
  if (call.payments && !call.payments.allowed) allowed.delete("secure");
  // A button that was pressed stays in its place, busy, until the server says what became of it.
  const busy = new Set([pending, { securing: "secure", authorising: "charge" }[call.state]]);
  const declined = call.result?.outcome === "declined";
  // Both lead back to the call. One of them is the right word: there is a result to leave with, or a payment to give up.
  if (allowed.has("release") && allowed.has("cancel")) allowed.delete(declined ? "cancel" : "release");
  const order = ["charge", "capture", "release", "secure", "cancel"];
  const shown = order.filter((action) => allowed.has(action) || busy.has(action));
  return shown.map((action, place) => ({
    action,
    label: label(action, { amountLabel, declined, state: call.state, paid: paidAndBack(call) }),
    busy: busy.has(action) ? busyLabel(action, amountLabel) : null,
    main: place === 0 && action !== "cancel" && !paidAndBack(call),
  }));
}

const busyLabel = (action, amountLabel) => (action === "charge" && amountLabel ? `Charging ${amountLabel}…` : ACTIONS[action].busy);

function label(action, { amountLabel, declined, state, paid }) {
  if (action === "secure" && paid) return "Secure the line for another payment";
  if (action === "release" && state === "media_at_partner") return "Try again to come back";
  if (action === "charge") return `Charge ${amountLabel ?? ""}`.trim();
  if (action === "capture" && declined) return "Ask for another card";
  return ACTIONS[action].label;
}

/** An amount is asked for while there is one to charge: not beside one that was paid, or of which nobody knows yet. */
export const showsAmount = (call) =>
  Boolean(call) && AMOUNT_STATES.has(call.state) && (call.payments?.allowed ?? true) && !["approved", "unknown"].includes(call.result?.outcome);
export const showsProof = (call) => Boolean(call) && !PROOF_HIDDEN.has(call.state) && (call.payments?.allowed ?? true);

/** The deadline an agent should know about, or null: some are the desk's own business and have no reason. */
export const deadline = (call) => (call?.deadline_at && call.deadline_reason ? call.deadline_at : null);

/** The result block: {tone, title, lines: [[term, value]]} or null. `money` formats minor units. */
export function result(call, money) {
  const outcome = call?.result?.outcome;
  if (!outcome || RESULT_HIDDEN.has(call.state)) return null;
  const amount = call.amount ? money(call.amount.minor, call.amount.currency) : null;
  const { authorisation_code: code, brand, last4, reason } = call.result;
  const card = last4 ? ["Card", `${brand ? `${brandName(brand)} ` : ""}ending ${last4}`] : null;
  const shown = {
    approved: { tone: "good", icon: "check", title: amount ? `${amount} paid` : "Paid", lines: [card, code ? ["Authorisation", code] : null] },
    declined: { tone: "bad", icon: "cross", title: amount ? `${amount} declined` : "Declined", lines: [["Reason", named(DECLINES, reason ?? "generic")], card] },
    unknown: { tone: "unknown", icon: "question", title: amount ? `${amount}: outcome not known` : "Outcome not known", lines: [card] },
  }[outcome];
  return shown ? { ...shown, lines: shown.lines.filter(Boolean) } : null;
}

/** 95 s -> "1:35"; one hour or more "1:01:35". */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}:${pad(seconds % 60)}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
}

// How people write the national part: prefix, then the sizes of its groups.
const GROUPING = [
  [/^\+(44)(2\d{9})$/, [2, 4, 4]],
  [/^\+(44)(\d{10})$/, [4, 6]],
  [/^\+(1)(\d{10})$/, [3, 3, 4]],
  [/^\+(33)(\d{9})$/, [1, 2, 2, 2, 2]],
];

/** +442079460123 -> "+44 20 7946 0123" where the grouping is known; everything else stays as it is. */
export function phoneNumber(text) {
  const value = String(text ?? "");
  for (const [shape, sizes] of GROUPING) {
    const match = shape.exec(value);
    if (!match) continue;
    let at = 0;
    return [`+${match[1]}`, ...sizes.map((size) => match[2].slice(at, (at += size)))].join(" ");
  }
  return value;
}
