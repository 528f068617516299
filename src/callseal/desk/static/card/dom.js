// Elements without markup: every string from the server becomes a text node or an attribute value, never HTML.
// Nothing in this folder parses a string as HTML (tests/integration/card/test_security.py looks).

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `props`: attribute name -> value; true = empty attribute, null/false = absent. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) attr(node, name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Set or remove one attribute; touches the DOM only when something changes. */
export function attr(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Set text; an unchanged text node is left alone, so that screen readers stay quiet. */
export function text(node, value) {
  const wanted = value ?? "";
  if (node.textContent !== wanted) node.textContent = wanted;
}

export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// 24 x 24, one stroke. Drawn for this card.
const PATHS = {
  lock: ["M7.5 11V7.8a4.5 4.5 0 0 1 9 0V11", "M6.5 11h11a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-11a2 2 0 0 1-2-2v-6a2 2 0 0 1 2-2z", "M12 15v2.4"],
  unlocked: ["M7.5 11V7.3a4.5 4.5 0 0 1 8.6-1.8", "M6.5 11h11a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2h-11a2 2 0 0 1-2-2v-6a2 2 0 0 1 2-2z"],
  shield: ["M12 3l7.5 2.8v5.4c0 4.6-3.1 8.2-7.5 9.8-4.4-1.6-7.5-5.2-7.5-9.8V5.8z"],
  check: ["M5 12.6l4.6 4.6L19 7.4"],
  cross: ["M6.8 6.8l10.4 10.4", "M17.2 6.8L6.8 17.2"],
  alert: ["M12 4.4L3 19.6h18z", "M12 10.2v4.2", "M12 16.9v.1"],
  info: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "M12 11v5.2", "M12 7.9v.1"],
  question: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "M9.6 9.6a2.5 2.5 0 1 1 3.5 2.3c-.8.4-1.1.9-1.1 1.7", "M12 16.6v.1"],
  phone: ["M6.2 3.8h3l1.6 4.4-2 1.6a12 12 0 0 0 5.4 5.4l1.6-2 4.4 1.6v3c0 1-.8 1.8-1.8 1.7C11 19 5 13 4.5 5.6c-.1-1 .7-1.8 1.7-1.8z"],
  ended: ["M3.5 14.6c4.9-4.5 12.1-4.5 17 0l-2.3 2.6-3.4-1.4v-2.6c-1.8-.6-3.8-.6-5.6 0v2.6l-3.4 1.4z"],
  again: ["M5 4.6v4.6h4.6", "M5.3 9A7.5 7.5 0 1 1 4.5 12.6"],
  back: ["M9.4 5.6L4 11l5.4 5.4", "M4.4 11H14a6 6 0 0 1 6 6v1.6"],
  card: ["M5 5.5h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2z", "M3 10h18", "M6.6 14.6h4"],
  lost: ["M10.2 13.8l-3.4 3.4a3 3 0 0 1-4.2-4.2L6 9.6", "M13.8 10.2l3.4-3.4a3 3 0 0 1 4.2 4.2L18 14.4", "M9 3.8v2.4", "M3.8 9h2.4", "M15 20.2v-2.4", "M20.2 15h-2.4"],
  spinner: ["M12 3.5a8.5 8.5 0 1 1-8.5 8.5"],
  wait: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z", "M12 7.5V12l3 2"],
};

/** One icon; always decoration (aria-hidden), the text beside it says the same. */
export function icon(name) {
  const node = svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" });
  setIcon(node, name);
  return node;
}

export function setIcon(node, name) {
  if (node.dataset.icon === name) return;
  node.dataset.icon = name;
  node.replaceChildren(...PATHS[name].map((d) => svg("path", { d })));
}
