// The Live tab: frames of the camera or of a film, painted one after another. One frame is on its way
// at a time; nothing is, while the page is hidden.

import * as api from "./api.js";

const PACE = 10; // frames per second that the size is chosen for
const EDGES = [208, 256, 320, 400, 480]; // px, long edge of a frame
const USUAL = 2; // of EDGES, to begin with
const LOOK = 12; // frames between two changes of the size
const LONGEST = 30; // s of a recording
const RATE = 30; // of a recording's frames

export class Live {
  // chosen: gives {style, strength}, or null while there is no style.
  constructor(root, chosen) {
    this.root = root;
    this.chosen = chosen;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find("canvas");
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.small = document.createElement("canvas");
    this.edge = USUAL;
    this.run = 0; // goes up with each start and end: what belongs to an older one stops
    this.frames = 0;
    this.find(".start").addEventListener("click", () => this.camera());
    this.find(".end").addEventListener("click", () => this.end());
    this.find(".snapshot").addEventListener("click", () => this.snapshot());
    this.find(".record").addEventListener("click", () => this.record());
    const input = this.find("input[type=file]");
    input.addEventListener("change", () => {
      if (input.files[0]) this.film(input.files[0]);
      input.value = "";
    });
  }

  async camera() {
    if (!this.ready()) return;
    try {
      const size = { width: { ideal: 640 }, height: { ideal: 480 } };
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: size });
      await this.begin();
    } catch {
      this.end();
      this.error("The camera cannot be used: there is none, or the browser does not allow it.");
    }
  }

  async film(file) {
    if (!this.ready()) return;
    this.url = URL.createObjectURL(file);
    Object.assign(this.video, { src: this.url, loop: true });
    try {
      await this.begin();
    } catch {
      this.end();
      this.error(`${file.name}: the browser cannot play this film.`);
    }
  }

  ready() {
    this.end();
    this.error(this.chosen() ? "" : "Choose a style first.");
    return Boolean(this.chosen());
  }

  async begin() {
    this.error("");
    await this.video.play();
    this.buttons(true);
    this.paint(++this.run);
  }

  end() {
    this.run += 1;
    if (this.recorder?.state === "recording") this.recorder.stop();
    for (const track of this.video.srcObject?.getTracks() || []) track.stop();
    this.video.pause();
    this.video.srcObject = null;
    this.video.removeAttribute("src");
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.line("");
    this.buttons(false);
  }

  buttons(running) {
    for (const name of ["end", "snapshot", "record"]) this.find(`.${name}`).hidden = !running;
    this.root.classList.toggle("running", running);
  }

  async paint(run) {
    const since = { frames: 0, time: performance.now() };
    while (run === this.run) {
      if (document.hidden) {
        await shown();
        Object.assign(since, { frames: 0, time: performance.now() });
      }
      try {
        await this.frame(run);
        this.error("");
      } catch (error) {
        if (run !== this.run) return;
        this.error(error.message);
        await new Promise((done) => setTimeout(done, 1000));
        continue;
      }
      since.frames += 1;
      if (since.frames >= LOOK) this.adapt(since);
    }
  }

  async frame(run) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const factor = EDGES[this.edge] / Math.max(width, height);
    this.small.width = Math.round((width * factor) / 8) * 8;
    this.small.height = Math.round((height * factor) / 8) * 8;
    this.small.getContext("2d").drawImage(this.video, 0, 0, this.small.width, this.small.height);
    const blob = await new Promise((done) => this.small.toBlob(done, "image/jpeg", 0.85));
    const { style, strength } = this.chosen();
    const painted = await createImageBitmap(await api.live(style, strength, blob));
    if (run === this.run) {
      if (this.canvas.width !== painted.width || this.canvas.height !== painted.height) {
        Object.assign(this.canvas, { width: painted.width, height: painted.height });
      }
      this.canvas.getContext("2d").drawImage(painted, 0, 0);
      this.frames += 1;
      this.root.dataset.frames = this.frames; // how many were painted, for those who watch
    }
    painted.close();
  }

  // A size that keeps the pace; while a recording runs it stays.
  adapt(since) {
    const rate = (1000 * since.frames) / (performance.now() - since.time);
    this.root.dataset.rate = rate.toFixed(1);
    this.line(`${rate.toFixed(0)} frames per second at ${this.small.width}×${this.small.height}`);
    Object.assign(since, { frames: 0, time: performance.now() });
    if (this.recorder?.state === "recording") return;
    if (rate < PACE && this.edge > 0) this.edge -= 1;
    // The next size has up to 1.7 times the pixels.
    if (rate > 2 * PACE && this.edge < EDGES.length - 1) this.edge += 1;
  }

  snapshot() {
    this.canvas.toBlob((blob) => save(blob, "snapshot.png"), "image/png");
  }

  record() {
    if (this.recorder?.state === "recording") return this.recorder.stop();
    const parts = [];
    this.recorder = new MediaRecorder(this.canvas.captureStream(RATE));
    this.recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    const timer = setTimeout(() => this.recorder.stop(), LONGEST * 1000);
    this.recorder.addEventListener("stop", () => {
      clearTimeout(timer);
      this.find(".record").textContent = "Record";
      const kind = this.recorder.mimeType.split(";")[0];
      save(new Blob(parts, { type: kind }), `live.${kind.split("/")[1] || "webm"}`);
    });
    this.recorder.start();
    this.find(".record").textContent = "End the recording";
  }

  line(text) {
    this.find(".line").textContent = text;
  }

  error(sentence) {
    this.find(".error").hidden = !sentence;
    this.find(".error").textContent = sentence;
  }
}

// Resolves once the page is seen again.
function shown() {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
  });
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
