// What a screen reader is told when a CALL changes: one sentence for each field, never one for each digit.

import { DECLINES, FIELD_REASONS, named } from "./text.js";
import { band, brandName, fieldName, SECURE_STATES } from "./model.js";

/** Compare two snapshots. Returns [{text, urgent}]. */
export function changes(before, after) {
  if (!after || before?.reference !== after.reference) return after ? [say(band(after, true))] : [];
  const out = [];
  if (before.state !== after.state) {
    const lostIt = SECURE_STATES.has(before.state) && !SECURE_STATES.has(after.state) && after.state !== "ended";
    out.push({ ...say(band(after, true)), urgent: lostIt || after.state === "media_at_partner" || after.state === "outcome_unknown" });
  }
  for (const field of after.fields ?? []) {
    const old = before.fields?.find((other) => other.name === field.name);
    if (old?.state !== field.state) out.push(...fieldChange(field));
  }
  const outcome = after.result?.outcome;
  if (outcome && outcome !== before.result?.outcome) out.push(...outcomeText(after.result));
  return out;
}

const say = ({ title, explain }) => ({ text: `${title}. ${explain}`, urgent: false });

function fieldChange(field) {
  const name = fieldName(field.name);
  if (field.state === "active") return [{ text: `${name}: the customer can type now.`, urgent: false }];
  if (field.state === "valid") {
    const last4 = field.name === "card_number" ? /(\d{4})$/.exec(field.masked ?? "")?.[1] : null;
    const card = [field.brand ? brandName(field.brand) : null, last4 ? `ending ${[...last4].join(" ")}` : null].filter(Boolean).join(" ");
    return [{ text: `${name} valid${card ? `, ${card}` : ""}.`, urgent: false }];
  }
  if (field.state === "invalid") return [{ text: `${name} not valid. ${named(FIELD_REASONS, field.reason ?? "format")}`, urgent: false }];
  return [];
}

function outcomeText({ outcome, authorisation_code: code, reason }) {
  if (outcome === "approved") return code ? [{ text: `Authorisation code ${[...String(code)].join(" ")}.`, urgent: false }] : [];
  if (outcome === "declined") return [{ text: `Payment declined: ${named(DECLINES, reason ?? "generic")}.`, urgent: true }];
  return [];
}
