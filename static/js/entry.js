// The owner's keyboard grid. Without it the whole grid is one form with a button; with it the grid feels like a sheet.
//
// Markup:
//   <form id="F" method="post" action="…" hx-post="…" hx-swap="none">{% csrf_token %}</form>
//   <table class="entry" data-entry data-filled="… {count} …" data-skipped="… {count} …">
//     <td class="cell" id="cell-CODE-START">
//       <input form="F" id="value-CODE-START" name="CODE@START@SEQ" value="78.2" inputmode="decimal" autocomplete="off"
//         aria-label="…" hx-post="…" hx-trigger="save" hx-target="closest td" hx-swap="outerHTML" hx-params="…">
//       <div class="cell-pop"> a question and its forms; [data-answer] is a field to fill in, [data-discard] drops it
//     </td>
//   <li id="issue-CODE-START"> the same question in the list above the grid, where the other does not fit
//   The answer is the same <td> (422 for a refused value). `value` is what the server holds; where it shows something
//   else (a refused or contested value), `data-saved` on the input says what it holds. Ids are stable.
//   data-filled, data-skipped: said after a paste, {count} is replaced.
//   <section id="…" data-todo tabindex="-1"> keeps focus and unfolded parts when it is replaced
//   <span data-count="invalid"><span data-number></span></span> counts the cells with class cell--invalid.
//
// Keys: arrows move (left and right at the end of the text), Tab moves on, Enter saves and goes down (Shift+Enter up),
// Escape brings the saved value back, Ctrl+Z takes a pasted block back. Leaving a changed cell saves it. A pasted block
// waits for Enter and goes as one. Saves run one after another; what was typed meanwhile survives the swap.

const sent = new WeakMap(); // input -> value last sent
const jobs = []; // { elt, inputs }: what is sent, and the cells that it saves
let job = null;
let block = []; // [input, value before] of the last paste

const FIELD = "[data-entry] .cell > input";
const isCell = (element) => element instanceof Element && element.matches(FIELD);
const savedIn = (input) => input.dataset.saved ?? input.defaultValue;
const isChanged = (input) => input.value.trim() !== savedIn(input);
const isTyped = (input) => input.value !== (sent.get(input) ?? input.defaultValue);
const inputIn = (cell) => cell?.querySelector(":scope > input");
const everyInput = () => [...document.querySelectorAll(FIELD)];

function show(input) {
  input.closest(".cell").classList.toggle("cell--unsaved", isTyped(input) && isChanged(input));
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
function saveAll() {
  for (const [form, inputs] of Map.groupBy(everyInput().filter(isOwed), (input) => input.form)) {
    send(inputs.length > 1 ? form : inputs[0], inputs);
  }
  block = [];
}

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (!job || event.detail.requestConfig.elt !== job.elt) return;
  const refused = event.detail.xhr.status === 422;
  if (!event.detail.successful && !refused) job.inputs.forEach((input) => sent.delete(input)); // to be tried again
  job = null;
  sendNext();
});

// Typing that went on while its cell was being saved is put into the cell that comes back.
const kept = new Map(); // id -> value
function keep(event) {
  const input = event.detail.target.matches?.(".cell") ? inputIn(event.detail.target) : null;
  if (input && isTyped(input)) kept.set(input.id, input.value);
}
function putBack() {
  for (const [id, value] of kept) {
    const input = document.getElementById(id);
    if (input) input.value = value;
  }
  kept.clear();
}
document.body.addEventListener("htmx:beforeSwap", keep);
document.body.addEventListener("htmx:oobBeforeSwap", keep);
document.body.addEventListener("htmx:oobAfterSwap", putBack);
document.body.addEventListener("htmx:afterSwap", (event) => {
  putBack();
  if (event.detail.target.matches?.(".cell")) focusAfter(event.detail.target.id);
});
// Only now the cells have their new classes.
document.body.addEventListener("htmx:afterSettle", () => {
  everyInput().filter(isTyped).forEach(show);
  count();
});

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
function fill(start, text) {
  const lines = text.replace(/\r/g, "").replace(/\n$/, "").split("\n").map((one) => one.split("\t"));
  const table = start.closest("table");
  // Rows that nobody types into are passed over: they are not in the person's spreadsheet.
  const rows = [...table.rows].filter((row) => row.querySelector(".cell > input"));
  const top = rows.indexOf(start.closest("tr"));
  const left = start.closest(".cell").cellIndex;
  let skipped = 0;
  block = [];
  lines.forEach((values, down) => values.forEach((value, right) => {
    const input = inputIn(rows[top + down]?.cells[left + right]);
    if (!input) {
      skipped += 1;
      return;
    }
    block.push([input, input.value]);
    input.value = value.trim();
    show(input);
  }));
  tell(table.dataset.filled, block.length);
  if (skipped) tell(table.dataset.skipped, skipped);
}

function takeBack() {
  for (const [input, before] of block) {
    input.value = before;
    show(input);
  }
  block = [];
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
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && block.length) takeBack();
  else if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key in keys) {
    if (keys[event.key]() === false) return;
  } else return;
  event.preventDefault();
});

document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!isCell(event.target) || !/[\t\n]/.test(text.trimEnd())) return;
  event.preventDefault();
  fill(event.target, text);
});

document.addEventListener("input", (event) => isCell(event.target) && show(event.target));
document.addEventListener("change", (event) => isCell(event.target) && save(event.target));
// A link from the to-do list leads into a cell, ready to type.
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#value-"]');
  const input = link && document.getElementById(link.hash.slice(1));
  if (!isCell(input)) return;
  event.preventDefault();
  input.scrollIntoView({ block: "center" });
  go(input);
});
// One value after another is saved: only the last is worth a notice.
document.body.addEventListener("measurement-recorded", () => document.getElementById("notices").replaceChildren());
addEventListener("beforeunload", (event) => everyInput().some(isChanged) && event.preventDefault());
