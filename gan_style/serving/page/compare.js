// The divider between the picture before and after. It is moved by pointer, touch and keyboard.

import { find } from "./element.js";

const STEP = 2, LEAP = 10; // per cent of the width, for arrow and page keys

export class Compare {
  constructor() {
    this.box = find("compare");
    this.divider = find("divider");
    this.before = find("before");
    this.after = find("after");
    this.box.addEventListener("pointerdown", event => this.grab(event));
    this.box.addEventListener("pointermove", event => { if (this.box.hasPointerCapture(event.pointerId)) this.follow(event); });
    this.divider.addEventListener("keydown", event => this.key(event));
    this.move(50);
  }

  // Show two pictures; either may be null, and then the other is shown alone.
  show(before, after, width, height, name) {
    for (const [image, url, what] of [[this.before, before, "before"], [this.after, after, "after"]]) {
      image.hidden = !url;
      if (url) image.src = url; else image.removeAttribute("src");
      image.alt = `${name}, ${what} translation`;
    }
    const both = Boolean(before && after);
    this.box.classList.toggle("both", both);
    this.divider.hidden = !both;
    this.box.style.setProperty("--width", width);
    this.box.style.setProperty("--ratio", width / height);
  }

  // The share of the width, from 0 to 100, that shows the picture before translation.
  move(share) {
    this.share = Math.min(100, Math.max(0, share));
    const shown = Math.round(this.share);
    this.box.style.setProperty("--at", `${this.share}%`);
    this.divider.setAttribute("aria-valuenow", shown);
    this.divider.setAttribute("aria-valuetext", `${shown} % before, ${100 - shown} % after`);
  }

  grab(event) {
    if (this.divider.hidden || event.button) return;
    event.preventDefault(); // no selection, no drag of the image
    this.box.setPointerCapture(event.pointerId);
    this.divider.focus({ preventScroll: true });
    this.follow(event);
  }

  follow(event) {
    const { left, width } = this.box.getBoundingClientRect();
    this.move(100 * (event.clientX - left) / width);
  }

  key(event) {
    const to = {
      ArrowLeft: this.share - STEP, ArrowDown: this.share - STEP, ArrowRight: this.share + STEP, ArrowUp: this.share + STEP,
      PageDown: this.share - LEAP, PageUp: this.share + LEAP, Home: 0, End: 100,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.move(to);
  }
}
