// The owner's keyboard grid. Without it each cell is a form that Enter sends; with it the grid feels like a sheet.
//
// Markup:
//   <table class="entry" data-entry data-filled="… {count} …" data-skipped="… {count} …">
//     <td class="cell" id="cell-CODE-START">
//       <form method="post" action="…" hx-post="…" hx-target="closest td" hx-swap="outerHTML">
//         {% csrf_token %} hidden fields {% band … %}
//         <input id="value-CODE-START" name="value" value="78.2" inputmode="decimal" autocomplete="off" aria-label="…">
//       </form>
//     </td>
//   The answer is the same <td> (422 for a refused value). `value` is what the server holds; where it shows something
//   else (a refused or contested value), `data-saved` on the input says what it holds. Ids are stable. A form has one
//   visible field and no button, so that Tab goes from cell to cell.
//   data-filled, data-skipped: said after a paste, {count} is replaced.
//
// Keys: arrows move (left and right at the end of the text), Tab moves on, Enter saves and goes down (Shift+Enter up),
// Escape brings the saved value back, Ctrl+Z takes a pasted block back. Leaving a changed cell saves it. A pasted block
// waits for Enter. Saves run one after another; what was typed meanwhile survives the swap.

const sent = new WeakMap(); // input -> value last sent
const waiting = [];
let saving = null;
let block = []; // [input, value before] of the last paste

const isCell = (element) => element instanceof HTMLInputElement && element.type !== "hidden" && element.closest("[data-entry] .cell");
const savedIn = (input) => input.dataset.saved ?? input.defaultValue;
const isChanged = (input) => input.value.trim() !== savedIn(input);
const inputIn = (cell) => cell?.querySelector("input:not([type=hidden])");
const everyInput = () => [...document.querySelectorAll("[data-entry] .cell input:not([type=hidden])")];

function show(input) {
  const refused = input.hasAttribute("aria-invalid") && input.value === input.defaultValue;
  input.closest(".cell").classList.toggle("cell--unsaved", isChanged(input) && !refused);
}

// --- saving ------------------------------------------------------------------------------
function save(input) {
  if (!isChanged(input) || sent.get(input) === input.value) return;
  if (!input.form.reportValidity()) return;
  sent.set(input, input.value);
  waiting.push(input);
  saveNext();
}

function saveNext() {
  if (saving) return;
  saving = waiting.shift() ?? null;
  if (saving?.isConnected) saving.form.requestSubmit();
  else if (saving) {
    saving = null;
    saveNext();
  }
}

function saveAll() {
  everyInput().filter(isChanged).forEach(save);
  block = [];
}

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (!saving || event.detail.requestConfig.elt !== saving.form) return;
  const refused = event.detail.xhr.status === 422;
  if (!event.detail.successful && !refused) sent.delete(saving); // it may be tried again
  saving = null;
  saveNext();
});

// Typing that went on while its cell was being saved is put into the cell that comes back.
let kept = null;
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const input = event.detail.target.matches?.(".cell") ? inputIn(event.detail.target) : null;
  kept = input && sent.has(input) && input.value !== sent.get(input) ? { id: input.id, value: input.value } : null;
});
document.body.addEventListener("htmx:afterSwap", () => {
  const input = kept && document.getElementById(kept.id);
  if (input) input.value = kept.value;
  kept = null;
});
document.body.addEventListener("htmx:afterSettle", () => everyInput().forEach(show)); // settling resets classes

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
  const rows = [...table.rows].filter((row) => row.querySelector(".cell"));
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

// --- events ------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!isCell(input) || event.isComposing) return;
  const keys = {
    ArrowUp: () => go(neighbour(input, -1, 0)),
    ArrowDown: () => go(neighbour(input, 1, 0)),
    ArrowLeft: () => atEdge(input, -1) && go(neighbour(input, 0, -1)),
    ArrowRight: () => atEdge(input, 1) && go(neighbour(input, 0, 1)),
    Enter: () => {
      saveAll();
      go(neighbour(input, event.shiftKey ? -1 : 1, 0));
    },
    Escape: () => {
      input.value = savedIn(input);
      sent.delete(input);
      input.removeAttribute("aria-invalid");
      input.closest(".cell").classList.remove("cell--invalid");
      show(input);
    },
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
addEventListener("beforeunload", (event) => everyInput().some(isChanged) && event.preventDefault());
