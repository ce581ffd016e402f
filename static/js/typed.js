// What was typed into the grid and has not been saved outlives the page: a phone drops a tab, a browser ends, somebody
// reloads while the server can't be reached. It is kept in this tab alone, and put back as typed: only Enter saves it.
//
//   <table data-entry data-person="7" data-again="… {count} …" data-overtaken="… {what} … {value} …">
//   <input name="CODE@START@SEQ" aria-label="…">   of another revision is another value: it is told, not overwritten

const FIELD = "[data-entry] .cell > input";
const key = `typed-${document.querySelector("[data-entry]")?.dataset.person}`;
const fields = () => [...document.querySelectorAll(FIELD)];
const savedIn = (input) => input.dataset.saved ?? input.defaultValue;
const cellOf = (name) => name.slice(0, name.lastIndexOf("@"));
const kept = () => JSON.parse(sessionStorage.getItem(key) ?? "{}");

function store(typed) {
  if (Object.keys(typed).length) sessionStorage.setItem(key, JSON.stringify(typed));
  else sessionStorage.removeItem(key);
}

// Cells of other frequencies keep what was typed into them.
function remember() {
  const here = new Set(fields().map((input) => cellOf(input.name)));
  const typed = Object.fromEntries(Object.entries(kept()).filter(([name]) => !here.has(cellOf(name))));
  for (const input of fields()) if (input.value.trim() !== savedIn(input)) typed[input.name] = input.value;
  store(typed);
}

function tell(text) {
  document.dispatchEvent(new CustomEvent("notice", { detail: text }));
}

function putBack() {
  const typed = Object.entries(kept());
  const byCell = new Map(fields().map((input) => [cellOf(input.name), input]));
  let count = 0;
  for (const [name, value] of typed) {
    const input = byCell.get(cellOf(name));
    if (!input || value.trim() === savedIn(input)) continue;
    const { again, overtaken } = input.closest("table").dataset;
    if (input.name !== name) {
      tell(overtaken.replace("{what}", input.getAttribute("aria-label")).replace("{value}", value));
      continue;
    }
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    count += 1;
    if (count === 1) setTimeout(() => tell(again.replace("{count}", count)));
  }
  remember();
}

putBack();
document.addEventListener("input", (event) => event.target.matches(FIELD) && remember());
document.body.addEventListener("htmx:afterSettle", remember);
document.addEventListener("visibilitychange", remember);
addEventListener("pagehide", remember);
