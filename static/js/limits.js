// Sliders beside the numbers of a proposal. Without them the numbers are typed.
//
//   <form data-limits data-mark=",">  the person's decimal mark
//     <input data-slider-min="60" data-slider-max="95" data-slider-step="0.1">  gets a slider, each follows the other;
//                        data-slider-rest is where it rests while the field is empty
//
// Moving a slider types into its field, so that whatever listens to the field (the preview) hears it.

const MINUS = "\u2212";

function numberIn(text, mark) {
  const plain = text.trim().replace(MINUS, "-").replace(mark, ".");
  return plain === "" ? NaN : Number(plain);
}

function textOf(number, step, mark) {
  const places = (step.split(".")[1] || "").length;
  return number.toFixed(places).replace(".", mark).replace("-", MINUS);
}

function addSlider(field, mark) {
  const { sliderMin, sliderMax, sliderStep, sliderRest } = field.dataset;
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: sliderMin, max: sliderMax, step: sliderStep });
  const label = document.querySelector(`label[for="${field.id}"]`);
  slider.setAttribute("aria-label", `${label.textContent.trim()}, ${field.form.dataset.slider || "slider"}`);
  const follow = () => {
    const typed = numberIn(field.value, mark);
    slider.value = Number.isNaN(typed) ? sliderRest : typed;
    slider.classList.toggle("is-empty", Number.isNaN(typed));
  };
  follow();
  field.addEventListener("input", follow);
  slider.addEventListener("input", (event) => {
    event.stopPropagation();
    field.value = textOf(Number(slider.value), sliderStep, mark);
    slider.classList.remove("is-empty");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // The value reached is what a script reads; people hear it with its unit in the field.
  slider.addEventListener("change", (event) => event.stopPropagation());
  field.closest(".input-unit").after(slider);
}

function start(root) {
  for (const form of root.querySelectorAll("form[data-limits]:not([data-ready])")) {
    form.dataset.ready = "";
    for (const field of form.querySelectorAll("input[data-slider-min]")) addSlider(field, form.dataset.mark);
  }
}

start(document);
document.body.addEventListener("htmx:afterSettle", () => start(document));
