// A session may end, and begin anew in another tab, while a form is open. What was typed can still be sent.
//
//   input[name=csrfmiddlewaretoken]   gets the present token when its form is sent: signing in changes it for every tab
//   template#signed-out               what is shown in #notices when the session turns out to have ended; the page stays

const TOKEN = "csrfmiddlewaretoken";

// Only our own pages can read this cookie: that is what the token proves.
const present = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];

document.addEventListener("submit", (event) => {
  const field = event.target.elements.namedItem(TOKEN);
  if (field && present()) field.value = present();
}, true);
document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.formData.has(TOKEN) && present()) detail.formData.set(TOKEN, present());
});

// --- signed out --------------------------------------------------------------------------
const notice = () => document.querySelector("#notices [data-signed-out]");

function sayIt() {
  const words = document.getElementById("signed-out");
  if (words && !notice()) document.getElementById("notices").append(words.content.cloneNode(true));
}

document.body.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status === 401) sayIt();
});
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful && !detail.xhr.getResponseHeader("HX-Redirect")) notice()?.remove();
});

// A part of the page that is read anew would lead to the sign-in page: not while something typed would be lost by it.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (!event.detail.xhr.getResponseHeader("HX-Redirect") || !isAnythingTyped()) return;
  event.preventDefault();
  sayIt();
});

function isAnythingTyped() {
  return [...document.querySelectorAll("form[method=post]")].some((form) => [...form.elements].some(isTyped));
}

function isTyped(field) {
  if (field.matches("select")) {
    const options = [...field.options];
    if (field.multiple) return options.some((option) => option.selected !== option.defaultSelected);
    return field.selectedIndex !== Math.max(options.findIndex((option) => option.defaultSelected), 0);
  }
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.matches("input, textarea") && field.value !== field.defaultValue;
}
