"use strict";
// One slot, large: its image, its prompt against the enhanced one, and everything else that is known of it.

// As many relatives as fit in a few lines; the rest are a click away.
const MOST_RELATIVES = 12;

class Detail {
  constructor(dialog, data, { go, leave, filterBy }) {
    this.dialog = dialog;
    this.data = data;
    Object.assign(this, { go, leave, filterBy }); // go(row), leave(), filterBy(column, value)
    this.sequence = [];
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) leave(); });
    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "ArrowLeft") this.step(-1);
      else if (event.key === "ArrowRight") this.step(1);
    });
  }

  step(by) {
    const next = this.sequence[this.sequence.indexOf(this.row) + by];
    if (next !== undefined) this.go(next);
  }

  close() {
    if (this.dialog.open) this.dialog.close();
    this.row = undefined;
  }

  // sequence: the rows that the arrows go through.
  async show(row, sequence) {
    this.row = row;
    this.sequence = sequence;
    await this.data.details();
    if (this.row !== row) return;
    const opened = !this.dialog.open;
    const scrolled = this.dialog.querySelector(".facts")?.scrollTop ?? 0;
    this.dialog.replaceChildren(this.figure(row), this.facts(row));
    if (opened) this.dialog.showModal();
    // Going through images, what is compared stays in sight.
    this.dialog.querySelector(".facts").scrollTop = opened ? 0 : scrolled;
    this.dialog.querySelector("h2").focus({ preventScroll: true });
    this.dialog.scrollTop = 0;
    for (const near of [1, -1]) this.preload(sequence[sequence.indexOf(row) + near]);
  }

  preload(row) {
    const path = row === undefined ? null : this.data.imagePath(row);
    if (path) new Image().src = path;
  }

  figure(row) {
    const { data } = this;
    const place = this.sequence.indexOf(row);
    const back = makeButton("‹", "step back", () => this.step(-1));
    const on = makeButton("›", "step on", () => this.step(1));
    back.setAttribute("aria-label", "Previous");
    on.setAttribute("aria-label", "Next");
    back.disabled = place <= 0;
    on.disabled = place + 1 >= this.sequence.length;
    const figure = make("figure", "stage", back, on, make("span", "place", `${numbers.format(place + 1)} of ${numbers.format(this.sequence.length)}`));
    if (data.value("status", row) !== "ok") {
      figure.append(makeTile(data, row));
      return figure;
    }
    const image = document.createElement("img");
    image.alt = data.value("enhanced_prompt", row) ?? data.value("prompt", row);
    image.width = data.value("width", row);
    image.height = data.value("height", row);
    image.style.backgroundImage = `url("${data.thumbnail(row)}")`;
    // A standalone page has no images beside it; its thumbnails are inside.
    image.addEventListener("error", () => { image.src = data.thumbnail(row); figure.classList.add("small"); }, { once: true });
    image.src = data.imagePath(row);
    figure.append(image);
    return figure;
  }

  facts(row) {
    const { data } = this;
    const value = (name) => data.value(name, row);
    const close = makeButton("×", "close", () => this.leave());
    close.setAttribute("aria-label", "Close");
    const title = make("h2", "", value("row_id"));
    title.id = "detail-title";
    title.tabIndex = -1;
    const status = make("span", `badge ${value("status")}`, plainWords(value("status")));
    const facts = make("div", "facts", make("header", "", title, status, close), this.reason(row), this.prompt(row), this.copies(row));
    facts.append(...this.relatives(row), ...this.tables(row));
    return facts;
  }

  reason(row) {
    const { data } = this;
    if (data.value("status", row) === "ok") return null;
    return make("section", `why ${data.value("status", row)}`,
      make("b", "", plainWords(data.value("error_kind", row) ?? "")),
      make("p", "", data.value("error_message", row) ?? ""),
      make("code", "", data.where(row)));
  }

  prompt(row) {
    const [prompt, enhanced] = [this.data.value("prompt", row), this.data.value("enhanced_prompt", row)];
    if (!enhanced || enhanced === prompt) return make("section", "prompt", make("h3", "", "Prompt"), make("p", "", prompt));
    const pieces = difference(prompt, enhanced);
    if (!pieces) {
      return make("section", "prompt", make("h3", "", "Prompt"), make("p", "", prompt), make("h3", "", "Enhanced prompt"), make("p", "", enhanced));
    }
    const tags = { same: "span", added: "ins", removed: "del" };
    return make("section", "prompt",
      make("h3", "", "Prompt, as ", make("ins", "", "enhanced"), " by the service"),
      make("p", "", ...pieces.map(([kind, text]) => make(tags[kind], "", text))));
  }

  copies(row) {
    const { data } = this;
    const button = (label, text) => {
      const made = makeButton(label, "copy", async () => {
        const copied = await copy(text());
        made.classList.toggle("done", copied);
        say(copied ? `${label} copied` : "The browser did not allow copying");
        setTimeout(() => made.classList.remove("done"), 1200);
      });
      return made;
    };
    const buttons = [
      button("Row id", () => data.value("row_id", row)),
      button("Prompt", () => data.value("prompt", row)),
      button("--select", () => selectArgument(data.value("row_id", row))),
      button("JSON", () => JSON.stringify(recordOf(data, row), null, 2)),
    ];
    if (data.value("enhanced_prompt", row)) buttons.splice(2, 0, button("Enhanced prompt", () => data.value("enhanced_prompt", row)));
    return make("div", "copies", make("span", "", "Copy"), ...buttons);
  }

  // Other images of the row, and of the prompt over all its rows and seeds.
  relatives(row) {
    return [["row_id", "this row"], ["prompt", "this prompt, all rows and seeds"]].map(([name, words], which, kinds) => {
      const column = this.data.column(name);
      const rows = rowsWith(column, column.codes[row]);
      const same = which > 0 && rows.length === rowsWith(this.data.column(kinds[0][0]), this.data.column(kinds[0][0]).codes[row]).length;
      if (rows.length < 2 || same) return null;
      const strip = make("div", "strip");
      for (const other of rows.slice(0, MOST_RELATIVES)) {
        const tile = makeTile(this.data, other);
        tile.setAttribute("role", "button");
        tile.tabIndex = 0;
        tile.style.aspectRatio = this.data.ratios[other];
        if (other === row) tile.setAttribute("aria-current", "true");
        tile.addEventListener("click", () => this.go(other));
        tile.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); this.go(other); } });
        strip.append(tile);
      }
      const all = makeButton(`Show all ${numbers.format(rows.length)}`, "link", () => this.filterBy(name, column.text(column.codes[row])));
      return make("section", "relatives", make("h3", "", `Of ${words} `, all), strip);
    }).filter(Boolean);
  }

  tables(row) {
    const { data } = this;
    const value = (name) => data.value(name, row);
    const parameters = Object.entries(parametersOf(data, row)).filter(([name]) => !["model", "seed", "aspect_ratio"].includes(name));
    return [
      table("Asked for", [
        ["model", value("model")],
        ["seed", value("seed") === null ? null : `${value("seed")} (${plainWords(value("seed_source"))})`],
        ["aspect ratio", value("aspect_ratio")],
        ...parameters.map(([name, given]) => [plainWords(name), typeof given === "string" ? given : JSON.stringify(given)]),
      ]),
      table("From the manifest", [...data.own.map((column) => [column.label, column.value(row)]), ["line", data.where(row)]]),
      table("What was received", [
        ["size", value("width") && `${value("width")} × ${value("height")}`],
        ["file", value("size_bytes") && `${value("mime_type")}, ${numbers.format(value("size_bytes"))} bytes`],
        ["cost", `${dollars(value("cost_usd"))}${value("cost_source") ? ` (${plainWords(value("cost_source"))})` : ""}`],
        ["time", value("latency_s") === null ? null : seconds(value("latency_s"))],
        ["attempts", value("attempts")],
        ["HTTP status", value("http_status")],
        ["sent", moment(value("sent_at"))],
        ["finished", moment(value("finished_at"))],
      ]),
      table("To find it again", [
        ["path", data.fileName(row)],
        ["SHA-256", value("sha256")],
        ["fingerprint", value("fingerprint")],
        ["image", `${value("image_number")} of request ${value("request_number")}`],
        ["client request id", value("client_request_id")],
        ["inference id", value("inference_id")],
        ["model of the answer", value("served_model")],
        ["in doubt", JSON.parse(value("in_doubt_ids") ?? "[]").join(" ") || null],
        ["came from", value("image_url")],
        ["run", value("run_id")],
        ["batchgen", value("batchgen_version")],
      ], "ids"),
    ].filter(Boolean);
  }
}

