"use strict";
// The head of the page: what the whole dataset holds and cost, and how its runs went, as figures and small charts.

const CHART = { width: 220, height: 56 };
const BARS = 44;
// A pause longer than this is between runs, not in one; charts leave it out.
const LONGEST_PAUSE_MS = 60_000;

function showHead(data, filterBy) {
  const { about } = data;
  const saved = about.slots.ok ?? 0;
  const total = Object.values(about.slots).reduce((sum, count) => sum + count, 0);
  document.title = `${about.title} · gallery`;
  document.getElementById("title").textContent = about.title;
  const subtitle = [`${counted(about.runs.length, "run")}`, `as of ${moment(about.written_at)}`];
  if (about.running) subtitle.push("a run is still writing it");
  if (data.count < total) subtitle.push(`the newest ${numbers.format(data.count)} of ${numbers.format(total)} slots are shown`);
  document.getElementById("subtitle").textContent = subtitle.join(" · ");

  const figures = [figure(numbers.format(saved), saved === 1 ? "image" : "images", "ok", filterBy)];
  for (const status of ["blocked", "failed", "invalid", "in_doubt"]) {
    if (about.slots[status]) figures.push(figure(numbers.format(about.slots[status]), plainWords(status), status, filterBy));
  }
  const spent = about.simulated ? "simulated, nothing paid" : "spent";
  const unknown = about.unknown_costs ? `${spent}, ${numbers.format(about.unknown_costs)} of unknown cost` : spent;
  figures.push(figure(dollars(about.cost_usd), unknown));
  document.getElementById("figures").replaceChildren(...figures);
}

function figure(value, label, status, filterBy) {
  const number = status ? makeButton(value, "link", () => filterBy("status", status)) : value;
  if (status) number.setAttribute("aria-label", `${value} ${label}: show only these`);
  return make("div", `figure ${status ?? ""}`, make("dt", "", label), make("dd", "", number));
}

function showCharts(data) {
  const charts = [rateChart(data), timeChart(data), errorChart(data.about.errors)];
  document.getElementById("charts").replaceChildren(...charts.filter(Boolean));
}

function rateChart(data) {
  const times = savedValues(data, "finished_at");
  if (times.length < 3) return null;
  // Time in which something came, one run after another.
  let busy = 0;
  const at = times.map((time, place) => (busy += place ? Math.min(time - times[place - 1], LONGEST_PAUSE_MS) : 0));
  if (!busy) return null;
  const bars = new Array(Math.min(BARS, Math.max(6, Math.floor(times.length / 4)))).fill(0);
  for (const time of at) bars[Math.min(bars.length - 1, Math.floor((time / busy) * bars.length))]++;
  const minutes = busy / bars.length / 60_000;
  const rates = bars.map((count) => count / minutes);
  const mean = ((times.length - 1) / busy) * 60_000;
  return chart("Images a minute", numbers.format(Math.round(mean)), rates,
    `from start to end, ${duration(busy)} without pauses; at most ${numbers.format(Math.round(Math.max(...rates)))}`,
    ["start", duration(busy)]);
}

function timeChart(data) {
  const times = savedValues(data, "latency_s");
  if (times.length < 3) return null;
  const [low, high] = [times[0], times[Math.floor(times.length * 0.99)]];
  const median = times[times.length >> 1];
  const bars = new Array(Math.min(BARS, Math.max(6, Math.floor(Math.sqrt(times.length) * 2)))).fill(0);
  for (const time of times) {
    const place = high > low ? Math.floor(((time - low) / (high - low)) * bars.length) : 0;
    bars[Math.min(bars.length - 1, place)]++;
  }
  return chart("Seconds for an image", seconds(median), bars,
    `half take less than ${seconds(median)}, one in a hundred more than ${seconds(high)}`, [seconds(low), seconds(high)]);
}

function errorChart(errors) {
  const kinds = Object.entries(errors).sort((a, b) => b[1] - a[1]);
  if (!kinds.length) return null;
  const most = kinds[0][1];
  const list = make("ul", "kinds");
  for (const [kind, count] of kinds.slice(0, 5)) {
    const bar = make("span", "share");
    bar.style.width = `${(100 * count) / most}%`;
    list.append(make("li", "", make("span", "value", plainWords(kind)), make("span", "number", numbers.format(count)), bar));
  }
  if (kinds.length > 5) list.append(make("li", "more", `and ${counted(kinds.length - 5, "other kind")}`));
  return make("section", "chart", make("h2", "", "Not made, by reason"), list);
}

// Values of a column over the saved images, ascending.
function savedValues(data, name) {
  const [status, column] = [data.column("status"), data.column(name)];
  const ok = status.values.indexOf("ok");
  const values = [];
  column.codes.forEach((code, row) => { if (code >= 0 && status.codes[row] === ok) values.push(column.values[code]); });
  return Float64Array.from(values).sort();
}

function chart(title, value, bars, description, ends) {
  const svg = element("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", preserveAspectRatio: "none" });
  svg.setAttribute("aria-label", `${title}: ${value}; ${description}`);
  const most = Math.max(...bars, 1e-9);
  const step = CHART.width / bars.length;
  bars.forEach((bar, place) => {
    const height = bar ? Math.max(1.5, (bar / most) * CHART.height) : 0;
    svg.append(element("rect", { x: place * step, y: CHART.height - height, width: Math.max(0.5, step - 1), height, rx: Math.min(1.5, step / 4) }));
  });
  const tip = element("title", {});
  tip.textContent = description;
  svg.prepend(tip);
  return make("section", "chart", make("h2", "", title, make("b", "", value)), svg,
    make("p", "ends", make("span", "", ends[0]), make("span", "", ends[1])));
}

function element(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function duration(milliseconds) {
  const total = milliseconds / 1000;
  if (total < 120) return seconds(total);
  if (total < 7200) return `${Math.round(total / 60)} min`;
  return `${(total / 3600).toFixed(1)} h`;
}
