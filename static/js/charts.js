// Draws the chart of one KPI with Plotly, from plain data the server put beside it. Loaded as a module, after
// vendor/plotly/plotly-basic.min.js. Without JavaScript the table twin has every figure; nothing is computed here
// that a reader could not find there.
//
// Markup (templates/components/chart.html):
//   <div class="plot" data-chart="chart-data" tabindex="0" role="group" aria-label="…"></div>
//   <script id="chart-data" type="application/json">…</script>
//   data-picks="id_of_a_field"  optional: Enter or a click on a period puts its start into that field and goes there
//   data-picks-until="id"       optional: with Shift held, its last day goes into this field: the end of a range
//
// Figure (lists may be empty or absent; days are ISO dates; a span is half-open, from `start` up to but not `end`):
//   unit       "%", "min" or ""; printed on the topmost tick
//   locale     "en", "de" …: decimal mark and month names
//   minimum, maximum   numbers or null: the KPI can't be outside, so the axis doesn't go there either
//   periods    [{start, end, label, value, band, provisional, signal, text, hover}] oldest first
//              label: "W46", under short spans; value: number, or null when missing (the line breaks); band: "on_track" | "at_risk" | "off_track" | "";
//              signal: outside the natural limits; text: the value as printed, "77.6"; hover: list of lines of text
//              A period without value and label, of no length, breaks the line between two others.
//   goal       [{start, end, value, text}] one per step; text: label at the right end, "goal 80.0"; a range has both ends
//   red_flag   [{start, end, value, text}]
//   zones      [{start, end, band, low, high}] what is coloured; null: open to that side
//   limits     [{start, end, lower, centre, upper, text}] natural limits, one per baseline; text: "natural limits 54.3–97.8"
//   expected   {points: [{day, value}], text} path an initiative promised, or null
//   compared   {points: [{day, value}], text} a second line: last year, year to date, rolling; or null
//   markers    [{number, day}] numbered annotations; their words are in the list below the chart

const Plotly = window.Plotly;
const BANDS = {
  on_track: { name: "on", symbol: "circle" },
  at_risk: { name: "risk", symbol: "triangle-up" },
  off_track: { name: "off", symbol: "square" },
  "": { name: "none", symbol: "circle-open" },
};
const NARROW = 608; // 38rem, as in chart.css
const NARROW_PERIODS = 26;
const LABEL_GAP = 13;
const MARKER_GAP = 18;
const TOKENS = [
  "paper", "line", "line-strong", "ink", "ink-2", "ink-3", "accent", "off-text", "none-fill", "none-tint",
  "on-fill", "on-tint", "risk-fill", "risk-tint", "off-fill", "off-tint",
];

// --- colours: Plotly reads rgb only, the tokens are oklch inside light-dark() ---------------
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
const pen = canvas.getContext("2d", { willReadFrequently: true });

function coloursOf(element) {
  const probe = element.appendChild(document.createElement("span"));
  const colours = {};
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    colours[token] = `rgb(${pen.getImageData(0, 0, 1, 1).data.slice(0, 3).join(",")})`;
  }
  probe.remove();
  return colours;
}

// --- small pieces --------------------------------------------------------------------------
const ms = (day) => Date.parse(`${day}T00:00:00Z`);
const iso = (time) => new Date(time).toISOString().slice(0, 19);
const middle = (period) => iso((ms(period.start) + ms(period.end)) / 2);
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const isNumber = (value) => typeof value === "number";
const last = (list) => list[list.length - 1];

function line(x, y, style) {
  return { type: "scatter", mode: "lines", hoverinfo: "skip", x, y, line: style };
}

function points(periods, marker) {
  return {
    type: "scatter", mode: "markers", hoverinfo: "skip", cliponaxis: false,
    x: periods.map(middle), y: periods.map((period) => period.value), marker,
  };
}

