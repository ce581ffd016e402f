// The owner's keyboard grid. Without it the whole grid is one form with a button; with it the grid feels like a sheet.
//
// Markup:
//   <form id="F" method="post" action="…" hx-post="…" hx-swap="none">{% csrf_token %}</form>
//   <table class="entry" data-entry data-filled="… {count} …" data-skipped="… {count} …" data-kept="… {count} …">
//     <td class="cell" id="cell-CODE-START">
//       <input form="F" id="value-CODE-START" name="CODE@START@SEQ" value="78.2" inputmode="decimal" autocomplete="off"
//         aria-label="…" hx-post="…" hx-trigger="save" hx-target="closest td" hx-swap="outerHTML" hx-params="…"
//         data-undo="2">  the revision of one's own that can be taken back; data-undo-name says by which word
//       <div class="cell-pop"> a question and its forms; [data-answer] is a field to fill in, [data-discard] drops it
//     </td>
//   <li id="issue-CODE-START"> the same question in the list above the grid, where the other does not fit
//   The answer is the same <td> (422 for a refused value). `value` is what the server holds; where it shows something
//   else (a refused or contested value), `data-saved` on the input says what it holds. Ids are stable.
//   data-short, data-long: up to how many characters of a number fit into a grid that is not wider, or not the widest
//   data-filled, data-skipped: said after a paste; data-kept: when the server can't be reached. {count} is replaced.
//   <form id="paste-ask" hx-post="…" hx-target="#paste"> asks what would become of a pasted block; the answer comes into
//   <dialog id="paste">, with a form [data-paste-save], its button [data-paste-go], and [data-paste-cancel]
//   <section id="…" data-todo tabindex="-1"> keeps focus and unfolded parts when it is replaced
//   <span data-count="invalid"><span data-number></span></span> counts the cells with class cell--invalid.
//
// Keys: arrows move (left and right at the end of the text), Tab moves on, Enter saves and goes down (Shift+Enter up),
// Escape brings the saved value back, Ctrl+Z takes back what was saved last. Leaving a changed cell saves it. A pasted
// block is shown first and goes as one. Saves run one after another; what was typed meanwhile survives the swap. What
// could not be sent stays in its cell, is marked, and is sent again when the server can be reached.

const sent = new WeakMap(); // input -> value last sent
const jobs = []; // { elt, inputs }: what is sent, and the cells that it saves
let job = null;
let block = []; // [input, value before] of a paste that could not be shown first
const done = []; // ids of the cells that were saved together, the latest last

const FIELD = "[data-entry] .cell > input";
const isCell = (element) => element instanceof Element && element.matches(FIELD);
const savedIn = (input) => input.dataset.saved ?? input.defaultValue;
const isChanged = (input) => input.value.trim() !== savedIn(input);
const isTyped = (input) => input.value !== (sent.get(input) ?? input.defaultValue);
const inputIn = (cell) => cell?.querySelector(":scope > input");
const everyInput = () => [...document.querySelectorAll(FIELD)];

function show(input) {
  const { classList } = input.closest(".cell");
  classList.toggle("cell--unsaved", isTyped(input) && isChanged(input));
  if (!isOwed(input)) classList.remove("cell--kept");
}

// --- saving ------------------------------------------------------------------------------
const isOwed = (input) => isTyped(input) && (isChanged(input) || input.dataset.saved !== undefined);

function send(elt, inputs) {
  for (const input of inputs) sent.set(input, input.value);
  jobs.push({ elt, inputs });
  sendNext();
}

function sendNext() {
  if (job) return;
  job = jobs.shift() ?? null;
  if (!job) return;
  if (job.elt instanceof HTMLFormElement) job.elt.requestSubmit();
  else if (job.elt.isConnected) htmx.trigger(job.elt, "save");
  else {
    job = null;
    sendNext();
  }
}

function save(input) {
  if (isOwed(input)) send(input, [input]);
}

