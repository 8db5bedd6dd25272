// The chosen pictures and their translation, one after the other.

import { Picture } from "./picture.js";

export class Work {
  // translate(picture, settings, hooks): from the server; changed(): something is to be drawn; say(line): to everyone, screen readers too
  constructor(translate, { changed, say, refused }) {
    Object.assign(this, { translate, changed, say, refused, pictures: [], shown: null, running: false, control: null });
  }

  async add(files) {
    for (const file of files) {
      const picture = await new Picture(file).read();
      this.pictures.push(picture);
      this.shown ??= picture;
    }
    this.say(files.length === 1 ? `${files[0].name} is added.` : `${files.length} pictures are added.`);
    this.changed();
  }

  remove(picture) {
    if (["sending", "working"].includes(picture.state)) this.control.abort(); // the others go on
    const place = this.pictures.indexOf(picture);
    this.pictures.splice(place, 1);
    if (this.shown === picture) this.shown = this.pictures[Math.min(place, this.pictures.length - 1)] ?? null;
    picture.forget();
    this.say(`${picture.name} is removed.`);
    this.changed();
  }

  show(picture) {
    this.shown = picture;
    this.changed();
  }

  // The pictures that these settings have not translated and the server would take.
  due(settings, limits) {
    return this.pictures.filter(picture => picture.result?.key !== settings.key && !picture.excess(limits, settings.styles));
  }

  // Translate what is due, and what is added meanwhile.
  async run(settings, limits) {
    this.running = true;
    const tried = new Set(), next = () => this.due(settings, limits).find(picture => !tried.has(picture));
    for (let picture = next(); picture && this.running; picture = next()) {
      tried.add(picture);
      this.control = new AbortController();
      await this.one(picture, settings, this.control.signal);
    }
    this.running = false;
    this.changed();
  }

  async one(picture, settings, signal) {
    const begun = performance.now(), before = picture.result ? "done" : "ready";
    Object.assign(picture, { state: "sending", sent: 0, problem: "" });
    this.shown = picture;
    this.changed();
    const sending = share => { picture.sent = share; this.changed(); };
    const working = () => { Object.assign(picture, { state: "working", since: performance.now() }); this.changed(); };
    const ticking = setInterval(this.changed, 1000); // the seconds of `working`
    try {
      const result = await this.translate(picture.blob, settings, { sending, working, signal });
      await picture.finish(result, settings.key, (performance.now() - begun) / 1000);
      this.say(`${picture.name} is translated.`);
    } catch (problem) {
      if (signal.aborted) {
        picture.state = before;
        return;
      }
      Object.assign(picture, { state: "failed", problem: problem.message });
      this.say(`${picture.name}: ${problem.message}`);
      if (problem.needsToken) {
        picture.state = before;
        this.cancel();
        this.refused();
      }
    } finally {
      clearInterval(ticking);
    }
  }

  cancel() {
    this.running = false;
    this.control?.abort();
  }

  async shrink(picture, limits, styles, exact) {
    await picture.shrink(limits, styles, exact);
    Object.assign(picture, { state: "ready", problem: "" });
    picture.forgetResult();
    this.say(`${picture.name} is shrunk to ${picture.measure}.`);
    this.changed();
  }
}