// Steps that follow each other are joined, unless they are `apart`; a span without value between them is a gap.
function steps(spans, key, style, apart = false) {
  const x = [];
  const y = [];
  spans.forEach((span, index) => {
    if (index > 0 && (apart || spans[index - 1].end !== span.start)) {
      x.push(null);
      y.push(null);
    }
    x.push(span.start, span.end);
    y.push(span[key], span[key]);
  });
  return line(x, y, style);
}

// --- what is shown -------------------------------------------------------------------------
function windowOf(figure, narrow) {
  const periods = narrow ? figure.periods.slice(-NARROW_PERIODS) : figure.periods;
  const from = periods[0].start;
  const expected = (figure.expected?.points ?? []).filter((point) => point.day >= from);
  const to = [last(periods).end, ...expected.map((point) => point.day)].sort().at(-1);
  const clip = (spans) => (spans ?? [])
    .filter((span) => span.end > from && span.start < to)
    .map((span) => ({ ...span, start: span.start < from ? from : span.start, end: span.end > to ? to : span.end }));
  return {
    periods, from, to, expected,
    compared: (figure.compared?.points ?? []).filter((point) => point.day >= from),
    goal: clip(figure.goal), redFlag: clip(figure.red_flag), zones: clip(figure.zones), limits: clip(figure.limits),
    markers: (figure.markers ?? []).filter((marker) => marker.day >= from && marker.day < to),
  };
}

function rangeOf(view, figure) {
  const values = [
    ...view.periods.map((period) => period.value),
    ...view.goal.map((step) => step.value), ...view.redFlag.map((step) => step.value),
    ...view.limits.flatMap((limit) => [limit.lower, limit.upper]),
    ...view.expected.map((point) => point.value), ...view.compared.map((point) => point.value),
  ].filter(isNumber);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const pad = (high - low || Math.abs(high) || 1) * 0.07;
  return [
    isNumber(figure.minimum) ? Math.max(low - pad, figure.minimum) : low - pad,
    isNumber(figure.maximum) ? Math.min(high + pad, figure.maximum) : high + pad,
  ];
}

// --- axes ----------------------------------------------------------------------------------
const DAY = 86_400_000;
const MONTH = 2.63e9;
const TICK_WIDTH = 44;

// Short spans name their periods, longer ones their months, very long ones their years.
function ticks(view, locale, width) {
  const months = (ms(view.to) - ms(view.from)) / MONTH;
  return { tickmode: "array", ...(months < 4 ? periodTicks(view, width) : monthTicks(view, months, locale, width)) };
}

function periodTicks(view, width) {
  const labelled = view.periods.filter((period) => period.label);
  const every = Math.ceil((labelled.length * TICK_WIDTH) / width);
  const named = labelled.filter((_, index) => (labelled.length - 1 - index) % every === 0);
  return { tickvals: named.map(middle), ticktext: named.map((period) => plain(period.label)) };
}

function monthTicks(view, months, locale, width) {
  const step = [1, 2, 3, 6, 12, 24, 60].find((size) => (width * size) / months >= TICK_WIDTH) ?? 60;
  const month = new Intl.DateTimeFormat(locale, { month: "short", timeZone: "UTC" });
  const first = new Date(ms(view.from));
  const tickvals = [];
  const ticktext = [];
  let year = null;
  for (let at = Date.UTC(first.getUTCFullYear(), Math.ceil(first.getUTCMonth() / step) * step, 1); at < ms(view.to);) {
    const day = new Date(at);
    if (at >= ms(view.from)) {
      const turned = day.getUTCFullYear() !== year;
      year = day.getUTCFullYear();
      tickvals.push(iso(at));
      ticktext.push(step >= 12 ? String(year) : month.format(day) + (turned ? `<br>${year}` : ""));
    }
    at = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + step, 1);
  }
  return { tickvals, ticktext };
}

function separatorsOf(locale) {
  const parts = new Intl.NumberFormat(locale, { useGrouping: true }).formatToParts(12345.6);
  const find = (type) => parts.find((part) => part.type === type)?.value ?? "";
  return find("decimal") + find("group");
}

