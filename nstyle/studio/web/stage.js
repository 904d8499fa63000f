// The large picture: photo and painting behind a slider, what is going on, what one can do with it.

import * as api from "./api.js";

const STATES = {
  queued: "waiting",
  painting: "painting",
  done: "finished",
  stopped: "stopped",
  interrupted: "interrupted",
  failed: "failed",
};

function minutes(seconds) {
  if (seconds == null) return "";
  if (seconds >= 120) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${Math.max(1, Math.round(seconds))} s left`;
}

export class Stage {
  constructor(root, actions) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.compare = this.find(".compare");
    this.range = this.find("input");
    this.range.addEventListener("input", () => this.slide());
    this.find(".download").addEventListener("click", () => this.download());
    this.find(".copy").addEventListener("click", () => this.copy());
    this.find(".resume").addEventListener("click", () => actions.resume(this.job.id));
    this.job = null;
    this.shown = 0;
    this.slide();
  }

  slide() {
    this.compare.style.setProperty("--at", this.range.value);
    this.range.setAttribute("aria-valuetext", `${this.range.value} % photo`);
  }

  say(sentence) {
    this.find(".said").textContent = sentence;
  }

  error(sentence) {
    const line = this.find(".error");
    line.hidden = !sentence;
    line.textContent = sentence || "";
  }

  // Nothing chosen, nothing shown.
  clear() {
    this.show("empty", "");
    this.line("");
    this.compare.hidden = true;
    this.find(".empty").hidden = false;
  }

  async draw(side, url) {
    const image = this.find(`.${side} img`);
    const old = image.src;
    const kept = old === this.find(".photo img").src; // what stands for a painting to come
    const next = new Image();
    next.src = url;
    await next.decode().catch(() => {}); // so that nothing flickers
    image.src = url;
    if (side === "result" && !kept && old.startsWith("blob:")) URL.revokeObjectURL(old);
    if (next.naturalWidth && side === "result") {
      this.compare.style.setProperty("--ratio", next.naturalWidth / next.naturalHeight);
    }
    this.compare.hidden = false;
    this.find(".empty").hidden = true;
  }

  // For a painting to come: its photo, and until there is more, no painting of another photo.
  async wait(photoUrl) {
    this.number = "";
    if (this.find(".photo img").src === new URL(photoUrl, location.href).href) return;
    await this.draw("photo", photoUrl);
    await this.draw("result", photoUrl);
  }

  async showPreview(photoUrl, url) {
    this.job = null;
    this.show("preview", "preview");
    await Promise.all([photoUrl && this.draw("photo", photoUrl), this.draw("result", url)]);
    this.line("A preview, painted in one pass. Paint refines it.");
    this.say("The preview is there.");
  }

  show(state, label) {
    this.root.dataset.state = state;
    document.body.dataset.studio = state;
    this.find(".result span").textContent = label;
    const told = this.job || {};
    this.find(".download").hidden = !told.result;
    this.find(".copy").hidden = !told.command;
    this.find(".resume").hidden = !told.resumable;
    this.find("progress").hidden = state !== "painting" && state !== "queued";
  }

  line(text) {
    this.find(".line").textContent = text;
  }

  // A job as the server tells of it, and its picture where there is a new one.
  async showJob(job, fresh) {
    const before = fresh ? "" : this.job?.state;
    this.job = job;
    this.show(job.state, job.state === "painting" ? "painting" : "painted");
    this.line(this.about(job));
    if (before !== job.state) this.say(`${job.photo} in the style of ${job.style}: ${STATES[job.state]}`);
    this.bar(job);
    const number = `${job.id} ${job.state} ${job.progress?.pictures ?? ""}`;
    if (job.picture && this.number !== number) {
      this.number = number;
      const url = await api.jobPicture(job.id);
      if (this.job?.id !== job.id) return URL.revokeObjectURL(url);
      await this.draw("result", url);
      this.shown += 1;
      this.root.dataset.pictures = this.shown; // how many have come, for those who watch
    }
  }

  about(job) {
    const now = job.progress;
    if (job.state === "queued") {
      return job.place > 1 ? `Waiting: number ${job.place} in the queue.` : "Waiting: next in the queue.";
    }
    if (job.state === "painting") {
      if (!now) return "Painting: getting ready.";
      const eps = now.eps == null ? "" : `eps ${now.eps.toFixed(4)}`;
      return ["Painting", `epoch ${now.epoch}`, eps, `${now.size.join("×")} px`, minutes(now.left)]
        .filter(Boolean)
        .join(" · ");
    }
    const took = job.seconds ? ` after ${Math.round(job.seconds)} s` : "";
    const state = STATES[job.state];
    const ignored = job.ignored.length ? ` · without effect here: ${job.ignored.join(", ")}` : "";
    const note = job.note ? `: ${job.note}` : "";
    return `${state[0].toUpperCase()}${state.slice(1)}${took}${note}${ignored}`;
  }

  bar(job) {
    const bar = this.find("progress");
    const now = job.progress;
    if (job.state === "painting" && now?.left != null) {
      bar.value = now.seconds / (now.seconds + now.left);
    } else {
      bar.removeAttribute("value");
    }
  }

  async download() {
    const url = await api.jobResult(this.job.id).catch((error) => this.error(error.message));
    if (!url) return;
    const stem = (name) => name.replace(/\.[^.]*$/, "");
    const link = document.createElement("a");
    link.href = url;
    link.download = `${stem(this.job.photo)} in ${stem(this.job.style)}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  async copy() {
    const text = this.job.command;
    try {
      await navigator.clipboard.writeText(text);
      this.line(`Copied: ${text}`);
    } catch {
      this.line(text); // where the browser does not let a page copy, it can be selected
    }
    this.say("The command is copied.");
  }
}
