// The controls of a translation. What the model takes decides which are shown.

import { fill, find } from "./element.js";
import { Styles } from "./styles.js";

export class Settings {
  // server: the module of that name; change(): something was set
  constructor({ abilities, metadata }, change) {
    Object.assign(this, { abilities, metadata, change });
    this.styles = new Styles(change, abilities.stylePictures);
    for (const [id, values] of [["format", abilities.formats], ["resize", abilities.sizes]]) {
      for (const option of [...find(id).options]) if (!values.includes(option.value)) option.remove();
      find(`${id}-field`).hidden = values.length === 1;
    }
    find("model").addEventListener("change", () => this.choose());
    for (const id of ["to", "colour", "resize", "format"]) find(id).addEventListener("change", change);
    find("strength").addEventListener("input", () => this.strengthChanged());
  }

  offer(models) {
    this.models = models;
    fill(find("model"), models.map(({ name }) => [name, name]));
    find("model-field").classList.toggle("single", models.length === 1);
    return this.choose();
  }

  get model() {
    return this.models[find("model").selectedIndex];
  }

  get stylizes() {
    return ["mix", "picture"].includes(this.model.takes);
  }

  async choose() {
    const { name, takes, names, method, direction, step } = this.model;
    find("to-field").hidden = takes !== "label";
    fill(find("to"), takes === "label" ? names.map(each => [each, each]) : []);
    find("style-controls").hidden = !this.stylizes;
    find("colour-field").hidden = !this.abilities.colours;
    find("strength").value = 100;
    find("colour").value = "";
    this.labels = false;
    find("about").textContent = `${method}, ${direction}, step ${step}`;
    this.styles.use(takes, names);
    this.strengthChanged();
    const about = await this.metadata(name).catch(() => null); // the page does without
    if (!about || name !== this.model.name) return;
    const { bundle } = about;
    this.labels = ["yes", "nearest"].includes(bundle.labels);
    find("about").textContent += `, trained at ${bundle.resize.crop_size} pixels`;
  }

  strengthChanged() {
    find("strength-shown").textContent = `${find("strength").value} %`;
    find("strength").setAttribute("aria-valuetext", `${find("strength").value} %`);
    this.change();
  }

  // What a translation needs, as it is set now. key: equal for equal settings; wanted: a line on what is missing, or ""
  get value() {
    const query = [["model", this.model.name], ["format", find("format").value], ["resize", find("resize").value]];
    if (this.model.takes === "label") query.push(["to", find("to").value]);
    if (this.stylizes) {
      query.push(...this.styles.query);
      if (find("strength").value !== "100") query.push(["strength", String(find("strength").value / 100)]);
      if (find("colour").value) query.push(["preserve_color", find("colour").value]);
    }
    const styles = this.stylizes ? this.styles.pictures : [];
    const key = JSON.stringify([query, this.styles.chosen.map(({ picture }) => picture?.url ?? picture?.name)]);
    return { query, styles, key, wanted: this.styles.wanted };
  }
}
