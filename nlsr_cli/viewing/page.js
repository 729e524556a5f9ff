"use strict";
const at = (id) => document.getElementById(id);
const viewer = at("viewer"), stage = at("stage"), split = at("split"), lens = at("lens");
const width = +viewer.dataset.width, height = +viewer.dataset.height, reduced = +viewer.dataset.reduced;
const layers = [...document.querySelectorAll("#pictures img")];
const views = { a: at("view-a"), b: at("view-b") };
const chosen = { a: 1, b: 2 };
const point = { x: null, y: null }; // of the lens, in pixels of the stage
let x = 0, y = 0, zoom = 1, fitted = true, timer = 0;

const set = (name, value) => stage.style.setProperty(name, value);
const side = () => stage.dataset.mode === "side";
const pane = () => ({ w: views.a.clientWidth, h: views.a.clientHeight });
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const held = (offset, room, length) => (length <= room ? (room - length) / 2 : clamp(offset, room - length, 0));

function fit() { // enlarged by whole numbers only, so that all pixels are alike
  const { w, h } = pane(), dots = devicePixelRatio, most = Math.min(w / width, h / height);
  return most * dots < 1 ? most : Math.floor(most * dots) / dots;
}
const bounded = (value) => clamp(value, Math.min(fit(), 1 / devicePixelRatio), Math.max(32 / devicePixelRatio, fit()));

function draw() {
  const { w, h } = pane(), dots = devicePixelRatio;
  if (!w) return;
  if (fitted) zoom = fit();
  zoom = bounded(zoom);
  x = held(x, w, width * zoom);
  y = held(y, h, height * zoom);
  for (const view of Object.values(views)) { // on whole dots of the screen, wherever the pane begins
    const { left, top } = view.getBoundingClientRect(), down = top + scrollY;
    view.style.setProperty("--x", `${Math.round((left + x) * dots) / dots - left}px`);
    view.style.setProperty("--y", `${Math.round((down + y) * dots) / dots - down}px`);
  }
  set("--z", zoom);
  stage.classList.toggle("zoomed", zoom > fit() * 1.001);
  for (const img of layers) img.classList.toggle("sharp", (zoom * dots * width) / img.naturalWidth >= 0.999);
  at("zoom").value = `${Math.round((zoom * dots * 100) / reduced)} %`;
  look();
}

function scaled(factor, cx = pane().w / 2, cy = pane().h / 2) { // about a place that stays where it is
  const before = zoom;
  zoom = bounded(zoom * factor);
  fitted = Math.abs(zoom / fit() - 1) < 0.001;
  x = cx - ((cx - x) * zoom) / before;
  y = cy - ((cy - y) * zoom) / before;
  draw();
}

function moved(dx, dy) { x += dx; y += dy; draw(); }

function show(px, py, pw, ph) { // a box of the picture, as large as it goes
  const { w, h } = pane(), dots = devicePixelRatio;
  zoom = Math.max(1, Math.floor(Math.min(w / pw, h / ph) * dots)) / dots;
  fitted = false;
  x = w / 2 - (px + pw / 2) * zoom;
  y = h / 2 - (py + ph / 2) * zoom;
  draw();
}

function shape() {
  const columns = side() ? 2 : 1, dots = devicePixelRatio;
  stage.style.aspectRatio = `${width * columns} / ${height}`;
  stage.style.top = 0; // then it begins on a whole dot of the screen, or the border of pictures is blurred
  const top = (stage.getBoundingClientRect().top + scrollY) * dots;
  stage.style.top = `${(Math.ceil(top) - top) / dots}px`;
  draw();
}

function pick(name, index) { // where the other one shows it already, the two change places
  const other = name === "a" ? "b" : "a";
  if (chosen[other] === index) chosen[other] = chosen[name];
  chosen[name] = index;
  for (const each of ["a", "b"]) {
    views[each].replaceChildren(layers[chosen[each]]);
    at(each).value = chosen[each];
    at(`tag-${each}`).textContent = `${each.toUpperCase()}  ${at(each).selectedOptions[0].text}`;
  }
  draw();
}

function turn() { stage.dataset.shown = stage.dataset.shown === "a" ? "b" : "a"; }

function blink(on) {
  clearInterval(timer);
  timer = on ? setInterval(turn, 700) : 0;
  at("pause").textContent = on ? "Pause" : "Play";
}

