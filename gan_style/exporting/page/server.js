// In place of the server: the network runs in this browser, in a worker.

import { Refusal } from "./refusal.js";

// What the exported network can do.
export const abilities = { formats: ["png", "jpg", "webp"], sizes: ["none"], colours: false, stylePictures: 1 };

export const privacy = "Pictures stay in this browser.";
export const described = () => false;
export const hasToken = () => false;
export const keepToken = () => {};
export const forgetToken = () => {};

const unreachable = () => new Refusal("network.json cannot be read. Serve this folder over HTTP: python -m http.server");
const about = fetch("network.json").then(answer => answer.json());

export const models = () => about.catch(() => { throw unreachable(); });
export const metadata = () => about.then(({ bundle }) => ({ bundle }));

let worker = null; // with the network loaded

// Translate a picture; the result is a Blob. As the server's: query, styles, and what is called on the way.
export async function translate(picture, { query, styles }, { working, signal }) {
  const { inputs, bundle, models: [{ names }] } = await about;
  worker ??= new Worker("page/worker.js", { type: "module" });
  working();
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.problem ? reject(new Refusal(data.problem)) : resolve(data.result));
    const end = reason => { worker?.terminate(); worker = null; reject(reason); };
    worker.onerror = () => end(new Refusal("The network cannot be loaded: this browser lacks WebAssembly or memory, or files are missing."));
    signal.addEventListener("abort", () => end(signal.reason));
    worker.postMessage({ picture, style: styles[0], query, names, inputs, channels: bundle.in_channels });
  });
}
