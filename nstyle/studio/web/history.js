// The paintings of this browser, newest first.

import * as api from "./api.js";

const WORDS = { queued: "waits", painting: "being painted", done: "", stopped: "stopped" };

export class History {
  constructor(root, actions) {
    this.root = root;
    this.list = root.querySelector("ul");
    this.actions = actions;
    this.cards = new Map(); // id -> element
  }

  async refresh() {
    const jobs = await api.jobs();
    this.active = jobs.some((job) => ["queued", "painting"].includes(job.state));
    const ids = new Set(jobs.map((job) => job.id));
    for (const [id, card] of this.cards) {
      if (!ids.has(id)) {
        card.remove();
        this.cards.delete(id);
      }
    }
    jobs.forEach((job, index) => this.place(job, index));
    this.root.querySelector(".none").hidden = jobs.length > 0;
    return jobs;
  }

  place(job, index) {
    let card = this.cards.get(job.id);
    if (!card) {
      this.cards.set(job.id, (card = this.made(job.id)));
    }
    if (this.list.children[index] !== card) this.list.insertBefore(card, this.list.children[index]);
    const name = `${job.photo} in the style of ${job.style}`;
    const state = WORDS[job.state] ?? job.state;
    card.dataset.state = job.state;
    card.querySelector(".open").setAttribute("aria-label", `${name}${state ? `, ${state}` : ""}`);
    card.querySelector(".delete").setAttribute("aria-label", `Delete ${name}`);
    card.querySelector(".caption").textContent = state || job.style;
    this.draw(card, job);
  }

  made(id) {
    const card = document.createElement("li");
    card.innerHTML =
      '<button type="button" class="open"><img alt=""><span class="caption"></span></button>' +
      '<button type="button" class="delete" title="Delete">×</button>';
    card.querySelector(".open").addEventListener("click", () => this.actions.open(id));
    card.querySelector(".delete").addEventListener("click", async () => {
      if (!confirm("Delete this painting for good?")) return;
      await this.actions.remove(id);
    });
    return card;
  }

  async draw(card, job) {
    const version = `${job.state} ${job.picture}`;
    if (card.dataset.version === version) return;
    card.dataset.version = version;
    const url = await (job.picture ? api.jobPicture(job.id) : api.jobPhoto(job.id)).catch(() => "");
    const image = card.querySelector("img");
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
    if (url) image.src = url;
  }
}
