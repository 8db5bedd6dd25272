// What the page asks of the server. Every failure is a `Refusal` with one line to show. The page that gan-style export writes has another
// file of this name with the same exports, whose translator runs in the browser.

import { Refusal } from "./refusal.js";

// What POST /translate can do.
export const abilities = { formats: ["png", "jpg", "webp", "tiff", "keep"], sizes: ["none", "train"], colours: true, stylePictures: 16 };

export const privacy = `Pictures go to ${location.host} alone, which keeps none.`;
export const described = () => !hasToken(); // a link to openapi.json sends no token

const TOKEN = "gan_style.token"; // in sessionStorage

export const keepToken = token => sessionStorage.setItem(TOKEN, token);
export const forgetToken = () => sessionStorage.removeItem(TOKEN);
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

const authorization = () => (hasToken() ? { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` } : {});
const unreachable = () => new Refusal("The server cannot be reached. Is it running?");

async function refusalOf(status, body) {
  try {
    return new Refusal(JSON.parse(await body.text()).error, status);
  } catch {
    return new Refusal(`The server answered with status ${status} and no reason.`, status);
  }
}

async function json(path) {
  const answer = await fetch(path, { headers: authorization() }).catch(() => { throw unreachable(); });
  if (!answer.ok) throw await refusalOf(answer.status, answer);
  return answer.json();
}

// The answer of GET /models: {gan_style, models, limits}.
export const models = () => json("models");

// The answer of GET /metadata for one model.
export const metadata = model => json(`metadata?${new URLSearchParams({ model })}`);

// Translate a picture; the result is a Blob. query: [name, value] pairs; styles: Blobs.
// sending(share) is called while the picture goes out, working() when the server has it. The signal gives up.
export function translate(picture, { query, styles }, { sending, working, signal }) {
  const body = styles.length ? new FormData() : picture;
  if (styles.length) body.append("image", picture, "picture");
  for (const style of styles) body.append("style", style, "style");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has been sent
    request.open("POST", `translate?${new URLSearchParams(query)}`);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    if (!styles.length) request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "blob";
    request.upload.addEventListener("progress", event => sending(event.loaded / event.total));
    request.upload.addEventListener("load", working);
    request.addEventListener("load", () => {
      if (request.status === 200) resolve(request.response);
      else refusalOf(request.status, request.response).then(reject);
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
