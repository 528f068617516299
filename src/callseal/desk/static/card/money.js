// Money is an integer count of minor units, as everywhere in Callseal. No floating point touches it:
// the decimal point is moved in the string.

const MOST_MINOR = 99_999_999; // the desk's own limit (payments/money.py)

/** Digits after the decimal point: ISO 4217 through Intl (GBP 2, JPY 0, KWD 3). */
export function minorDigits(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
}

function decimal(minor, digits) {
  const all = String(minor).padStart(digits + 1, "0");
  return digits === 0 ? all : `${all.slice(0, -digits)}.${all.slice(-digits)}`;
}

/** 4250 GBP -> "£42.50" as the locale writes it. */
export function formatMoney(minor, currency, locale) {
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(decimal(minor, minorDigits(currency)));
}

/** 4250 GBP -> "42.50" or "42,50": what goes into the input. */
export function plainAmount(minor, currency, locale) {
  return decimal(minor, minorDigits(currency)).replace(".", separators(locale).decimal);
}

/**
 * Read what the agent typed. Returns {minor} or {problem: text}.
 * Grouping is accepted only where it groups (1,234.50); anything that could be read two ways is refused.
 */
export function parseAmount(typed, currency, locale) {
  const { decimal: point, group } = separators(locale);
  const digits = minorDigits(currency);
  const example = plainAmount(digits === 0 ? 4250 : 425 * 10 ** (digits - 1), currency, locale);
  const input = typed.replace(/[\s\u00a0\u202f]/g, "");
  if (input === "") return { problem: "Enter an amount" };
  const [whole, fraction = "", ...rest] = input.split(point);
  const grouped = group.trim() === "" ? null : new RegExp(`^\\d{1,3}(${escape(group)}\\d{3})+$`);
  const plain = grouped?.test(whole) ? whole.replaceAll(group, "") : whole;
  const wellFormed = rest.length === 0 && /^\d{1,12}$/.test(plain) && /^\d*$/.test(fraction) && !(input.endsWith(point));
  if (!wellFormed) return { problem: `Write it like ${example}` };
  if (fraction.length > digits) {
    return { problem: digits === 0 ? `${currency} has no decimals` : `${currency} has ${digits} decimals` };
  }
  const minor = Number(plain + fraction.padEnd(digits, "0"));
  if (minor > MOST_MINOR) return { problem: `At most ${plainAmount(MOST_MINOR, currency, locale)}` };
  if (minor === 0) return { problem: "The amount is zero" };
  return { minor };
}

function separators(locale) {
  const parts = new Intl.NumberFormat(locale).formatToParts(1234567.5);
  const find = (type, fallback) => parts.find((part) => part.type === type)?.value ?? fallback;
  return { decimal: find("decimal", "."), group: find("group", "") };
}

const escape = (character) => character.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
