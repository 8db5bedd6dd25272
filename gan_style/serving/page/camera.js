// A picture from the camera: the phone's own camera where there is one, else a viewfinder where the browser allows it.

import { find } from "./element.js";

let taken = 0;

// take(files) gets the picture; fail(line) what went wrong.
export function offerCamera(take, fail) {
  const button = find("camera"), capture = find("capture");
  const phone = matchMedia("(pointer: coarse)").matches;
  const viewfinder = Boolean(navigator.mediaDevices?.getUserMedia); // not on pages from other machines without https
  button.hidden = !phone && !viewfinder;
  button.addEventListener("click", () => (phone ? capture.click() : open(fail)));
  capture.addEventListener("change", () => { take([...capture.files]); capture.value = ""; });
  find("shoot").addEventListener("click", async () => { take([await shot()]); find("viewfinder").close(); });
  find("close").addEventListener("click", () => find("viewfinder").close());
  find("viewfinder").addEventListener("close", stop);
}

async function open(fail) {
  try {
    const wanted = { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1080 } };
    find("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (problem) {
    const reasons = { NotAllowedError: "the browser does not permit it", NotFoundError: "there is none" };
    fail(`The camera cannot be used: ${reasons[problem.name] ?? problem.name}.`);
    return;
  }
  find("viewfinder").showModal();
  await find("video").play();
}

async function shot() {
  const video = find("video"), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise(resolve => canvas.toBlob(resolve, "image/jpeg", 0.95));
  return new File([blob], `camera-${++taken}.jpg`, { type: "image/jpeg" });
}

function stop() {
  for (const track of find("video").srcObject?.getTracks() ?? []) track.stop();
  find("video").srcObject = null;
}
