"use strict";
const at = (id) => document.getElementById(id);
const rows = new Map(); // by the id of a job, or by a number before it has one
const waiting = []; // files that were not sent yet
const endings = /\.(jpe?g|png|webp|tiff?|bmp|avif|gif|jxl|qoi|hei[cf]|dng|cr[23]|nef|arw|raf|rw2|orf)$/i;
let sending = false, number = 0, events = null, limits = null;

const size = (value) => `${value.width}×${value.height}`;
const bytes = (count) => (count < 2 ** 20 ? `${Math.ceil(count / 1024)} KiB` : `${+(count / 2 ** 20).toFixed(1)} MiB`);
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

function say(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

function sentence(error, name) { // what is wrong, beside the name that it begins with
  const message = error.message.startsWith(`${name}: `) ? error.message.slice(name.length + 2) : error.message;
  return [message, error.hint].filter(Boolean).join(". ");
}

async function wrong(answer, name) { // what an answer says that is no good one
  const error = (await answer.json().catch(() => ({}))).error;
  return error ? sentence(error, name) : `the server answered ${answer.status}`;
}

// ---- rows

function addRow(key) {
  const row = at("row").content.cloneNode(true).firstElementChild;
  const entry = { row, key }, find = (name) => row.querySelector(name);
  rows.set(key, entry);
  at("list").prepend(row);
  find(".drop").onclick = () => drop(entry.key);
  find(".see").onclick = () => show(entry.job);
  find(".again").onclick = () => again(entry.key);
  return entry;
}

function paint(entry, name, state, kind = "") {
  const find = (each) => entry.row.querySelector(each);
  entry.row.className = kind;
  find(".name").textContent = name;
  find(".state").textContent = state;
  const over = kind === "done" || kind === "failed";
  find(".drop").textContent = over ? "Remove" : "Cancel";
  find(".drop").ariaLabel = `${over ? "Remove" : "Cancel"} ${name}`;
  find(".again").hidden = kind !== "failed" || !entry.file;
  find(".again").ariaLabel = `Try ${name} again`;
  sum();
}

function update(job) {
  const entry = rows.get(job.id) ?? addRow(job.id);
  entry.job = job;
  const find = (name) => entry.row.querySelector(name), result = job.result, done = job.state === "done";
  paint(entry, job.name, told(job), job.state);
  find(".see").hidden = find(".save").hidden = !done;
  find(".see").ariaLabel = `Compare ${job.name} before and after`;
  find(".save").ariaLabel = `Download ${result?.name}`;
  if (done) find(".save").href = result.url;
  const bar = find("progress"), share = job.tiles.total ? job.tiles.done / job.tiles.total : 0;
  bar.hidden = job.state !== "running";
  bar.value = share;
  bar.ariaLabel = `${job.name}: ${Math.round(share * 100)} %`;
  const image = find("img");
  if (!image.hasAttribute("src") && job.state !== "failed") {
    image.onerror = () => { image.hidden = true; };
    image.src = job.source.url;
  }
}

function told(job) {
  const before = `${size(job.source.size)} ${job.source.format}`;
  switch (job.state) {
    case "queued": return `${before}, ${job.ahead ? `${counted(job.ahead, "picture")} before it` : "next"}`;
    case "running": return `${before}, ${job.tiles.done} of ${counted(job.tiles.total, "tile")}`;
    case "failed": return sentence(job.error, job.name);
    default: {
      const notes = job.result.notes.length ? `, ${counted(job.result.notes.length, "note")}` : "";
      return `${size(job.source.size)} → ${size(job.result.size)}, ${bytes(job.result.bytes)}, ${job.result.seconds.toFixed(1)} s${notes}`;
    }
  }
}

function sum() {
  const all = [...rows.values()], count = (kind) => all.filter((each) => each.row.className === kind).length;
  const done = count("done"), failed = count("failed");
  at("sum").textContent = all.length ? `${done} of ${all.length} done${failed ? `, ${failed} failed` : ""}` : "";
  at("empty").hidden = all.length > 0;
  at("all").hidden = done < 2;
  at("clear").hidden = !all.length;
}

function forget(key) {
  rows.get(key)?.row.remove();
  rows.delete(key);
  sum();
}

async function drop(key) {
  const entry = rows.get(key);
  const place = waiting.findIndex((each) => each.key === key);
  if (place >= 0) waiting.splice(place, 1);
  entry?.stop?.abort();
  if (entry?.job) await fetch(`/v1/jobs/${key}`, { method: "DELETE" }).catch(() => null);
  forget(key);
}

// ---- sending

function take(files, settings = chosen()) {
  const pictures = files.filter((file) => (file.type.startsWith("image/") || endings.test(file.name)) && !file.name.startsWith("."));
  const left = files.length - pictures.length;
  say(left ? `${counted(left, "file")} left out: not a picture.` : "");
  for (const file of pictures) {
    const entry = addRow(`new ${++number}`);
    entry.file = file;
    entry.settings = settings;
    paint(entry, file.name, `${bytes(file.size)}, waits to be sent`, "waiting");
    waiting.push(entry);
  }
  send();
}

function chosen() {
  const settings = { scale: document.querySelector("[name=scale]:checked").value, model: at("model").value };
  if (at("format").value) settings.format = at("format").value;
  return settings;
}

function again(key) {
  const { file, settings } = rows.get(key);
  forget(key);
  take([file], settings);
}

async function send() { // one at a time: the server has a place for each, or says when to come again
  if (sending) return;
  sending = true;
  while (waiting.length) await sendOne(waiting.shift());
  sending = false;
}

async function sendOne(entry) {
  const { file, settings, key } = entry, query = new URLSearchParams({ ...settings, name: file.name });
  if (limits && file.size > limits.bytes) {
    entry.file = null; // to try again would not help
    paint(entry, file.name, `has ${bytes(file.size)}, more than the ${bytes(limits.bytes)} that this server takes`, "failed");
    return;
  }
  entry.stop = new AbortController();
  while (rows.has(key)) {
    paint(entry, file.name, `${bytes(file.size)}, is being sent`, "waiting");
    let answer;
    try {
      answer = await fetch(`/v1/jobs?${query}`, {
        method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" }, signal: entry.stop.signal,
      });
    } catch (error) {
      if (error.name === "AbortError") return;
      paint(entry, file.name, "the server does not answer, or the file cannot be read", "failed");
      return;
    }
    if (answer.ok) {
      const job = await answer.json();
      rename(entry, job);
      return;
    }
    const later = +answer.headers.get("Retry-After");
    if (!later) {
      paint(entry, file.name, await wrong(answer, file.name), "failed");
      return;
    }
    paint(entry, file.name, `${await wrong(answer, file.name)}. Next try in ${counted(later, "second")}`, "waiting");
    await pause(later);
  }
}

function rename(entry, job) { // the news of it may have been faster
  const known = rows.get(job.id);
  if (known) {
    Object.assign(known, { file: entry.file, settings: entry.settings });
    forget(entry.key);
    update(known.job ?? job);
  } else {
    rows.delete(entry.key);
    entry.key = job.id;
    rows.set(job.id, entry);
    update(job);
  }
}

async function filesOf(items) { // of what was dropped, folders looked through
  const entries = items.map((each) => each.webkitGetAsEntry?.()).filter(Boolean), files = [];
  while (entries.length) {
    const entry = entries.shift();
    if (entry.isFile) files.push(await new Promise((done) => entry.file(done, () => done(null))));
    else {
      const reader = entry.createReader();
      for (let some = [null]; some.length;) {
        some = await new Promise((done) => reader.readEntries(done, () => done([])));
        entries.push(...some);
      }
    }
  }
  return files.filter(Boolean);
}

// ---- before and after

function show(job) {
  const stage = at("stage");
  at("title").textContent = job.name;
  at("save").href = job.result.url;
  at("unseen").hidden = true;
  stage.hidden = false;
  for (const [id, url] of [["before", job.source.url], ["after", job.result.url]]) {
    at(id).onerror = () => { stage.hidden = true; at("unseen").hidden = false; };
    at(id).src = url;
  }
  at("after").width = job.result.size.width;
  at("after").height = job.result.size.height;
  at("notes").replaceChildren(...job.result.notes.map((note) => Object.assign(document.createElement("li"), { textContent: note })));
  at("split").value = 50;
  stage.style.setProperty("--split", "50%");
  at("viewer").showModal();
}

// ---- news

function follow() {
  events = new EventSource("/v1/events");
  events.addEventListener("job", (event) => update(JSON.parse(event.data)));
  events.addEventListener("gone", (event) => forget(JSON.parse(event.data).id));
  events.onopen = async () => { // a server that has started anew may have lost some
    say("");
    const before = [...rows].filter(([, entry]) => entry.job); // what comes meanwhile may not be in the answer
    const known = await fetch("/v1/jobs").then((answer) => answer.json()).catch(() => null);
    const there = new Set(known?.jobs?.map((job) => job.id));
    for (const [key, entry] of before) if (known && rows.get(key) === entry && !there.has(key)) lose(entry);
  };
  events.onerror = () => say("The server does not answer. This page asks again by itself.");
}

function lose(entry) {
  entry.row.querySelector(".see").hidden = entry.row.querySelector(".save").hidden = true;
  entry.row.querySelector("progress").hidden = true;
  paint(entry, entry.job.name, "The server has forgotten it.", "failed");
  entry.job = null;
}

async function open() {
  const answer = await fetch("/v1/options").catch(() => null);
  if (answer?.status === 401) {
    at("login").hidden = false;
    at("token").focus();
    return;
  }
  if (!answer?.ok) {
    at("desk").hidden = false;
    say(answer ? await wrong(answer, "") : "The server does not answer.");
    return;
  }
  const offer = await answer.json();
  limits = offer.limits;
  at("model").replaceChildren(...offer.models.map((each) => new Option(each.name, each.name)));
  for (const each of offer.formats) at("format").add(new Option(each.toUpperCase(), each));
  at("limits").textContent = `Up to ${bytes(limits.bytes)} and ${Math.round(limits.pixels / 1e6)} megapixels each`;
  const minutes = Math.max(1, Math.round(offer.keep_seconds / 60));
  at("keep").textContent = counted(minutes, "minute");
  at("login").hidden = true;
  at("desk").hidden = false;
  document.body.dataset.ready = "";
  follow();
}

at("login").onsubmit = async (event) => {
  event.preventDefault();
  const headers = { Authorization: `Bearer ${at("token").value}` };
  const answer = await fetch("/v1/session", { method: "POST", headers }).catch(() => null);
  at("denied").hidden = Boolean(answer?.ok);
  at("denied").textContent = answer ? "This is not the token." : "The server does not answer.";
  if (answer?.ok) open();
};
at("pick").onclick = () => at("files").click();
at("pick-folder").onclick = () => at("folder").click();
for (const id of ["files", "folder"]) {
  at(id).onchange = () => { take([...at(id).files]); at(id).value = ""; };
}
document.addEventListener("dragover", (event) => { event.preventDefault(); at("drop").classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) at("drop").classList.remove("over"); });
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  const files = await filesOf([...event.dataTransfer.items]);
  if (document.body.dataset.ready !== undefined) take(files.length ? files : [...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) take([...event.clipboardData.files]); });
at("clear").onclick = async () => { for (const key of [...rows.keys()]) await drop(key); };
at("split").oninput = () => at("stage").style.setProperty("--split", `${at("split").value}%`);
at("close").onclick = () => at("viewer").close();
addEventListener("pagehide", () => events?.close());
open();
