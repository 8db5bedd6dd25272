// Runs the exported network on one picture after the other: pixels in, an encoded picture out.

import * as ort from "../ort/ort.wasm.bundle.min.mjs";

const TYPES = { png: "image/png", jpg: "image/jpeg", webp: "image/webp" };

ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
ort.env.wasm.wasmPaths = { wasm: new URL("../ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };
let network = null; // loaded for the first picture

// The upright pixels of an encoded picture as an ImageData: RGBA, 8 bits.
async function pixelsOf(picture) {
  const bitmap = await createImageBitmap(picture);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

// ImageData -> a tensor uint8 [1, H, W, C]. Gray is the luma of Rec. 601, rounded as Pillow rounds it.
function tensorOf({ data, width, height }, channels) {
  const values = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    if (channels === 1) values[to++] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
    else for (let channel = 0; channel < 3; channel += 1) values[to++] = data[from + channel];
  }
  return new ort.Tensor("uint8", values, [1, height, width, channels]);
}

// The result [1, H, W, C] in the picture's ImageData, whose transparency stays.
function drawn({ data, dims }, picture) {
  const channels = dims[3];
  for (let pixel = 0; pixel < picture.width * picture.height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) picture.data[4 * pixel + channel] = data[channels * pixel + (channels === 1 ? 0 : channel)];
  }
  return picture;
}

// The shares of the names that the query asks for, as float32 [1, K].
function sharesOf(query, names) {
  const shares = new Float32Array(names.length);
  for (const [option, value] of query) {
    if (option === "to") shares[names.indexOf(value)] = 1;
    if (option !== "style") continue;
    const name = names.includes(value) ? value : value.slice(0, value.lastIndexOf(":"));
    shares[names.indexOf(name)] = name === value ? 1 : Number(value.slice(name.length + 1));
  }
  if (names.length === 1) shares[0] = 1;
  return new ort.Tensor("float32", shares, [1, names.length]);
}

async function translated({ picture, style, query, names, inputs, channels }) {
  const pixels = await pixelsOf(picture), options = Object.fromEntries(query);
  const strength = new ort.Tensor("float32", [Number(options.strength ?? 1)], [1, 1]);
  const given = { image: () => tensorOf(pixels, channels), label: () => sharesOf(query, names), styles: () => sharesOf(query, names), strength: () => strength };
  const feeds = {};
  for (const { name } of inputs) feeds[name] = name === "style" ? tensorOf(await pixelsOf(style), channels) : given[name]();
  network ??= await ort.InferenceSession.create(new URL("../network.onnx", import.meta.url).href);
  const { result } = await network.run(feeds);
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext("2d").putImageData(drawn(result, pixels), 0, 0);
  return canvas.convertToBlob({ type: TYPES[options.format], quality: 0.95 });
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ result: await translated(data) });
  } catch (problem) {
    const unreadable = problem.name === "InvalidStateError" || problem.name === "EncodingError";
    postMessage({ problem: unreadable ? "This browser cannot read the picture." : `The network cannot translate it: ${problem.message}` });
  }
});
