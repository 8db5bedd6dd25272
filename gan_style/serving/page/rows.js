// The list of the chosen pictures: a row for each, with what can be done with it.

import { element, find } from "./element.js";
import { thumbnail } from "./picture.js";

const seconds = count => `${count < 10 ? count.toPrecision(2) : Math.round(count)} s`;

// How far a picture is, in words.
export function told(picture, excess) {
  switch (picture.state) {
    case "sending": return `Sending, ${Math.round(100 * picture.sent)} %`;
    case "working": return `Waiting for the translation, ${Math.floor((performance.now() - picture.since) / 1000)} s`;
    case "failed": return picture.problem;
    default: return excess || (picture.result ? `${picture.measure}; translated in ${seconds(picture.result.seconds)}` : picture.measure);
  }
}

class Row {
  constructor(picture, act) {
    this.picture = picture;
    const { name } = picture;
    this.show = element("button", { type: "button", className: "thumb", "aria-label": `Show ${name}` });
    this.state = element("span", { className: "state" });
    this.progress = element("progress", { max: 1, "aria-label": `Progress of ${name}` });
    this.shrink = element("button", { type: "button", "aria-label": `Shrink ${name} in the browser` }, "Shrink");
    this.download = element("a", { className: "button save", "aria-label": `Download the translation of ${name}` }, element("span", {}, "Download"));
    this.remove = element("button", { type: "button", className: "small", "aria-label": `Remove ${name}` }, "×");
    this.show.addEventListener("click", () => act.show(picture));
    this.shrink.addEventListener("click", () => act.shrink(picture));
    this.remove.addEventListener("click", () => act.remove(picture));
    const what = element("div", { className: "what" }, element("strong", { title: name }, name), this.state, this.shrink, this.progress);
    this.item = element("li", { className: "row" }, this.show, what, this.download, this.remove);
  }

  draw(shown, excess) {
    const { picture } = this, { state, result } = picture;
    if (this.drawn !== picture.image) this.show.replaceChildren(thumbnail(this.drawn = picture.image));
    const busy = state === "sending" || state === "working";
    this.show.setAttribute("aria-pressed", shown);
    this.state.textContent = told(picture, excess);
    this.state.classList.toggle("bad", state === "failed" || (!busy && Boolean(excess)));
    this.progress.hidden = !busy;
    if (state === "sending") this.progress.value = picture.sent;
    else this.progress.removeAttribute("value");
    this.shrink.hidden = busy || !excess || !picture.image;
    this.download.hidden = !result || busy;
    if (result) Object.assign(this.download, { href: result.url, download: result.name });
  }
}

export class Rows {
  // act: {show, shrink, remove}, each a function of a picture
  constructor(act) {
    this.act = { ...act, remove: picture => this.removed(picture, act.remove) };
    this.rows = new Map();
  }

  // excess(picture): a line on why the server would refuse it, or ""
  draw(pictures, shown, excess) {
    for (const picture of this.rows.keys()) if (!pictures.includes(picture)) this.rows.delete(picture);
    for (const picture of pictures) if (!this.rows.has(picture)) this.rows.set(picture, new Row(picture, this.act));
    const items = [...this.rows.values()].map(row => row.item), list = find("list");
    if (items.length !== list.children.length || items.some((item, place) => item !== list.children[place])) list.replaceChildren(...items);
    for (const [picture, row] of this.rows) row.draw(picture === shown, excess(picture));
  }

  // The focus goes on to the next row, or to the button that adds pictures.
  removed(picture, remove) {
    const rows = [...this.rows.values()], place = rows.findIndex(row => row.picture === picture);
    remove(picture);
    ((rows[place + 1] ?? rows[place - 1])?.remove ?? find("choose")).focus();
  }
}
