// Live mode of a review. The page works without it: links lead from item to item, and one form keeps all notes.
//
//   arrow keys               go to the previous and the next item, unless one is typing
//   <form data-draft="name"> what is typed is kept in this tab until it was saved, so that no step loses it

const desk = () => document.getElementById("desk");
const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || typing(event.target)) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && desk()?.querySelector(`.live__steps a[rel="${rel}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

// --- drafts ------------------------------------------------------------------------------
const KEPT = "input:not([type=hidden], [type=checkbox], [type=radio]), textarea, select";
const keyOf = (form) => `review-${desk().dataset.review}-${desk().dataset.item}-${form.dataset.draft}`;

function keep(form) {
  const typed = {};
  let isEmpty = true;
  for (const field of form.querySelectorAll(KEPT)) {
    typed[field.name] = field.value;
    if (field.value && !field.matches("select")) isEmpty = false;
  }
  if (isEmpty) sessionStorage.removeItem(keyOf(form));
  else sessionStorage.setItem(keyOf(form), JSON.stringify(typed));
}

function restore(form) {
  const typed = JSON.parse(sessionStorage.getItem(keyOf(form)) ?? "{}");
  for (const [name, value] of Object.entries(typed)) {
    const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
    if (!field) continue;
    field.value = value;
    const part = field.closest("details");
    if (part && value && !field.matches("select")) part.open = true;
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (form) keep(form);
});
// What was stored is no draft any more.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig?.elt?.closest?.("form[data-draft]");
  if (form && event.detail.xhr.status < 300) sessionStorage.removeItem(keyOf(form));
});
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.id !== "desk") return;
  document.querySelectorAll("form[data-draft]").forEach(restore);
});

document.querySelectorAll("form[data-draft]").forEach(restore);
// A decision that is settled asks for nothing any more.
if (desk() && !desk().querySelector('form[data-draft="decide"]')) {
  sessionStorage.removeItem(`review-${desk().dataset.review}-${desk().dataset.item}-decide`);
}