// Several cells of one grid go together.
function saveAll(inputs = everyInput()) {
  for (const [form, owed] of Map.groupBy(inputs.filter(isOwed), (input) => input.form)) {
    send(owed.length > 1 ? form : owed[0], owed);
  }
  block = [];
}

document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!job || detail.requestConfig.elt !== job.elt) return;
  const { inputs } = job;
  job = null;
  if (detail.successful || detail.xhr.status === 422) {
    done.push(inputs.map((input) => input.id));
    tries = 0;
  } else keep(inputs, detail.xhr.status);
  sendNext();
});

// --- the server can't be reached -------------------------------------------------------------
const TRIED_AGAIN = new Set([0, 401, 403, 429, 502, 503, 504]); // no answer, signed out, too much at once
const SECONDS = [5, 15, 30, 60]; // before each try
let tries = 0;
let timer = 0;

function keep(inputs, status) {
  const again = TRIED_AGAIN.has(status);
  for (const input of inputs) {
    sent.delete(input);
    input.closest(".cell").classList.add("cell--kept");
    show(input);
  }
  count();
  // Of a session that ended, and of a fault of the server, is told elsewhere.
  if (!tries && again && status !== 401) tell(document.querySelector("[data-kept]").dataset.kept, inputs.length);
  clearTimeout(timer);
  if (again) timer = setTimeout(tryAgain, SECONDS[Math.min(tries, SECONDS.length - 1)] * 1000);
  tries += 1;
}

function tryAgain() {
  clearTimeout(timer);
  saveAll([...document.querySelectorAll("[data-entry] .cell--kept > input")]);
}

addEventListener("online", tryAgain);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tryAgain());

// Typing that went on while its cell was being saved is put into the cell that comes back.
const meanwhile = new Map(); // id -> value
function hold(event) {
  const input = event.detail.target.matches?.(".cell") ? inputIn(event.detail.target) : null;
  if (input && isTyped(input)) meanwhile.set(input.id, input.value);
}
function putBack() {
  for (const [id, value] of meanwhile) {
    const input = document.getElementById(id);
    if (input) input.value = value;
  }
  meanwhile.clear();
}
document.body.addEventListener("htmx:beforeSwap", hold);
document.body.addEventListener("htmx:oobBeforeSwap", hold);
document.body.addEventListener("htmx:oobAfterSwap", putBack);
document.body.addEventListener("htmx:afterSwap", (event) => {
  putBack();
  if (event.detail.target.matches?.(".cell")) focusAfter(event.detail.target.id);
});
// Only now the cells have their new classes.
document.body.addEventListener("htmx:afterSettle", () => {
  everyInput().filter(isTyped).forEach(show);
  document.querySelectorAll("[data-entry]").forEach(widen);
  count();
});

// A number that is longer than those before it makes the grid wider, so that it is not cut off at its beginning.
function widen(grid) {
  const longest = Math.max(0, ...[...grid.querySelectorAll(".cell > input")].map((input) => input.value.length));
  if (longest <= grid.dataset.short || grid.matches(".entry--longest")) return;
  grid.classList.add(longest > grid.dataset.long ? "entry--longest" : "entry--long");
}

// A value that needs a reason asks for it at once, unless the person is already typing the next one. Where the focus
// was on a button that is gone, it returns to the cell.
function focusAfter(id) {
  const cell = document.getElementById(id);
  const active = document.activeElement;
  cell.querySelector(".cell-pop")?.scrollIntoView({ block: "nearest" });
  if (active !== document.body && !(isCell(active) && !isTyped(active))) return;
  const places = `#${id} [data-answer], #${id.replace("cell-", "issue-")} [data-answer]`;
  const question = [...document.querySelectorAll(places)].find((field) => field.offsetParent);
  if (question) question.focus();
  else if (active === document.body) inputIn(cell)?.focus();
}

