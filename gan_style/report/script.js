"use strict";
// The page can be read without this script. It adds the slider over steps, the values at the pointer, and what is shown or hidden.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const { stops, steps, charts } = JSON.parse(document.getElementById("data").textContent);
const plots = all(".plot").map((element, place) => ({ ...charts[place], element, outputs: all("b", element.closest(".card")) }));
for (const plot of plots) plot.newest = plot.outputs.map(output => output.textContent);

const place = (plot, step) => Math.min(100, 100 * step / plot.end) + "%";

// The place of the entry of `sorted` that is nearest to `step`.
function nearest(sorted, step) {
  let low = 0, high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= step) low = middle; else high = middle;
  }
  return step - sorted[low] <= sorted[high] - step ? low : high;
}

// As charts.in_digits and charts.per_cent write it.
function written(value, percent) {
  if (value === null) return "not finite";
  if (percent) return +(100 * value).toPrecision(3) + " %";
  const size = Math.abs(value);
  return size >= 1e7 || (size && size < 1e-3) ? value.toExponential(3).replace(/\.?0*e\+?/, "e") : String(value);
}

// The value of a line near `step`; a dash before its first and behind its last point.
function valueAt(line, step, percent) {
  const own = steps[line.steps], found = nearest(own, step), last = own.length - 1;
  const gap = last ? (own[last] - own[0]) / last : 0;
  return step < own[0] - gap || step > own[last] + gap ? "–" : written(line.values[found], percent);
}

// A line over every chart at the pointer's step, and the values there in the legends.
function point(pointed, event) {
  const box = pointed.element.getBoundingClientRect();
  const under = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * pointed.end;
  const own = steps[pointed.lines[0].steps], step = own[nearest(own, under)];
  for (const plot of plots) {
    plot.mark ??= plot.element.appendChild(Object.assign(document.createElement("div"), { className: "at" }));
    plot.mark.hidden = step > plot.end;
    plot.mark.style.left = place(plot, step);
    plot.lines.forEach((line, number) => { plot.outputs[number].textContent = valueAt(line, step, plot.percent); });
  }
  pill.hidden = false;
  pill.textContent = "step " + step;
  pill.style.left = place(pointed, step);
  pill.style.transform = `translateX(-${place(pointed, step)})`; // stays inside the chart
  pointed.element.append(pill);
}

function leave() {
  pill.hidden = true;
  for (const plot of plots) {
    if (plot.mark) plot.mark.hidden = true;
    plot.outputs.forEach((output, number) => { output.textContent = plot.newest[number]; });
  }
}

const pill = Object.assign(document.createElement("div"), { className: "pill", hidden: true });
for (const plot of plots) {
  plot.element.addEventListener("pointermove", event => point(plot, event));
  plot.element.addEventListener("pointerdown", event => point(plot, event));
  plot.element.addEventListener("pointerleave", leave);
}

// Each strip shows its picture of the chosen step in large, or the newest one before it.
function choose(number) {
  const step = stops[number];
  slider.value = number;
  slider.setAttribute("aria-valuetext", "step " + step);
  document.getElementById("chosen").textContent = step;
  for (const strip of strips) {
    const shown = strip.frames.findLast(frame => frame.dataset.step <= step) ?? strip.frames[0];
    for (const frame of strip.frames) frame.classList.toggle("shown", frame === shown);
    strip.large.src = shown.firstChild.src;
    strip.large.alt = strip.large.alt.replace(/\d+$/, shown.dataset.step);
    strip.caption.textContent = shown.dataset.step;
    strip.film.scrollLeft = shown.offsetLeft - (strip.film.clientWidth - shown.offsetWidth) / 2;
  }
  for (const plot of plots) {
    plot.chosen ??= plot.element.appendChild(Object.assign(document.createElement("div"), { className: "chosen" }));
    plot.chosen.style.left = place(plot, step);
    plot.chosen.hidden = number === stops.length - 1;
  }
}

const slider = document.getElementById("slider");
const strips = all(".strip:has(.film)").map(strip => ({
  large: strip.querySelector(".large"), caption: strip.querySelector("figcaption span"), film: strip.querySelector(".film"), frames: all("li", strip),
}));
if (slider) {
  for (const frame of all(".film li")) frame.addEventListener("click", () => choose(stops.indexOf(Number(frame.dataset.step))));
  slider.addEventListener("input", () => choose(slider.valueAsNumber));
  choose(slider.valueAsNumber); // a reloaded page keeps its sliders
  slider.closest(".slider").hidden = false;
}

for (const box of all(".smoothing")) {
  box.closest("label").hidden = false;
  box.addEventListener("change", () => {
    document.documentElement.classList.toggle("rough", !box.checked);
    for (const other of all(".smoothing")) other.checked = box.checked;
  });
}
for (const box of all("input[data-run]")) {
  box.hidden = false;
  box.addEventListener("change", () => {
    for (const part of all(`.c${box.dataset.run}:not(.key)`)) part.classList.toggle("off", !box.checked);
  });
}
