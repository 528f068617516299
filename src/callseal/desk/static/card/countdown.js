// The deadline as a ring that empties and a number of seconds. The server sets the time; the ring only shows it.

import { attr, el, svg, text } from "./dom.js";
import { clock } from "./model.js";

export class Countdown {
  constructor() {
    this.arc = svg("circle", { cx: 20, cy: 20, r: 17, pathLength: 100, class: "arc", "stroke-dasharray": "100 100" });
    this.number = el("span", { class: "seconds" });
    this.root = el(
      "div",
      { class: "ring", role: "timer", "aria-live": "off", hidden: true },
      svg("svg", { viewBox: "0 0 40 40", "aria-hidden": "true", focusable: "false" }, svg("circle", { cx: 20, cy: 20, r: 17, class: "track" }), this.arc),
      this.number,
    );
    this.deadline = null;
    this.whole = 1;
  }

  set(deadline, now) {
    if (deadline === this.deadline) return;
    this.deadline = deadline;
    this.whole = Math.max(1, (deadline ?? now) - now);
  }

  /** Milliseconds left, or null without a deadline. */
  tick(now) {
    this.root.hidden = this.deadline === null;
    if (this.deadline === null) return null;
    const left = Math.max(0, this.deadline - now);
    const seconds = Math.ceil(left / 1000);
    text(this.number, seconds < 60 ? String(seconds) : clock(seconds * 1000));
    attr(this.root, "aria-label", `${seconds} seconds left`);
    this.arc.setAttribute("stroke-dashoffset", String(100 - Math.min(100, (100 * left) / this.whole)));
    attr(this.root, "data-late", left === 0);
    return left;
  }
}
