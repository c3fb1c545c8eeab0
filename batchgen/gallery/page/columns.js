"use strict";
// The data of the page: columns of distinct values and codes, as batchgen/gallery/columns.py writes them.

// Marks "no value" where values are written as text: in the address, in filters.
const NOTHING = "\u2205";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compareValues(left, right) {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return collator.compare(String(left), String(right));
}

class Column {
  constructor(name, label, encoded, count) {
    this.name = name;
    this.label = label;
    this.values = encoded.values;
    // One code a slot, -1 for no value. Without codes: one value for all, or each slot its own.
    const given = encoded.codes;
    this.codes = given ? Int32Array.from(given) : new Int32Array(count);
    if (!given && this.values.length > 1) for (let row = 0; row < count; row++) this.codes[row] = row;
  }

  value(row) {
    const code = this.codes[row];
    return code < 0 ? null : this.values[code];
  }

  text(code) {
    return code < 0 ? NOTHING : String(this.values[code]);
  }

  // Codes in the order of their values; no value comes last.
  get sorted() {
    this._sorted ??= Int32Array.from(this.values.keys()).sort((a, b) => compareValues(this.values[a], this.values[b]));
    return this._sorted;
  }

  // For each code its place in that order.
  get ranks() {
    if (!this._ranks) {
      this._ranks = new Int32Array(this.values.length);
      this.sorted.forEach((code, place) => { this._ranks[code] = place; });
    }
    return this._ranks;
  }

  // The values in lower case, to be searched.
  get folded() {
    this._folded ??= this.values.map((value) => String(value).toLowerCase());
    return this._folded;
  }
}

async function unpack(id) {
  const element = document.getElementById(id);
  const packed = bytesOf(element.textContent);
  element.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return await new Response(stream).json();
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const LABELS = {
  row_id: "row", image_number: "image", enhanced_prompt: "enhanced prompt", aspect_ratio: "aspect ratio",
  error_kind: "reason", cost_usd: "cost", finished_at: "time made", latency_s: "seconds taken", run_id: "run",
};

class PageData {
  constructor(block) {
    this.count = block.count;
    this.about = block.about;
    this.columns = new Map();
    this.own = [];
    for (const [name, encoded] of Object.entries(block.index)) this.add(name, LABELS[name] ?? name, encoded);
    for (const [name, encoded] of Object.entries(block.own)) this.own.push(this.add(`own.${name}`, name, encoded));
    for (const name of ["key", "file", "thumbnail", "enhanced"]) {
      this.add(name, name === "enhanced" ? "prompt was" : name, block[name]);
    }
    this.ratios = this.measure();
    this.rowOfKey = new Map();
    for (let row = 0; row < this.count; row++) this.rowOfKey.set(this.value("key", row), row);
  }

  add(name, label, encoded) {
    const column = new Column(name, label, encoded, this.count);
    this.columns.set(name, column);
    return column;
  }

  column(name) {
    return this.columns.get(name);
  }

  value(name, row) {
    return this.columns.get(name).value(row);
  }

  // What only an open image shows. Unpacked once, when it is first asked for.
  details() {
    this._details ??= unpack("details").then((block) => {
      for (const [name, encoded] of Object.entries(block.index)) this.add(name, name, encoded);
    });
    return this._details;
  }

  fileName(row) {
    return this.value("file", row)?.replace("*", this.value("key", row)) ?? null;
  }

  // Where an image lies, as an address below this page; whatever the name, it cannot lead elsewhere.
  imagePath(row) {
    return this.fileName(row)?.split("/").map(encodeURIComponent).join("/") ?? null;
  }

  thumbnail(row) {
    const hash = this.value("thumbnail", row);
    if (!hash) return null;
    const embedded = document.getElementById(`thumbnail-${hash}`);
    if (embedded) return `data:image/webp;base64,${embedded.textContent}`;
    return `gallery/${encodeURIComponent(hash.slice(0, 2))}/${encodeURIComponent(hash.slice(2))}.webp`;
  }

  where(row) {
    return `${this.value("manifest", row)}:${this.value("line", row)}`;
  }

  // Width over height of each image, within what a tile can show; what was not made is square, to hold its reason.
  measure() {
    const [width, height] = [this.columns.get("width"), this.columns.get("height")];
    const ratios = new Float32Array(this.count);
    for (let row = 0; row < this.count; row++) {
      const ratio = width.value(row) / height.value(row);
      ratios[row] = ratio > 0 ? Math.min(3, Math.max(0.4, ratio)) : 1;
    }
    return ratios;
  }
}