function enter(mode) {
  stage.dataset.mode = mode;
  at("blinking").hidden = mode !== "blink";
  at("gaining").hidden = mode !== "difference";
  stage.dataset.shown = "a";
  blink(mode === "blink" && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  shape();
}

function look() { // through the lens: one pixel of the pictures is one of the screen
  const on = at("glass").ariaPressed === "true" && stage.dataset.mode !== "difference";
  lens.hidden = !on;
  if (!on) return;
  const { w, h } = pane(), dots = devicePixelRatio, edge = Math.min(150, stage.clientWidth / 2.4);
  const px = clamp(point.x ?? w / 2, 0, w), py = clamp(point.y ?? h / 2, 0, h);
  const pixels = Math.round(edge * dots), left = (px - x) / zoom - pixels / 2, top = (py - y) / zoom - pixels / 2;
  lens.width = 2 * pixels + 2;
  lens.height = pixels;
  lens.style.width = `${lens.width / dots + 4}px`;
  const paint = lens.getContext("2d");
  paint.imageSmoothingEnabled = false;
  ["a", "b"].forEach((name, number) => {
    const img = layers[chosen[name]], ratio = width / img.naturalWidth, tall = height / img.naturalHeight;
    paint.save();
    paint.beginPath();
    paint.rect(number * (pixels + 2), 0, pixels, pixels);
    paint.clip();
    paint.drawImage(img, Math.round(number * (pixels + 2) - left), Math.round(-top), img.naturalWidth * ratio, img.naturalHeight * tall);
    paint.restore();
  });
  lens.style.left = `${clamp(px - edge, 0, stage.clientWidth - 2 * edge - 6)}px`;
  lens.style.top = `${py > edge + 24 ? py - edge - 24 : py + 24}px`;
}

const fingers = new Map();
function placed(event) { // in a pane: of two, both count from their own left
  const box = stage.getBoundingClientRect(), px = event.clientX - box.left;
  return { x: side() && px > pane().w ? px - pane().w - 2 : px, y: event.clientY - box.top };
}
const spread = ([one, two]) => Math.hypot(one.x - two.x, one.y - two.y);

stage.addEventListener("pointerdown", (event) => {
  if (event.target === split) return;
  fingers.set(event.pointerId, placed(event));
  if (event.pointerType !== "touch" || stage.classList.contains("zoomed")) stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  const now = placed(event), before = fingers.get(event.pointerId);
  point.x = now.x;
  point.y = now.y;
  if (!before || fingers.size > 2) return look();
  const all = [...fingers.values()];
  fingers.set(event.pointerId, now);
  if (fingers.size === 1) return moved(now.x - before.x, now.y - before.y);
  const later = [...fingers.values()];
  scaled(spread(later) / Math.max(1, spread(all)), (later[0].x + later[1].x) / 2, (later[0].y + later[1].y) / 2);
});
for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
  stage.addEventListener(end, (event) => { if (end !== "pointerleave" || event.pointerType === "touch") fingers.delete(event.pointerId); });
}
stage.addEventListener("touchmove", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
stage.addEventListener("wheel", (event) => { // zoomed out already, the wheel is the page's
  if (event.deltaY > 0 && !stage.classList.contains("zoomed")) return;
  event.preventDefault();
  const { x: px, y: py } = placed(event);
  scaled(Math.exp(-clamp(event.deltaY, -100, 100) / 300), px, py);
}, { passive: false });
stage.addEventListener("dblclick", (event) => { if (event.target !== split) scaled(2, placed(event).x, placed(event).y); });

const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const KEYS = {
  "+": () => scaled(1.5), "=": () => scaled(1.5), "-": () => scaled(1 / 1.5), 0: () => at("fit").click(), 1: () => at("one").click(),
};
stage.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key], step = 40;
  if (event.ctrlKey || event.metaKey || event.altKey || (event.target === split && arrow)) return;
  if (arrow && !lens.hidden) { // the lens moves where there is one
    point.x = clamp((point.x ?? pane().w / 2) - arrow[0] * 10, 0, pane().w);
    point.y = clamp((point.y ?? pane().h / 2) - arrow[1] * 10, 0, pane().h);
    look();
  } else if (arrow) moved(arrow[0] * step, arrow[1] * step);
  else if (event.key === " " && stage.dataset.mode === "blink") at("swap").click();
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

split.addEventListener("input", () => set("--split", `${split.value}%`));
for (const radio of document.querySelectorAll("[name=mode]")) radio.addEventListener("change", () => enter(radio.value));
for (const name of ["a", "b"]) at(name).addEventListener("change", () => pick(name, +at(name).value));
at("in").addEventListener("click", () => scaled(1.5));
at("out").addEventListener("click", () => scaled(1 / 1.5));
at("fit").addEventListener("click", () => { fitted = true; draw(); });
at("one").addEventListener("click", () => { scaled(1 / devicePixelRatio / zoom); });
at("glass").addEventListener("click", () => { at("glass").ariaPressed = String(at("glass").ariaPressed !== "true"); look(); });
at("pause").addEventListener("click", () => blink(!timer));
at("swap").addEventListener("click", () => { blink(false); turn(); });
at("gain").addEventListener("input", () => { set("--gain", at("gain").value); at("times").value = at("gain").value; });
for (const button of document.querySelectorAll("[data-place]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    show(...button.dataset.place.split(" ").map((each) => each / reduced));
    stage.scrollIntoView({ block: "center" });
    stage.focus({ preventScroll: true });
  });
}
new ResizeObserver(shape).observe(stage);
viewer.hidden = false;
at("pictures").hidden = true;
set("--w", `${width}px`);
set("--h", `${height}px`);
Promise.all(layers.map((img) => img.decode().catch(() => {}))).then(() => { pick("b", 2); enter(document.querySelector("[name=mode]:checked").value); viewer.dataset.ready = ""; });
