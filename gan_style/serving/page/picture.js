// One chosen picture: its file, its size in pixels, its limits, its translation.

const FORM = 1024; // bytes of a multipart form, beside each of its files
const SUFFIXES = {
  "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/tiff": ".tiff", "image/bmp": ".bmp",
  "image/x-portable-pixmap": ".ppm", "image/x-portable-graymap": ".pgm",
};

// The decoded image of a Blob; null if the browser cannot read it (TIFF, 16-bit PNM, a damaged file).
async function decoded(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image, () => null);
}

export class Picture {
  // state: ready, sending, working, done or failed; problem: the line to show of a failure; sent: the share that has gone out
  constructor(file) {
    Object.assign(this, { name: file.name || "picture", blob: file, state: "ready", problem: "", sent: 0, url: null, result: null });
  }

  async read() {
    const url = URL.createObjectURL(this.blob), image = await decoded(url);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = image && url;
    this.image = image;
    [this.width, this.height] = image ? [image.naturalWidth, image.naturalHeight] : [0, 0];
    if (!image) URL.revokeObjectURL(url);
    return this;
  }

  // A line on why the server would refuse the picture with these styles; "" if it would not. Pixels are unknown if the browser cannot read it.
  excess(limits, styles) {
    const pixels = this.width * this.height, bytes = this.blob.size;
    if (pixels > limits.pixels) return tooMany(pixels, "pixels", limits.pixels);
    if (bytes > room(limits, styles)) return tooMany(bytes, "bytes", Math.max(0, room(limits, styles)));
    return "";
  }

  // Replace the file by a smaller copy within the limits. exact: keep colours unmixed, as those of label maps.
  async shrink(limits, styles, exact) {
    const type = this.blob.type === "image/jpeg" && !exact ? "image/jpeg" : "image/png";
    let scale = Math.min(1, Math.sqrt(limits.pixels / (this.width * this.height)));
    for (;;) {
      const [width, height] = [this.width, this.height].map(side => Math.max(1, Math.floor(side * scale)));
      const copy = await scaled(this.image, width, height, type, exact);
      if (copy.size <= room(limits, styles) || width * height === 1) {
        this.blob = new File([copy], this.name, { type });
        return this.read();
      }
      scale *= 0.8;
    }
  }

  // Keep a translation. key: of the settings that made it
  async finish(blob, key, seconds) {
    this.forgetResult();
    const url = URL.createObjectURL(blob), image = await decoded(url);
    const name = this.name.replace(/\.[^.]*$/, "") + (SUFFIXES[blob.type] ?? ".png");
    this.result = { url, name, key, seconds, shown: image && url, width: image?.naturalWidth, height: image?.naturalHeight };
    this.state = "done";
  }

  forgetResult() {
    if (this.result) URL.revokeObjectURL(this.result.url);
    this.result = null;
  }

  forget() {
    this.forgetResult();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  // The size in words.
  get measure() {
    return (this.image ? `${this.width} × ${this.height}, ` : "") + size(this.blob.size);
  }
}

// The bytes that are left for a picture beside its styles. Without styles it is the whole body.
function room(limits, styles) {
  return limits.body_bytes - (styles.length && FORM) - styles.reduce((sum, style) => sum + style.size + FORM, 0);
}

const whole = new Intl.NumberFormat("en");

const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const tooMany = (count, what, most) => `${whole.format(count)} ${what} are more than the ${whole.format(most)} allowed.`;
const size = bytes => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${digits.format(bytes / 1e6)} MB`);

async function scaled(image, width, height, type, exact) {
  const canvas = document.createElement("canvas"), context = Object.assign(canvas, { width, height }).getContext("2d");
  Object.assign(context, { imageSmoothingEnabled: !exact, imageSmoothingQuality: "high" });
  context.drawImage(image, 0, 0, width, height);
  return new Promise(resolve => canvas.toBlob(resolve, type, 0.95));
}

// A small square of the middle of a decoded image, as a canvas.
export function thumbnail(image, side = 96) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  if (!image) return canvas;
  const cut = Math.min(image.naturalWidth, image.naturalHeight);
  const [left, top] = [(image.naturalWidth - cut) / 2, (image.naturalHeight - cut) / 2];
  canvas.getContext("2d").drawImage(image, left, top, cut, cut, 0, 0, side, side);
  return canvas;
}
