// Shows the tasks of the emulator. What comes from outside is set as text or as an attribute, never as markup.

const EVERY = 1000; // milliseconds between two looks at the tasks
const SHOWN = 6000; // milliseconds that news stays
const STEP = 50; // tasks that "Show older tasks" adds

const byId = (id) => document.getElementById(id);
let newest = STEP;
let etag = "";
let stages = null; // the stage of each task at the last look; null before the first
let looking = Promise.resolve();
let fading = 0;

// ---- small helpers ---------------------------------------------------------------------------------------------

// Text that has not changed is left alone: a selection in it stays, and a screen reader does not read it again.
function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function attribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

const made = (template) => byId(template).content.firstElementChild.cloneNode(true);
const answer = (status) => (status ? String(status) : "no answer");

// Let the children of an element be one for each item, in their order. Those that stay are not moved, so that focus
// and players are left alone.
function fill(parent, items, key, make, update) {
  const known = new Map([...parent.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  const wanted = new Set(items.map((item, place) => key(item, place)));
  for (const [name, element] of known) if (!wanted.has(name)) element.remove();
  let next = [...parent.children].find((one) => one.dataset.key) ?? null;
  items.forEach((item, place) => {
    let element = known.get(key(item, place));
    if (!element) {
      element = make(item);
      element.dataset.key = key(item, place);
    }
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
    update(element, item);
  });
}

function tell(news) {
  text(byId("news"), news);
  clearTimeout(fading);
  fading = setTimeout(() => text(byId("news"), ""), SHOWN);
}

// ---- tasks -----------------------------------------------------------------------------------------------------

const nameOf = (task) => (task.title ? `${task.kind} “${task.title}”` : `${task.kind} ${task.id.slice(0, 8)}`);

function show(overview) {
  text(byId("provider"), overview.provider);
  text(byId("credits"), String(overview.credits));
  text(byId("speed"), overview.speed ? `speed ${overview.speed}` : "stands still");
  text(byId("total"), String(overview.total));
  byId("empty").hidden = overview.total > 0;
  byId("more").hidden = overview.total <= overview.tasks.length;
  fill(byId("tasks"), overview.tasks, (task) => task.id, () => made("task"), showTask);
  tellChanges(overview.tasks);
}

function showTask(element, task) {
  const find = (selector) => element.querySelector(selector);
  const name = nameOf(task);
  const heading = find("h3");
  heading.id = `task-${task.id}`;
  attribute(find("article"), "aria-labelledby", heading.id);
  text(find(".kind"), task.kind);
  text(find(".title"), task.title);
  text(find(".facts .stage"), task.stage);
  attribute(find(".facts .stage"), "data-stage", task.stage);
  const accepted = new Date(task.created).toLocaleTimeString();
  text(find(".about"), [task.model, task.api, `${task.cost} credits`, accepted].filter(Boolean).join(" · "));
  text(find(".id"), task.id);
  find(".fault").hidden = !task.fault;
  text(find(".fault"), `Fault: ${task.fault}`);
  showActions(find(".actions"), heading, task, name);
  fill(find(".groups"), task.groups, (group, place) => `${place}`, () => made("group"), showGroup);
  find(".callbacks .none").hidden = task.callbacks.length > 0;
  fill(
    find(".callbacks ol"),
    task.callbacks,
    (callback, place) => `${place} ${callback.stage}`,
    () => made("callback"),
    (row, callback) => showCallback(row, callback, task, name),
  );
}

function showActions(actions, heading, task, name) {
  attribute(actions, "aria-label", `End ${name}`);
  if (task.ended && actions.contains(document.activeElement)) heading.focus(); // rather than at the top of the page
  actions.hidden = task.ended;
  for (const action of ["finish", "fail"]) {
    const button = actions.querySelector(`.${action}`);
    attribute(button, "aria-label", `${button.textContent} ${name}`);
    button.onclick = () => act(button, `tasks/${task.id}/${action}`, (done) => `${name}: ${done.stage}`);
  }
}

function showCallback(row, callback, task, name) {
  const find = (selector) => row.querySelector(selector);
  text(find(".stage"), callback.stage);
  attribute(find(".stage"), "data-stage", callback.stage);
  const answers = callback.answers.length ? `answered: ${callback.answers.map(answer).join(", ")}` : "being posted";
  const repeats = callback.repeats.length ? `; repeated: ${callback.repeats.map(answer).join(", ")}` : "";
  text(find(".answers"), answers + repeats);
  text(find(".address"), callback.address);
  const button = find(".repeat");
  attribute(button, "aria-label", `Repeat callback ${callback.stage} of ${name}`);
  button.onclick = () =>
    act(
      button,
      `tasks/${task.id}/callbacks/${callback.stage}/repeat`,
      (done) => `Callback ${callback.stage} of ${name} repeated: ${answer(done.answer)}`,
    );
}

// ---- files -----------------------------------------------------------------------------------------------------

function showGroup(figure, group) {
  const image = group.files.find((file) => file.type === "image");
  const img = figure.querySelector("img");
  img.hidden = !image;
  if (image) {
    attribute(img, "alt", group.title ? `Cover of ${group.title}` : "Cover");
    attribute(img, "src", image.path);
  }
  const caption = figure.querySelector("figcaption");
  text(caption, group.title);
  caption.hidden = !group.title;
  const others = group.files.filter((file) => file !== image);
  fill(figure.querySelector(".files"), others, (file) => file.path, makeFile, (element, file) =>
    attribute(element.firstElementChild, "aria-label", [file.name, group.title].filter(Boolean).join(" of ")),
  );
}

function makeFile(file) {
  const box = document.createElement("div");
  const tags = { audio: "audio", video: "video", image: "img" };
  const element = document.createElement(tags[file.type] ?? "a");
  if (file.type === "audio" || file.type === "video") {
    element.controls = true;
    element.preload = "none"; // a file is made when it is first fetched
  }
  if (file.type === "image") element.alt = file.name;
  if (file.type in tags) element.src = file.path;
  else {
    element.href = file.path;
    element.textContent = file.name;
  }
  box.append(element);
  if (file.type in tags) {
    const name = document.createElement("span");
    name.textContent = file.name;
    box.append(name);
  }
  return box;
}

// ---- the emulator ----------------------------------------------------------------------------------------------

// Tell what has changed since the last look: each stage, or how many if they are many.
function tellChanges(tasks) {
  const now = new Map(tasks.map((task) => [task.id, task.stage]));
  if (stages) {
    const changed = tasks.filter((task) => stages.get(task.id) !== task.stage);
    if (changed.length > 3) tell(`${changed.length} tasks have changed`);
    else if (changed.length) tell(changed.map((task) => `${nameOf(task)}: ${task.stage}`).join("; "));
  }
  stages = now;
}

async function act(button, path, news) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true"); // not `disabled`, which would take the focus away
  try {
    const response = await fetch(`/__emulator/${path}`, { method: "POST" });
    const done = await response.json();
    await look();
    tell(response.ok ? news(done) : `Not done: ${done.msg}`);
  } catch {
    tell("Not done: the emulator does not answer");
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

// One look at a time, so that an older answer is never shown after a newer one.
function look() {
  looking = looking.then(lookOnce);
  return looking;
}

async function lookOnce() {
  try {
    const headers = etag ? { "If-None-Match": etag } : {};
    const response = await fetch(`/__emulator/tasks?newest=${newest}`, { headers });
    if (response.status === 200) {
      const overview = await response.json();
      etag = response.headers.get("ETag") ?? "";
      show(overview);
    }
    text(byId("connection"), response.status < 400 ? "" : `The emulator refuses to show its tasks: ${response.status}`);
  } catch {
    text(byId("connection"), "The emulator does not answer. What is shown is old.");
  }
}

byId("more").onclick = () => {
  newest += STEP;
  look();
};

async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, EVERY);
}

document.addEventListener("visibilitychange", () => document.hidden || look());
watch();
