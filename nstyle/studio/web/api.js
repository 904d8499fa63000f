// Talks to the server. The token is made here, stays in this browser, and goes only into a header.

const KEY = "nstyle-studio-token";

function newToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function keptToken() {
  try {
    const kept = localStorage.getItem(KEY) || newToken();
    localStorage.setItem(KEY, kept);
    return kept;
  } catch {
    return newToken(); // a browser that keeps nothing: the history lasts as long as the page
  }
}

const token = keptToken();

export class Refusal extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined && !(body instanceof Blob)) {
    body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body });
  } catch {
    throw new Refusal("The studio does not answer. Is it still running?", 0);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refusal(told.error || `The studio answered ${answer.status}.`, answer.status);
}

const json = async (...words) => (await ask(...words)).json();
const picture = async (...words) => URL.createObjectURL(await (await ask(...words)).blob());

export const shelf = () => json("GET", "/api/shelf");
export const upload = (file) =>
  json("POST", `/api/pictures?name=${encodeURIComponent(file.name || "picture")}`, file.slice());
export const uploadPicture = (id) => picture("GET", `/api/pictures/${id}`);
export const preview = (order) => picture("POST", "/api/preview", order);
export const live = async (style, strength, frame) => {
  const asked = new URLSearchParams({ style, strength });
  return (await ask("POST", `/api/live?${asked}`, frame)).blob();
};
export const paint = (order) => json("POST", "/api/jobs", order);
export const jobs = () => json("GET", "/api/jobs");
export const job = (id) => json("GET", `/api/jobs/${id}`);
export const jobPicture = (id) => picture("GET", `/api/jobs/${id}/picture`);
export const jobResult = (id) => picture("GET", `/api/jobs/${id}/picture?full=1`);
export const jobPhoto = (id) => picture("GET", `/api/jobs/${id}/photo`);
export const stop = (id) => json("POST", `/api/jobs/${id}/stop`);
export const resume = (id) => json("POST", `/api/jobs/${id}/resume`);
export const remove = (id) => ask("DELETE", `/api/jobs/${id}`);
