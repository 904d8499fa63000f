// Photo and style: chosen from the shelf or a file, dropped, pasted, or taken with the camera.

import * as api from "./api.js";

export class Chooser {
  constructor(root, changed, failed) {
    this.root = root;
    this.changed = changed;
    this.failed = failed;
    this.source = null;
    this.image = root.querySelector(".drop img");
    const input = root.querySelector("input[type=file]");
    input.addEventListener("change", () => {
      if (input.files[0]) this.upload(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    });
    this.acceptDrops(root.querySelector(".drop"));
  }

  acceptDrops(area) {
    const over = (event) => {
      event.preventDefault();
      area.classList.toggle("over", event.type === "dragover");
    };
    area.addEventListener("dragover", over);
    area.addEventListener("dragleave", over);
    area.addEventListener("drop", (event) => {
      over(event);
      const file = event.dataTransfer.files[0];
      if (file) this.upload(file);
    });
  }

  fill(sources, limits) {
    this.limits = limits;
    this.root.querySelector(".hint").append(`, up to ${limits.upload_megabytes} MB`);
    const shelf = this.root.querySelector(".shelf");
    shelf.replaceChildren(...sources.map((source) => this.shelved(source)));
  }

  shelved(source) {
    const button = document.createElement("button");
    const image = document.createElement("img");
    const url = `/api/shelf/${encodeURIComponent(source.id)}`;
    Object.assign(image, { src: url, alt: "", loading: "lazy" });
    Object.assign(button, { type: "button", title: source.name });
    button.setAttribute("aria-label", [kind(source), source.name].filter(Boolean).join(": "));
    button.dataset.id = source.id;
    button.append(image);
    button.addEventListener("click", () => this.choose(source, url));
    return button;
  }

  async upload(file) {
    const limit = this.limits?.upload_megabytes;
    if (limit && file.size > limit * 1e6) {
      return this.failed(`The file is too large; a picture may have ${limit} MB.`);
    }
    this.root.classList.add("busy");
    try {
      const source = await api.upload(file);
      this.choose(source, await api.uploadPicture(source.id));
    } catch (error) {
      this.failed(error.message);
    } finally {
      this.root.classList.remove("busy");
    }
  }

  choose(source, url) {
    this.source = source;
    this.url = url;
    this.image.src = url;
    this.image.alt = source.name;
    this.image.hidden = false;
    this.root.classList.add("chosen");
    this.root.querySelector(".name").textContent =
      source.name + (kind(source) ? ` (${kind(source)})` : ` · ${source.width}×${source.height}`);
    for (const button of this.root.querySelectorAll(".shelf button")) {
      button.setAttribute("aria-pressed", String(button.dataset.id === source.id));
    }
    this.changed();
  }
}

// What is painted in one pass alone; "" for a picture.
function kind(source) {
  return source.ready ? "ready style" : source.network ? "network" : "";
}

// A pasted picture goes to where the keyboard is, else to what is still missing, else to the style.
export function acceptPaste(photo, style) {
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files || [])].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    const inside = [photo, style].find((each) => each.root.contains(document.activeElement));
    (inside || (photo.source ? style : photo)).upload(file);
  });
}

export function offerCamera(choosers, dialog) {
  if (!navigator.mediaDevices?.getUserMedia || !dialog.showModal) return;
  const video = dialog.querySelector("video");
  let chooser = null;
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    for (const track of video.srcObject?.getTracks() || []) track.stop();
    video.srcObject = null;
  });
  dialog.querySelector(".take").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    canvas.toBlob((blob) => chooser.upload(new File([blob], "camera.jpg")), "image/jpeg", 0.95);
  });
  for (const each of choosers) {
    const button = each.root.querySelector(".camera");
    button.hidden = false;
    button.addEventListener("click", async () => {
      chooser = each;
      try {
        video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
        dialog.showModal();
      } catch {
        each.failed("The camera cannot be used: there is none, or the browser does not allow it.");
      }
    });
  }
}