// Labels at the right end, pushed apart from the top downwards so that none covers another.
function endLabels(view, figure, colour, toPixel) {
  const labels = [];
  const add = (value, text, shade) => text && labels.push({ text, shade, at: toPixel(value) });
  const addSteps = (list, shade) => {
    const end = list.map((step) => step.end).sort().at(-1);
    list.filter((step) => step.end === end).forEach((step) => add(step.value, step.text, shade)); // two for a range
  };
  addSteps(view.goal, colour.ink);
  addSteps(view.redFlag, colour["off-text"]);
  if (view.expected.length) add(last(view.expected).value, figure.expected.text, colour.accent);
  if (view.compared.length) add(last(view.compared).value, figure.compared.text, colour["ink-2"]);
  labels.sort((a, b) => a.at - b.at);
  labels.forEach((label, index) => {
    if (index > 0) label.at = Math.max(label.at, labels[index - 1].at + LABEL_GAP);
  });
  return labels;
}

// Numbered markers above their points; one that would cover the marker before it steps aside to the right.
function placed(view, measured, low, plotWidth) {
  const perPixel = (ms(view.to) - ms(view.from)) / plotWidth;
  let free = -Infinity;
  return view.markers.map((marker) => {
    const period = measured.find((one) => one.start <= marker.day && marker.day < one.end);
    const x = period ? middle(period) : `${marker.day}T00:00:00`;
    const pixel = (Date.parse(`${x}Z`) - ms(view.from)) / perPixel;
    const aside = Math.max(0, free - pixel);
    free = pixel + aside + MARKER_GAP;
    return { ...marker, x, y: period ? period.value : low, aside };
  });
}

