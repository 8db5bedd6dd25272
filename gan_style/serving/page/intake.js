// The ways of a picture into the page: chosen, dropped anywhere, pasted.

import { find } from "./element.js";

// take(files, target) gets them, and the element on which they were dropped.
export function offerIntake(take) {
  const choice = find("files");
  find("choose").addEventListener("click", () => choice.click());
  choice.addEventListener("change", () => { take([...choice.files]); choice.value = ""; });
  document.addEventListener("paste", event => {
    if (event.clipboardData.files.length) take([...event.clipboardData.files]);
  });
  document.addEventListener("dragover", event => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dragged");
  });
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dragged"); });
  document.addEventListener("drop", event => {
    document.body.classList.remove("dragged");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files], event.target);
  });
}