// The to-do list is read anew after each value: it keeps the focus, and what was unfolded.
let unfolded = false;
let held = false;
document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!detail.target.matches?.("[data-todo]")) return;
  unfolded = detail.target.querySelector("details[open]") !== null;
  held = detail.target.contains(document.activeElement);
});
document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (!detail.target.matches?.("[data-todo]")) return;
  const list = document.getElementById(detail.target.id);
  if (held) list.focus();
  const more = list.querySelector("details");
  if (more && unfolded) more.open = true;
});

function count() {
  for (const counter of document.querySelectorAll("[data-count]")) {
    const number = document.querySelectorAll(`[data-entry] .cell--${counter.dataset.count}`).length;
    counter.querySelector("[data-number]").textContent = number;
    counter.hidden = number === 0;
  }
}

// --- moving ------------------------------------------------------------------------------
function neighbour(input, down, right) {
  const cell = input.closest(".cell");
  if (right) {
    let next = cell;
    do next = right > 0 ? next.nextElementSibling : next.previousElementSibling;
    while (next && !inputIn(next));
    return inputIn(next);
  }
  const rows = [...cell.closest("table").rows];
  for (let at = rows.indexOf(cell.parentElement) + down; rows[at]; at += down) {
    const other = inputIn(rows[at].cells[cell.cellIndex]);
    if (other) return other;
  }
  return null;
}

function go(input) {
  if (!input) return;
  input.focus();
  input.select();
}

// Left and right belong to the text until its end is reached; a selected text is one thing.
function atEdge(input, right) {
  const { selectionStart: from, selectionEnd: to, value } = input;
  if (from === 0 && to === value.length) return true;
  return from === to && from === (right > 0 ? value.length : 0);
}

// --- a block from a spreadsheet -------------------------------------------------------------
// Return [cell, value] of each value of the block, from the cell that has the focus to the right and down.
function placed(start, text) {
  const lines = text.replace(/\r/g, "").replace(/\n$/, "").split("\n").map((one) => one.split("\t"));
  // Rows that nobody types into are passed over: they are not in the person's spreadsheet.
  const rows = [...start.closest("table").rows].filter((row) => row.querySelector(".cell > input"));
  const top = rows.indexOf(start.closest("tr"));
  const left = start.closest(".cell").cellIndex;
  return lines.flatMap((values, down) => values.map((value, right) => {
    const cell = rows[top + down]?.cells[left + right];
    return [cell?.matches(".cell") ? cell : null, value.trim()];
  }));
}

let pasted = null; // { start, text } of the block that is shown

// First it is shown what would become of the block; without an answer it goes into the cells as it is.
function ask(start, text) {
  const form = document.getElementById("paste-ask");
  pasted = { start: start.id, text };
  form.querySelectorAll("[data-pasted]").forEach((field) => field.remove());
  for (const [cell, value] of placed(start, text)) {
    const input = inputIn(cell);
    const where = cell?.querySelector("[aria-label]")?.getAttribute("aria-label");
    if (!input && !value) continue;
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: input?.name ?? "left" });
    field.value = input || !where ? value : `${where}: ${value}`;
    field.dataset.pasted = "";
    form.append(field);
  }
  form.requestSubmit();
}

const dialog = () => document.getElementById("paste");

document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target !== dialog()) return;
  if (!dialog().open) dialog().showModal();
  (dialog().querySelector("[data-paste-go]") ?? dialog().querySelector("button")).focus();
});

document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { elt } = detail.requestConfig;
  const saves = elt.matches("[data-paste-save]");
  if (!pasted || !(saves || elt.id === "paste-ask")) return;
  const start = document.getElementById(pasted.start);
  if (!detail.successful && detail.xhr.status !== 422) {
    fill(start, pasted.text);
    if (saves) keep(block.map(([input]) => input), detail.xhr.status);
  } else if (saves) {
    done.push([...new FormData(elt).keys()].filter((name) => name.includes("@")).map(idOf));
  } else return;
  dialog().close();
  start.focus();
});