// --- the figure for Plotly -----------------------------------------------------------------
function drawing(figure, width, colour, font) {
  const narrow = width < NARROW;
  const view = windowOf(figure, narrow);
  const height = narrow ? 280 : 400;
  const margin = { t: view.markers.length ? 34 : 10, r: narrow ? 8 : 112, b: 38, l: 40, pad: 0 };
  const plotHeight = height - margin.t - margin.b;
  const [low, high] = rangeOf(view, figure);
  const toPixel = (value) => margin.t + (plotHeight * (high - value)) / (high - low);
  const toPaper = (pixel) => 1 - (pixel - margin.t) / plotHeight;
  const clamp = (value) => Math.min(Math.max(value, low), high);

  const measured = view.periods.filter((period) => isNumber(period.value));
  const closed = view.periods.filter((period) => !period.provisional);
  const open = measured.filter((period) => period.provisional);
  const lastClosed = last(closed.filter((period) => isNumber(period.value)));
  const mark = (period) => BANDS[period.band];

  const data = [
    {
      ...points(measured, { size: 14, color: colour.ink, opacity: 0 }),
      hoverinfo: "text", hovertext: measured.map((period) => period.hover.map(plain).join("<br>")),
    },
    ...["lower", "centre", "upper"].map((key) => steps(
      view.limits, key, { color: colour["ink-3"], width: 1, dash: key === "centre" ? "solid" : "1px,3px" }, true,
    )),
    steps(view.goal, "value", { color: colour.ink, width: 1.25, dash: "6px,3px" }),
    steps(view.redFlag, "value", { color: colour["off-fill"], width: 1, dash: "2px,3px" }),
    line(view.expected.map((point) => point.day), view.expected.map((point) => point.value),
      { color: colour.accent, width: 1.5, dash: "8px,3px,2px,3px" }),
    line(view.compared.map((point) => point.day), view.compared.map((point) => point.value),
      { color: colour["ink-2"], width: 1.25, dash: "5px,3px" }),
    line(closed.map(middle), closed.map((period) => period.value), { color: colour.ink, width: 1.75 }),
    points(closed, { size: 4, color: colour.ink }),
    points(measured.filter((period) => period.signal), { size: 11, symbol: "circle-open", color: colour.ink, line: { width: 1.25 } }),
  ];
  if (lastClosed && open.length) {
    const tail = [lastClosed, ...open];
    data.push(line(tail.map(middle), tail.map((period) => period.value), { color: colour.ink, width: 1.25, dash: "3px,3px" }));
  }
  if (lastClosed) {
    const { name, symbol } = mark(lastClosed);
    data.push(points([lastClosed], { size: 12, symbol, color: colour[`${name}-fill`], line: { width: 1.5, color: colour.paper } }));
  }
  data.push(points(open, {
    size: 10, symbol: open.map((period) => mark(period).symbol.replace("-open", "")), color: colour.paper,
    line: { width: 2, color: open.map((period) => colour[`${mark(period).name}-fill`]) },
  }));

  const plotWidth = width - margin.l - margin.r;
  const markers = placed(view, measured, low, plotWidth);
  const shapes = [
    ...view.zones.map((zone) => ({
      type: "rect", layer: "below", line: { width: 0 }, opacity: 0.6, fillcolor: colour[`${BANDS[zone.band].name}-tint`],
      x0: zone.start, x1: zone.end, y0: clamp(zone.low ?? low), y1: clamp(zone.high ?? high),
    })),
    ...markers.map((marker) => ({
      type: "line", layer: "below", opacity: 0.45, line: { width: 1, color: colour["ink-3"] },
      x0: marker.x, x1: marker.x, y0: marker.y, y1: high,
    })),
    // Circles of a fixed size in pixels, standing on the top edge of the plot.
    ...markers.map((marker) => ({
      type: "circle", xref: "x", yref: "paper", xsizemode: "pixel", ysizemode: "pixel", xanchor: marker.x, yanchor: 1,
      x0: marker.aside - 8, x1: marker.aside + 8, y0: 8, y1: 24, fillcolor: colour.paper, line: { width: 1, color: colour["ink-2"] },
    })),
  ];
  const label = { showarrow: false, font: { size: 11, color: colour["ink-3"] }, xanchor: "left", align: "left" };
  const annotations = [
    ...markers.map((marker) => ({
      ...label, xanchor: "center", yanchor: "middle", yref: "paper", x: marker.x, y: 1, xshift: marker.aside, yshift: 16,
      text: String(marker.number), font: { size: 10, weight: 600, color: colour.ink },
    })),
    ...(narrow ? [] : endLabels(view, figure, colour, toPixel)).map((end) => ({
      ...label, xref: "paper", yref: "paper", x: 1, xshift: 6, yanchor: "middle", y: toPaper(end.at), text: plain(end.text),
      font: { size: 11, color: end.shade },
    })),
    ...(narrow ? [] : view.limits).filter((limit) => limit.text).map((limit) => ({
      ...label, x: limit.start, xshift: 4, text: plain(limit.text),
      ...(toPixel(limit.upper) - margin.t > LABEL_GAP ? { y: limit.upper, yanchor: "bottom" } : { y: limit.lower, yanchor: "top" }),
    })),
  ];
  if (lastClosed) {
    const below = open.length > 0 && open[0].value > lastClosed.value;
    annotations.push({
      ...label, xanchor: "center", x: middle(lastClosed), y: lastClosed.value, yshift: below ? -16 : 16,
      text: plain(lastClosed.text), font: { size: 12, weight: 600, color: colour.ink },
    });
  }

  const axis = { fixedrange: true, zeroline: false, tickfont: { size: 11, color: colour["ink-3"] } };
  const layout = {
    width, height, margin, shapes, annotations, showlegend: false, dragmode: false, hovermode: "closest", hoverdistance: 30,
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { family: font, size: 11, color: colour["ink-3"] },
    separators: separatorsOf(figure.locale),
    hoverlabel: { bgcolor: colour.paper, bordercolor: colour["line-strong"], align: "left", font: { family: font, size: 12, color: colour.ink } },
    xaxis: {
      ...axis, type: "date", range: [view.from, view.to], showgrid: false, showline: true, linecolor: colour["line-strong"],
      ticks: "outside", ticklen: 4, tickcolor: colour["line-strong"],
      ...ticks(view, figure.locale, plotWidth),
    },
    yaxis: {
      ...axis, range: [low, high], gridcolor: colour.line, nticks: narrow ? 5 : 7, layer: "below traces", ticks: "outside",
      ticklen: 4, tickcolor: "transparent", ticksuffix: figure.unit === "%" ? "%" : "", showticksuffix: "last",
    },
  };
  return { data, layout, measured };
}

