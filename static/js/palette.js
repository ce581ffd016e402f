// The command palette. Loaded as a module on pages of people who have signed in; without it the search form of the
// top bar leads to the search page, which finds the same.
//
//   Ctrl-K, Cmd-K        opens <dialog id="palette"> and closes it again; Escape closes it, the focus returns
//   #palette-q           the combobox; htmx fetches #palette-results while one types, and on "palette-opened"
//   #palette-options     the listbox, data-said: how many there are, announced in #palette-said
//   [role="option"]      links; the arrow keys choose one, Enter opens it, without a choice the search page
//   .search kbd[hidden]  the hint in the top bar, shown because the key works

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

// Looked up when needed: going Back swaps the body.
const part = (id) => document.getElementById(id);
const options = () => [...document.querySelectorAll('#palette-options [role="option"]')];
const chosen = () => document.querySelector('#palette-options [aria-selected="true"]');

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  const input = part("palette-q");
  if (!option) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function move(by) {
  const list = options();
  if (!list.length) return;
  const at = list.indexOf(chosen());
  choose(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length]);
}

function toggle(dialog) {
  if (dialog.open) {
    dialog.close();
    return;
  }
  // A second modal dialog on top of another would trap the person between them.
  if (document.querySelector("dialog:modal")) return;
  dialog.showModal();
  const input = part("palette-q");
  input.select();
  window.htmx.trigger(input, "palette-opened");
}

document.addEventListener("keydown", (event) => {
  const dialog = part("palette");
  if (!dialog || event.isComposing) return;
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
    event.preventDefault();
    toggle(dialog);
    return;
  }
  if (event.target !== part("palette-q")) return;
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && chosen()) chosen().click();
  else if (event.key === "Escape") dialog.close(); // a search field would be emptied first
  else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const dialog = part("palette");
  if (event.target === dialog) dialog.close(); // the backdrop
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "palette-results") return;
  choose(part("palette-q").value.trim() ? options()[0] : null);
  part("palette-said").textContent = part("palette-options").dataset.said;
});

for (const hint of document.querySelectorAll(".search kbd[hidden]")) {
  hint.textContent = isMac ? "⌘ K" : "Ctrl K";
  hint.hidden = false;
}
