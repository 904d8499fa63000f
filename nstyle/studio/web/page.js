// Puts the parts together once Gradio has drawn the page.

import * as api from "./api.js";
import { Chooser, acceptPaste, offerCamera } from "./choosing.js";
import { History } from "./history.js";
import { Live } from "./live.js";
import { learn, order, paintingOrder, strengthOf } from "./orders.js";
import { Stage } from "./stage.js";

const PAINTING = 500, WAITING = 1500, GONE = 3000; // ms between two questions
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const chosen = {}; // control -> value
let photo, style, stage, history, live;
let followed = null; // the job that the stage shows
let opened = ""; // the photo of the newest job that was opened
let asking = false; // a preview is on its way
let stale = false; // and something was changed since
let shown = ""; // what the newest preview was asked for

function failed(sentence) {
  stage.error(sentence);
}

function controls(names, values) {
  names.forEach((name, index) => (chosen[name] = values[index]));
  changedControls();
}

let timer = 0;
function changedControls() {
  clearTimeout(timer);
  timer = setTimeout(() => !busy() && preview(), 200);
}

const busy = () => ["painting", "queued"].includes(stage?.job?.state);

// What a preview shows of an order; the rest is for the painting alone.
function visible({ photo, style, strength, preset, options }) {
  return JSON.stringify([photo, style, strength, preset, options.colors, options.style_scale]);
}

// One at a time; what is changed meanwhile is asked for afterwards.
async function preview(always = false) {
  if (!photo?.source || !style?.source) return;
  if (!always && shown === visible(order(photo.source, style.source, chosen))) return;
  followed = null;
  stale = true;
  if (asking) return;
  asking = true;
  stage.root.classList.add("busy");
  while (stale && !followed) {
    stale = false;
    await previewOnce();
  }
  stage.root.classList.remove("busy");
  asking = false;
}

async function previewOnce() {
  const wanted = order(photo.source, style.source, chosen);
  shown = visible(wanted);
  stage.error("");
  try {
    const url = await api.preview(wanted);
    if (!stale && !followed) await stage.showPreview(photo.url, url);
  } catch (error) {
    shown = "";
    failed(error.message);
  }
}

function changedSource(side) {
  stage.error("");
  if (side === "photo" && !style.source) stage.draw("photo", photo.url);
  preview(true);
}

async function paint() {
  if (!photo.source || !style.source) return failed("Choose a photo and a style first.");
  stage.error("");
  try {
    const url = photo.url;
    const job = await api.paint(paintingOrder(photo.source, style.source, chosen));
    followed = {};
    await stage.wait(url);
    follow(job.id);
    stage.root.scrollIntoView({ block: "nearest", behavior: "smooth" });
    await history.refresh();
  } catch (error) {
    failed(error.message);
  }
}

async function stop() {
  if (busy()) await api.stop(stage.job.id).catch((error) => failed(error.message));
}

async function resume(id) {
  try {
    await api.resume(id);
    stage.error("");
    follow(id);
  } catch (error) {
    failed(error.message);
  }
}

// Shows a job until it has ended, or until something else is shown.
async function follow(id) {
  const mine = (followed = {});
  let last = "";
  while (followed === mine) {
    let wait = GONE;
    try {
      const job = await api.job(id);
      if (followed !== mine) return;
      stage.error("");
      await stage.showJob(job, last === "");
      if (job.state !== last) history.refresh().catch(() => {});
      last = job.state;
      if (!["queued", "painting"].includes(job.state)) return;
      wait = job.state === "painting" ? PAINTING : WAITING;
    } catch (error) {
      if (followed !== mine) return;
      failed(error.message);
      if (error.status === 404) return;
    }
    await pause(wait);
  }
}

async function open(id) {
  stage.error("");
  try {
    followed = {};
    const url = await api.jobPhoto(id);
    await stage.wait(url);
    URL.revokeObjectURL(opened);
    opened = url;
    follow(id);
    stage.root.scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch (error) {
    failed(error.message);
  }
}

async function remove(id) {
  try {
    await api.remove(id);
    if (stage.job?.id === id) {
      followed = null;
      stage.job = null;
      stage.clear();
      preview(true);
    }
    await history.refresh();
  } catch (error) {
    failed(error.message);
  }
}

// Paintings that the stage does not show go on, too.
async function watch() {
  for (;;) {
    await pause(GONE);
    if (history.active) await history.refresh().catch(() => {});
  }
}

// Gradio draws the page after this script has run.
async function drawn(selector) {
  for (;;) {
    const found = document.querySelector(selector);
    if (found) return found;
    await pause(30);
  }
}

// What Gradio's groups of choices lack for a screen reader: their name.
function nameGroups() {
  for (const group of document.querySelectorAll("#controls-area fieldset")) {
    group.setAttribute("aria-label", group.querySelector("[data-testid=block-info]").textContent);
  }
}

function liveOrder() {
  const source = style.source;
  return source && { style: source.id, strength: strengthOf(source, chosen.strength) };
}

function turnTo(name) {
  if (name !== "live") live.end();
  document.body.dataset.tab = name;
  document.querySelector("#live").hidden = name !== "live";
  for (const tab of document.querySelectorAll("#tabs button")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
  }
}

async function begin() {
  await drawn("#history ul");
  stage = new Stage(await drawn("#stage"), { resume });
  history = new History(document.querySelector("#history"), { open, remove });
  photo = new Chooser(document.querySelector("#photo"), () => changedSource("photo"), failed);
  style = new Chooser(document.querySelector("#style"), () => changedSource("style"), failed);
  const early = window.studio.early;
  window.studio = { controls, paint, stop };
  if (early) controls(...early);
  nameGroups();
  acceptPaste(photo, style);
  offerCamera([photo, style], document.querySelector("#camera"));
  live = new Live(document.querySelector("#live"), liveOrder);
  for (const tab of document.querySelectorAll("#tabs button")) {
    tab.addEventListener("click", () => turnTo(tab.dataset.tab));
  }
  const [shelf, jobs] = await Promise.all([api.shelf(), history.refresh()]);
  learn(shelf.usual);
  for (const [chooser, sources] of [[photo, shelf.photos], [style, shelf.styles]]) {
    chooser.fill(sources, shelf.limits);
  }
  const active = jobs.find((job) => ["painting", "queued"].includes(job.state));
  if (active) open(active.id);
  document.body.dataset.ready = "yes";
  watch();
}

begin().catch((error) => failed(error.message));
