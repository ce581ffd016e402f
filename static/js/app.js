// Small enhancements of pages that work without them. No state, no framework, no inline code.
//
//   <details data-menu>          closes on Escape (focus returns to its summary) and on a press outside it
//   .error-summary               takes the focus after a refused form, swapped in or loaded
//   HX-Trigger: {"fact": {"message": "…"}}   is shown and announced in #notices; without a message, the fact's words
//   a "notice" event on the document       its detail, a text, is shown and announced the same way
//   <form method="post">         is sent once: a second press while the answer is under way does nothing
//   #notices[data-failed][data-offline]      what to say when a request failed
//   [data-keeps-trying]          says by itself that the server can't be reached

const NOTICE_SECONDS = 8;
const NOTICES_AT_ONCE = 3;
// Looked up when needed: going Back swaps the body, and the region with it.
const region = () => document.getElementById("notices");

// --- menus -------------------------------------------------------------------------------
document.addEventListener("pointerdown", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (!menu) return;
  const inside = menu.contains(document.activeElement);
  menu.open = false;
  if (inside) menu.querySelector("summary").focus();
});

document.addEventListener("focusin", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// --- refused forms -----------------------------------------------------------------------
function focusErrors(root) {
  const summary = root.matches?.(".error-summary") ? root : root.querySelector?.(".error-summary");
  if (!summary) return;
  summary.tabIndex = -1;
  summary.focus();
}

focusErrors(document);
document.body.addEventListener("htmx:afterSettle", (event) => focusErrors(event.detail.elt));

// --- sent once ---------------------------------------------------------------------------
// The server bears a form that arrives twice; but the second answer would hide the first. htmx sees to its own forms.
const UNDER_WAY_SECONDS = 10; // then the answer was lost, and the person may press again
let underWay = new WeakSet();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || (event.submitter?.formMethod || form.method) !== "post") return;
  if (underWay.has(form)) return event.preventDefault();
  underWay.add(form);
  setTimeout(() => underWay.delete(form), UNDER_WAY_SECONDS * 1000);
});
window.addEventListener("pageshow", () => { underWay = new WeakSet(); });

// --- notices -----------------------------------------------------------------------------
function announce(text) {
  const notices = region();
  for (const old of [...notices.children]) if (old.textContent === text) old.remove();
  if (notices.children.length >= NOTICES_AT_ONCE) notices.firstElementChild.remove();
  const notice = document.createElement("p");
  notice.className = "notice";
  notice.textContent = text;
  notices.append(notice);
  setTimeout(() => notice.remove(), NOTICE_SECONDS * 1000);
}

document.addEventListener("notice", (event) => announce(event.detail));

// A header in the past tense: "measurement-recorded", or JSON with a message for each fact.
function factsIn(header) {
  if (!header) return [];
  if (!header.startsWith("{")) return header.split(",").map((name) => inWords(name.trim()));
  return Object.entries(JSON.parse(header)).map(([name, detail]) => detail?.message || inWords(name));
}

function inWords(name) {
  const words = name.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

document.body.addEventListener("htmx:afterRequest", (event) => {
  const { successful, xhr } = event.detail;
  if (successful) factsIn(xhr.getResponseHeader("HX-Trigger")).forEach(announce);
});
document.body.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status !== 401) announce(region().dataset.failed); // session.js says that the session ended
});
document.body.addEventListener("htmx:sendError", ({ detail }) => {
  if (!detail.elt.closest("[data-keeps-trying]")) announce(region().dataset.offline);
});
