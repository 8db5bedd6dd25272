// The page: it asks the server for its models, takes pictures, and draws what becomes of them.

import { offerCamera } from "./camera.js";
import { Compare } from "./compare.js";
import { find } from "./element.js";
import { offerIntake } from "./intake.js";
import { Rows, told } from "./rows.js";
import * as server from "./server.js";
import { Settings } from "./settings.js";
import { Work } from "./work.js";

let limits = null; // of the server; null until it has told its models

const compare = new Compare();
const settings = new Settings(server, draw);
const work = new Work(server.translate, { changed: draw, say, refused: askForToken });
const rows = new Rows({
  show: picture => work.show(picture),
  shrink: picture => work.shrink(picture, limits, settings.value.styles, settings.labels),
  remove: picture => work.remove(picture),
});

function say(line) {
  find("status").textContent = line;
}

function trouble(line) {
  find("trouble").hidden = !line;
  find("trouble").textContent = line;
}

function draw() {
  if (!limits) return;
  const now = settings.value, due = work.due(now, limits).length;
  rows.draw(work.pictures, work.shown, picture => picture.excess(limits, now.styles));
  if (work.shown) drawShown(work.shown, told(work.shown, work.shown.excess(limits, now.styles)));
  find("view").hidden = !work.shown;
  document.body.classList.toggle("filled", work.pictures.length > 0);
  const [go, cancel] = [find("go"), find("cancel")], focus = document.activeElement;
  go.textContent = due > 1 ? `Translate ${due} pictures` : "Translate";
  if (!now.wanted) find("missing").textContent = "";
  go.setAttribute("aria-disabled", String(!due || Boolean(now.wanted)));
  [go.hidden, cancel.hidden] = [work.running, !work.running];
  if (focus === go && go.hidden) cancel.focus();
  if (focus === cancel && cancel.hidden) go.focus();
}

let drawn = ""; // what the view shows, so that pictures are not loaded again for each tick

function drawShown(picture, state) {
  const { url, result, name } = picture, after = result?.shown ?? null;
  const width = picture.width || result?.width || 0, height = picture.height || result?.height || 0;
  if (drawn !== (drawn = `${url} ${after}`)) compare.show(url, after, width, height, name);
  find("compare").hidden = !url && !after;
  find("compare").classList.toggle("busy", picture.state === "working");
  const unseen = !url && !result ? "; this browser cannot show it" : result && !after ? "; this browser cannot show the translation" : "";
  find("name").textContent = name;
  find("state").textContent = state + unseen;
  find("download").hidden = !result;
  if (result) Object.assign(find("download"), { href: result.url, download: result.name, ariaLabel: `Download ${result.name}` });
}

function take(files, target) {
  if (!limits || !files.length) return;
  trouble("");
  if (settings.model.takes === "picture" && target?.closest("#styles")) settings.styles.take(files);
  else work.add(files);
}

async function go(event) {
  event.preventDefault();
  const now = settings.value;
  if (work.running) return;
  if (!work.pictures.length) return say("Add a picture first.");
  trouble("");
  find("missing").textContent = now.wanted;
  if (now.wanted) return;
  if (!work.due(now, limits).length) return say("There is nothing left to translate with these settings.");
  await work.run(now, limits);
}

function askForToken() {
  find("door-problem").textContent = server.hasToken() ? "The server does not know this token." : "";
  server.forgetToken();
  find("door").hidden = false;
  find("work").hidden = true;
  find("token").value = "";
  find("token").focus();
}

async function enter(event) {
  event.preventDefault();
  server.keepToken(find("token").value.trim());
  await start();
}

async function start() {
  try {
    const known = await server.models();
    limits = known.limits;
    find("where").textContent = `gan_style ${known.gan_style}. ${server.privacy}`;
    find("interface").hidden = !server.described();
    [find("door").hidden, find("work").hidden] = [true, false];
    await settings.offer(known.models);
    draw();
  } catch (problem) {
    if (problem.needsToken) askForToken();
    else trouble(problem.message);
  }
}

offerIntake(take);
offerCamera(take, trouble);
find("settings").addEventListener("submit", go);
find("door").addEventListener("submit", enter);
find("cancel").addEventListener("click", () => { work.cancel(); say("The translation is cancelled."); });
start();