// --- one chart on the page -----------------------------------------------------------------
const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false, showTips: false };
const drawn = new Map(); // element -> redraw

function start(element) {
  if (drawn.has(element)) return;
  const figure = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  if (!figure.periods?.some((period) => isNumber(period.value))) return;
  element.replaceChildren();
  const stage = element.appendChild(document.createElement("div"));
  stage.ariaHidden = "true"; // its loose numbers say nothing when read out; arrow keys and the table twin do
  const spoken = element.appendChild(document.createElement("p"));
  spoken.className = "sr-only";
  spoken.setAttribute("role", "status");
  let width = 0;
  let measured = [];
  let at = -1;

  const redraw = () => {
    const picture = drawing(figure, width, coloursOf(element), getComputedStyle(element).fontFamily);
    measured = picture.measured;
    Plotly.react(stage, picture.data, picture.layout, CONFIG);
  };
  const watch = new ResizeObserver(([entry]) => {
    const next = Math.round(entry.contentRect.width);
    if (next === width || next === 0) return;
    width = next;
    redraw();
    if (!stage.dataset.listens) {
      stage.dataset.listens = "true";
      stage.on("plotly_click", (event) => pick(event.points[0].pointNumber, event.event?.shiftKey));
    }
  });
  watch.observe(element);
  drawn.set(element, { redraw, stop: () => { watch.disconnect(); Plotly.purge(stage); } });

  function pick(index, extend) {
    const field = element.dataset.picks && document.getElementById(element.dataset.picks);
    if (!field) return;
    const until = element.dataset.picksUntil && document.getElementById(element.dataset.picksUntil);
    const { start: first, end } = measured[index];
    if (extend && until && field.value && field.value <= first) {
      until.value = iso(ms(end) - DAY).slice(0, 10);
      until.focus();
      return;
    }
    field.value = first;
    if (until) until.value = "";
    field.focus();
  }

  function move(to) {
    at = Math.min(Math.max(to, 0), measured.length - 1);
    Plotly.Fx.hover(stage, [{ curveNumber: 0, pointNumber: at }]);
    spoken.textContent = measured[at].hover.join(", ");
  }

  element.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at < 0 ? measured.length - 1 : at - 1, ArrowRight: at < 0 ? measured.length - 1 : at + 1, Home: 0, End: measured.length - 1 };
    if (event.key in moves) move(moves[event.key]);
    else if (event.key === "Enter" && at >= 0) pick(at, event.shiftKey);
    else if (event.key === "Escape" && at >= 0) leave();
    else return;
    event.preventDefault();
  });
  const leave = () => {
    at = -1;
    Plotly.Fx.unhover(stage);
    spoken.textContent = "";
  };
  element.addEventListener("blur", () => at >= 0 && leave());
}

const startWithin = (root) => {
  if (root.matches?.("[data-chart]")) start(root);
  root.querySelectorAll("[data-chart]").forEach(start);
};
startWithin(document);
document.body.addEventListener("htmx:load", (event) => startWithin(event.detail.elt));
document.body.addEventListener("htmx:beforeCleanupElement", (event) => {
  drawn.get(event.detail.elt)?.stop();
  drawn.delete(event.detail.elt);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((chart) => chart.redraw()));