// CODE@START@SEQ is the name of the field value-CODE-START.
const idOf = (name) => `value-${name.split("@").slice(0, 2).join("-")}`;

function fill(start, text) {
  const { filled, skipped } = start.closest("table").dataset;
  const all = placed(start, text).filter(([, value]) => value); // an empty cell says nothing
  block = [];
  for (const [cell, value] of all) {
    const input = inputIn(cell);
    if (!input) continue;
    block.push([input, input.value]);
    input.value = value;
    show(input);
  }
  tell(filled, block.length);
  if (all.length > block.length) tell(skipped, all.length - block.length);
}

function takeBack() {
  for (const [input, before] of block) {
    input.value = before;
    show(input);
  }
  block = [];
}

// What was saved together is taken back together, if it still is what was saved.
async function undo() {
  const fields = (done.pop() ?? []).map((id) => document.getElementById(id)).filter((input) => input?.dataset.undo);
  for (const input of fields) {
    const values = {
      [input.dataset.undoName]: input.dataset.undo,
      csrfmiddlewaretoken: input.form.elements.namedItem("csrfmiddlewaretoken").value,
    };
    const target = input.closest(".cell");
    await htmx.ajax("POST", input.getAttribute("hx-post"), { target, swap: "outerHTML", values });
  }
}

function tell(text, count) {
  if (text) document.dispatchEvent(new CustomEvent("notice", { detail: text.replace("{count}", count) }));
}

// --- where the grid is wider than the screen, the latest periods are in sight --------------------
for (const grid of document.querySelectorAll("[data-entry]")) {
  const latest = grid.querySelector("thead th:nth-last-child(2)");
  if (latest) grid.parentElement.scrollLeft = latest.offsetLeft + latest.offsetWidth - grid.parentElement.clientWidth;
}

// --- events ------------------------------------------------------------------------------
function discard(input) {
  input.value = savedIn(input);
  show(input);
  if (input.dataset.saved !== undefined) send(input, [input]); // the server draws the cell as it was
}

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (event.isComposing) return;
  if (event.key === "Escape" && input.matches?.("[data-answer]")) {
    input.closest(".actions").querySelector("[data-discard]").click();
    return;
  }
  if (!isCell(input)) return;
  const keys = {
    ArrowUp: () => go(neighbour(input, -1, 0)),
    ArrowDown: () => go(neighbour(input, 1, 0)),
    ArrowLeft: () => atEdge(input, -1) && go(neighbour(input, 0, -1)),
    ArrowRight: () => atEdge(input, 1) && go(neighbour(input, 0, 1)),
    Enter: () => {
      saveAll();
      go(neighbour(input, event.shiftKey ? -1 : 1, 0));
    },
    Escape: () => discard(input),
  };
  const takesBack = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (takesBack && block.length) takeBack();
  else if (takesBack && done.length && !isTyped(input)) undo(); // while one types, the browser takes back letters
  else if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key in keys) {
    if (keys[event.key]() === false) return;
  } else return;
  event.preventDefault();
});

document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!isCell(event.target) || !/[\t\n]/.test(text.trimEnd())) return;
  event.preventDefault();
  ask(event.target, text);
});

document.addEventListener("input", (event) => isCell(event.target) && show(event.target));
document.addEventListener("change", (event) => isCell(event.target) && save(event.target));
document.addEventListener("click", (event) => event.target.closest("[data-paste-cancel]") && dialog().close());
// A link from the to-do list leads into a cell, ready to type.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href*="#value-"]');
  const input = link && document.getElementById(link.hash.slice(1));
  if (!isCell(input)) return;
  event.preventDefault();
  input.scrollIntoView({ block: "center" });
  go(input);
});
// One value after another is saved: only the last is worth a notice.
document.body.addEventListener("measurement-recorded", () => document.getElementById("notices").replaceChildren());
addEventListener("beforeunload", (event) => everyInput().some(isChanged) && event.preventDefault());
