// Amount and currency. Keeps what the agent typed as text; says minor units only when the text is unambiguous.

import { attr, el, text } from "./dom.js";
import { formatMoney, parseAmount, plainAmount } from "./money.js";

export class AmountInput {
  constructor({ onChange, onEnter }) {
    this.input = el("input", { id: "amount", type: "text", inputmode: "decimal", autocomplete: "off", "aria-describedby": "amount-problem", "aria-keyshortcuts": "m" });
    this.select = el("select", { id: "currency", "aria-label": "Currency" });
    this.problem = el("p", { id: "amount-problem", class: "problem", role: "status" });
    this.touched = false;
    this.edited = false;
    this.locale = "en-GB";
    this.root = el(
      "section",
      { class: "amount", hidden: true },
      el("label", { for: "amount" }, "Amount"),
      el("div", { class: "money" }, this.input, this.select),
      this.problem,
    );
    this.input.addEventListener("input", () => {
      this.edited = true;
      this.#show();
      onChange();
    });
    this.input.addEventListener("blur", () => {
      this.touched = this.input.value !== "";
      this.#show();
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.repeat) return;
      event.preventDefault();
      this.touched = true;
      this.#show();
      onEnter();
    });
    this.select.addEventListener("change", () => {
      this.edited = true;
      this.#show();
      onChange();
    });
  }

  configure({ currencies, currency, locale }) {
    this.locale = locale;
    const codes = currencies.includes(currency) ? currencies : [currency, ...currencies];
    if (codes.join() !== [...this.select.options].map((option) => option.value).join()) {
      this.select.replaceChildren(...codes.map((code) => el("option", { value: code }, code)));
    }
    if (!this.edited && this.input.value === "") this.select.value = currency;
    this.#hint();
  }

  /** A new call: forget what was typed for the last one. */
  clear() {
    this.input.value = "";
    this.touched = false;
    this.edited = false;
    this.#show();
  }

  /** Fill in an amount the server or the page gave, unless the agent has typed. */
  offer(minor, currency) {
    if (this.edited) return;
    if (![...this.select.options].some((option) => option.value === currency)) this.select.append(el("option", { value: currency }, currency));
    this.select.value = currency;
    this.input.value = plainAmount(minor, currency, this.locale);
    this.#show();
  }

  /** {minor, currency} or null. */
  get value() {
    const read = parseAmount(this.input.value, this.select.value, this.locale);
    return read.problem ? null : { minor: read.minor, currency: this.select.value };
  }

  /** "£42.50", or null while there is no usable amount. */
  get label() {
    const value = this.value;
    return value && formatMoney(value.minor, value.currency, this.locale);
  }

  /** Show the problem now (the agent pressed Charge) and go there. */
  complain() {
    this.touched = true;
    this.#show();
    this.input.focus();
  }

  #hint() {
    attr(this.input, "placeholder", plainAmount(0, this.select.value, this.locale));
  }

  #show() {
    this.#hint();
    const { problem } = parseAmount(this.input.value, this.select.value, this.locale);
    const wrong = problem && (this.touched || (this.edited && this.input.value !== "" && !/[\d.,\s]$/.test(this.input.value)));
    text(this.problem, wrong ? problem : "");
    attr(this.input, "aria-invalid", wrong ? "true" : null);
  }
}
