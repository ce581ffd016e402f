// Suggests colleagues while "@" and the beginning of a name are typed. Loaded as a module. Without it, or without an
// answer, the name or the email address is typed in full.
//
//   <div class="mentions" data-mentions="/address/of/the/list/"><textarea>…</textarea></div>
//   The address answers ?q=… with <li role="option" id="…" data-name="…">.
//
// Arrow keys choose, Enter or Tab takes, Escape closes; a press takes as well.

const CALLED = /(?:^|[\s(])@([^\s@][^@\n]{0,39}|)$/u;
const PAUSE = 200;
const LISTS = new WeakMap();

function listOf(box) {
  if (LISTS.has(box)) return LISTS.get(box);
  const area = box.querySelector("textarea");
  const list = box.appendChild(document.createElement("ul"));
  list.id = `${area.id}-people`;
  list.className = "mentions__list";
  list.setAttribute("role", "listbox");
  list.ariaLabel = area.labels[0]?.textContent ?? "@";
  list.hidden = true;
  area.setAttribute("aria-controls", list.id);
  area.setAttribute("aria-autocomplete", "list");
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    event.preventDefault();
    take(area, list, option);
  });
  LISTS.set(box, list);
  return list;
}

const called = (area) => CALLED.exec(area.value.slice(0, area.selectionStart))?.[1];
const chosen = (list) => list.querySelector("[aria-selected=true]");

function close(area, list) {
  list.hidden = true;
  area.removeAttribute("aria-activedescendant");
}

function choose(area, list, option) {
  chosen(list)?.setAttribute("aria-selected", "false");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  area.setAttribute("aria-activedescendant", option.id);
}

function take(area, list, option) {
  const end = area.selectionStart;
  const start = end - called(area).length;
  area.setRangeText(`${option.dataset.name} `, start, end, "end");
  close(area, list);
  area.focus();
}

async function suggest(box, area) {
  const list = listOf(box);
  const start = called(area);
  if (start === undefined) return close(area, list);
  const answer = await fetch(`${box.dataset.mentions}?${new URLSearchParams({ q: start })}`, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);
  if (!answer?.ok || answer.redirected || called(area) !== start) return close(area, list);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  list.replaceChildren(...fresh.querySelectorAll("[role=option]"));
  list.hidden = list.children.length === 0;
  if (list.hidden) return close(area, list);
  return choose(area, list, list.firstElementChild);
}

let waiting = 0;
document.addEventListener("input", (event) => {
  const box = event.target.closest?.("[data-mentions]");
  if (!box) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => suggest(box, event.target), PAUSE);
});

document.addEventListener("keydown", (event) => {
  const box = event.target.closest?.("[data-mentions]");
  const list = box && LISTS.get(box);
  if (!list || list.hidden) return;
  const option = chosen(list);
  const next = { ArrowDown: option?.nextElementSibling, ArrowUp: option?.previousElementSibling };
  if (event.key in next) { if (next[event.key]) choose(event.target, list, next[event.key]); }
  else if (["Enter", "Tab"].includes(event.key) && option) take(event.target, list, option);
  else if (event.key === "Escape") close(event.target, list);
  else return;
  event.preventDefault();
});

document.addEventListener("focusout", (event) => {
  const box = event.target.closest?.("[data-mentions]");
  if (box && LISTS.has(box)) close(event.target, LISTS.get(box));
});