function table(title, entries, name = "") {
  const filled = entries.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!filled.length) return null;
  const list = make("dl", name);
  for (const [label, value] of filled) list.append(make("dt", "", label), make("dd", "", String(value)));
  return make("section", "table", make("h3", "", title), list);
}

function rowsWith(column, code) {
  const rows = [];
  column.codes.forEach((other, row) => { if (other === code) rows.push(row); });
  return rows;
}

function parametersOf(data, row) {
  try {
    return JSON.parse(data.value("params", row) ?? "{}");
  } catch {
    return { params: data.value("params", row) };
  }
}

// The index record of a slot, column by column in the index's order, then the manifest's own.
function recordOf(data, row) {
  const record = Object.create(null);
  for (const name of data.about.columns) {
    if (name === "file_name") record[name] = data.fileName(row);
    else if (name === "params") record[name] = parametersOf(data, row);
    else if (name.endsWith("_at")) record[name] = data.value(name, row) === null ? null : new Date(data.value(name, row)).toISOString();
    else if (name === "in_doubt_ids") record[name] = JSON.parse(data.value(name, row) ?? "[]");
    else if (name === "charges") record[name] = JSON.parse(data.value(name, row) ?? "null");
    else record[name] = data.value(name, row);
  }
  for (const column of data.own) record[column.label] = column.value(row);
  return record;
}

function say(text) {
  const place = document.querySelector("dialog[open]") ?? document.body;
  const said = document.getElementById("said");
  place.append(said); // outside an open dialog nothing is read out
  said.textContent = text;
}
