// The styles of a translation with their shares: names that the model knows, or pictures.

import { element, fill, find } from "./element.js";
import { Picture, thumbnail } from "./picture.js";
import { equal, moved, without } from "./shares.js";

const MOST_NAMES = 16; // as the server

export class Styles {
  // change(): something was set; mostPictures: that are mixed
  constructor(change, mostPictures) {
    Object.assign(this, { change, mostPictures });
    this.chosen = []; // {name, picture}; picture is undefined for a name
    this.shares = [];
    find("add-style").addEventListener("click", () => this.add({ name: find("style-name").value }));
    const files = find("style-files");
    find("choose-style").addEventListener("click", () => files.click());
    files.addEventListener("change", () => { this.take([...files.files]); files.value = ""; });
  }

  // Files of style pictures.
  async take(files) {
    for (const file of files) this.add({ name: file.name, picture: await new Picture(file).read() });
  }

  // Begin anew for a model. takes: "mix", "picture" or what has no styles; names: of the styles that the model knows
  use(takes, names) {
    Object.assign(this, { takes, names, chosen: [], shares: [] });
    find("styles").hidden = !(takes === "picture" || (takes === "mix" && names.length > 1));
    if (takes === "mix" && names.length > 1) this.add({ name: names[0] });
    else this.draw();
  }

  // What is still wanted, as a line; "" if nothing is.
  get wanted() {
    return this.takes === "picture" && !this.chosen.length ? "Add a style picture first." : "";
  }

  get pictures() {
    return this.chosen.flatMap(({ picture }) => (picture ? [picture.blob] : []));
  }

  // Pairs of the query. One style has no share.
  get query() {
    const shares = this.shares.map(share => String(share / 100));
    if (this.takes === "picture") return shares.length > 1 ? shares.map(share => ["share", share]) : [];
    return this.chosen.map(({ name }, place) => ["style", shares.length > 1 ? `${name}:${shares[place]}` : name]);
  }

  get full() {
    return this.chosen.length === (this.takes === "picture" ? this.mostPictures : MOST_NAMES);
  }

  add(style) {
    if (this.full) return;
    this.chosen.push(style);
    this.shares = equal(this.chosen.length);
    this.draw();
  }

  remove(place) {
    this.chosen.splice(place, 1);
    this.shares = without(this.shares, place);
    this.draw();
    (this.rows[Math.min(place, this.rows.length - 1)]?.remove ?? find("choose-style")).focus();
  }

  draw() {
    this.mover = null;
    const rows = this.chosen.map((style, place) => this.row(style, place));
    this.rows = rows;
    find("style-list").replaceChildren(...rows.map(({ item }) => item));
    const left = (this.names ?? []).filter(name => !this.chosen.some(style => style.name === name));
    fill(find("style-name"), left.map(name => [name, name]));
    find("style-names").hidden = this.takes !== "mix" || !left.length || this.full;
    find("style-pictures").hidden = this.takes !== "picture" || this.full;
    this.tell();
  }

  row({ name, picture }, place) {
    const share = element("input", { type: "range", min: 0, max: 100, "aria-label": `Share of ${name}` });
    const shown = element("output");
    const remove = element("button", { type: "button", className: "small", "aria-label": `Remove the style ${name}` }, "×");
    share.addEventListener("input", () => {
      if (this.mover !== place) Object.assign(this, { mover: place, before: this.shares }); // many small moves of one share round once
      this.shares = moved(this.before, place, share.valueAsNumber);
      this.tell();
    });
    remove.addEventListener("click", () => this.remove(place));
    share.hidden = shown.hidden = this.chosen.length === 1;
    remove.hidden = this.takes === "mix" && this.chosen.length === 1;
    const face = picture ? [thumbnail(picture.image, 48)] : [];
    const item = element("li", { className: "style" }, ...face, element("span", { className: "name" }, name), shown, remove, share);
    return { item, share, shown, remove };
  }

  tell() {
    this.rows.forEach(({ share, shown }, place) => {
      share.value = this.shares[place];
      share.setAttribute("aria-valuetext", `${this.shares[place]} %`);
      shown.textContent = `${this.shares[place]} %`;
    });
    this.change();
  }
}
