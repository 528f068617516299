// The rows of the card's details: name, dots that fill as keys are pressed, verdict, "start again".

import { attr, el, icon, setIcon, text } from "./dom.js";

const STATE_ICONS = { waiting: "wait", active: "card", valid: "check", invalid: "cross" };

export class FieldList {
  /** `onReset(name | null)` is called for one field or for all, `onOption()` when the postal code is wanted or not. */
  constructor(onReset, onOption) {
    this.onReset = onReset;
    this.rows = new Map();
    this.list = el("ul", { class: "rows", role: "list" });
    this.all = el("button", { type: "button", class: "link", "data-action": "reset", hidden: true, "aria-keyshortcuts": "r" }, icon("again"), el("span", {}, "Start again"));
    this.all.addEventListener("click", (event) => event.detail > 1 || onReset(null));
    this.postal = el("input", { type: "checkbox", id: "postal" });
    this.postal.addEventListener("change", onOption);
    this.postalRow = el("div", { class: "option", hidden: true }, this.postal, el("label", { for: "postal" }, "Also ask for the postal code"));
    this.root = el(
      "section",
      { class: "fields", "aria-labelledby": "fields-title", hidden: true },
      el("div", { class: "section-head" }, el("h4", { id: "fields-title" }, "Card details"), this.all),
      this.list,
      this.postalRow,
    );
  }

  update(rows, { canReset, offerPostal }) {
    this.root.hidden = rows.length === 0;
    this.all.hidden = !(canReset && rows.some((row) => row.state !== "waiting"));
    this.postalRow.hidden = !offerPostal;
    const names = new Set(rows.map((row) => row.name));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      row.root.remove();
      this.rows.delete(name);
    }
    rows.forEach((model, place) => {
      if (!this.rows.has(model.name)) this.rows.set(model.name, this.#row(model));
      const row = this.rows.get(model.name);
      if (this.list.children[place] !== row.root) this.list.insertBefore(row.root, this.list.children[place] ?? null);
      this.#fill(row, model, canReset);
    });
  }

  #row(model) {
    const row = {
      mark: icon(STATE_ICONS.waiting),
      label: el("span", { class: "field-name" }),
      dots: el("span", { class: "dots", "aria-hidden": "true" }),
      masked: el("span", { class: "masked" }),
      brand: el("span", { class: "brand" }),
      status: el("span", { class: "field-status" }),
      reason: el("p", { class: "field-reason" }),
      again: el("button", { type: "button", class: "round", "data-reset": model.name, "aria-label": `Start ${model.label.toLowerCase()} again`, title: `Start ${model.label.toLowerCase()} again` }, icon("again")),
    };
    row.again.addEventListener("click", (event) => event.detail > 1 || this.onReset(model.name));
    row.brandText = el("span");
    row.brand.append(icon("card"), row.brandText);
    row.root = el(
      "li",
      { class: "field", "data-field": model.name },
      el("span", { class: "mark" }, row.mark),
      el("span", { class: "field-head" }, row.label, row.brand),
      el("span", { class: "entry" }, row.dots, row.masked),
      row.status,
      row.again,
      row.reason,
    );
    return row;
  }

  #fill(row, model, canReset) {
    attr(row.root, "data-state", model.state);
    attr(row.root, "aria-current", model.state === "active" ? "step" : null);
    setIcon(row.mark, STATE_ICONS[model.state] ?? "wait");
    text(row.label, model.label);
    row.brand.hidden = model.brand === null;
    text(row.brandText, model.brand);
    text(row.status, model.status);
    row.masked.hidden = model.masked === "";
    row.dots.hidden = model.masked !== "";
    text(row.masked, model.masked);
    row.reason.hidden = model.reason === "";
    text(row.reason, model.reason);
    row.again.hidden = !(canReset && (model.state !== "waiting" || model.count > 0));
    this.#dots(row.dots, model);
  }

  /** One dot for each key: full when pressed, hollow when needed, faint when only possible (min < max). */
  #dots(node, model) {
    const shape = model.groups.join("-");
    if (node.dataset.shape !== shape) {
      node.dataset.shape = shape;
      node.replaceChildren(...model.groups.map((size) => el("span", { class: "group" }, ...Array.from({ length: size }, () => el("i")))));
    }
    node.querySelectorAll("i").forEach((dot, place) => {
      attr(dot, "class", place < model.count ? "on" : place < model.min ? null : "maybe");
    });
  }
}
