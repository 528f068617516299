// Every sentence the card says, in one place. Ids on the left are those of the desk's API.

export const STATES = {
  offered: { icon: "phone", tone: "plain", title: "Call arriving", explain: "The contact centre is being told about this call. Payments open in a moment." },
  ready: { icon: "unlocked", tone: "plain", title: "The line is open", explain: "You would hear the customer’s keys. Secure the line before you ask for a card." },
  securing: { icon: "spinner", tone: "plain", title: "Securing the line…", explain: "Waiting for proof from the router. Do not ask for the card yet." },
  secured: { icon: "lock", tone: "seal", title: "The line is secure", explain: "You cannot hear the keys. You can talk to each other as before." },
  capturing: { icon: "lock", tone: "seal", title: "The line is secure", explain: "The customer is typing. You cannot hear the keys." },
  captured: { icon: "lock", tone: "seal", title: "The line is secure", explain: "All details are in. Check the amount with the customer, then charge." },
  authorising: { icon: "spinner", tone: "seal", title: "Asking the bank…", explain: "The line is secure. This charge is sent once and never repeated." },
  approved: { icon: "check", tone: "seal", title: "Payment approved", explain: "The line is still secure. Go back to the call when you are done." },
  outcome_unknown: { icon: "question", tone: "warning", title: "Outcome not known", explain: "The bank did not answer. Do not charge again: the desk keeps asking with the same key." },
  restoring: { icon: "spinner", tone: "plain", title: "Going back to the call…", explain: "Sound and keys stay blocked until both sides are home." },
  media_at_partner: { icon: "alert", tone: "error", title: "The sound is not back yet", explain: "It is still at the payment partner and the block stays on. Operations have been alarmed. You may hang up and call the customer back." },
  ended: { icon: "ended", tone: "quiet", title: "The call has ended", explain: "The digits and the token are forgotten." },
};

export const NO_CALL = { icon: "phone", tone: "quiet", title: "No call", explain: "Nothing is selected, or the desk no longer knows this call." };

export const CONNECTING = { icon: "wait", tone: "quiet", title: "Connecting to the desk…", explain: "The card shows nothing until the desk has spoken." };

export const PAYMENTS_OFF = {
  no_token: "The payment partner did not take part in this call.",
  partner_down: "The payment partner cannot be reached.",
  token_reused: "The payment partner gave this call a token that was used before.",
  payments_off: "Payments are switched off for this number.",
  carrier_not_trusted: "This call came over a phone company that is not trusted with payments.",
  canary_failed: "A test call heard card digits on an agent's side. No card can be taken until support has looked.",
  switched_off: "Payments are switched off for every call at the moment.",
};

export const FIELDS = {
  card_number: "Card number",
  expiry: "Expiry date",
  security_code: "Security code",
  postal_code: "Postal code",
};

export const FIELD_REASONS = {
  luhn: "A digit is wrong: the number fails its check.",
  length: "Too few or too many digits.",
  brand: "This kind of card is not taken.",
  month: "There is no such month.",
  expired: "The card has expired.",
  format: "That does not look right.",
};

export const DECLINES = {
  insufficient_funds: "not enough funds",
  do_not_honour: "the bank refused without saying why",
  expired_card: "the card has expired",
  incorrect_cvc: "the security code is wrong",
  lost_card: "the bank blocked this card",
  generic: "the bank refused",
};

export const BRANDS = {
  visa: "Visa", mastercard: "Mastercard", amex: "Amex", discover: "Discover", diners: "Diners", jcb: "JCB", maestro: "Maestro", unionpay: "UnionPay", other: "Card",
};

export const EVIDENCE = {
  partner: "Partner confirms",
  customer_leg: "Customer leg moved",
  agent_leg: "Agent leg moved",
  fence: "Fence on",
};

export const EVIDENCE_HELP = {
  partner: "The payment partner says the session is secured",
  customer_leg: "The router saw the customer’s sound move to the partner, with packets",
  agent_leg: "The router saw your sound move to the partner, with packets",
  fence: "The router blocks keys towards you",
};

// Each action: its label at rest, while the server has not answered, the shortcut, and the icon.
export const ACTIONS = {
  secure: { label: "Secure the line", busy: "Securing…", key: "s", icon: "lock" },
  capture: { label: "Ask for the card", busy: "Asking…", key: "k", icon: "card" },
  charge: { label: "Charge", busy: "Charging…", key: null, icon: "check" },
  release: { label: "Back to the call", busy: "Going back…", key: "b", icon: "back" },
  reset: { label: "Start again", busy: "Starting again…", key: "r", icon: "again" },
  cancel: { label: "Cancel payment", busy: "Cancelling…", key: "x", icon: "cross" },
};

export const named = (table, id) => table[id] ?? String(id ?? "").replaceAll("_", " ");
