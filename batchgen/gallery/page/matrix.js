"use strict";
// The grid: the values of one column down, of another across, and the images where they meet.

const SIDE_WIDTH = 200;
const HEAD_HEIGHT = 44;
// Cells beyond the edges of what is in sight.
const SPARE_CELLS = 2;

class Matrix {
  constructor(element, data, open) {
    this.element = element;
    this.data = data;
    this.open = open; // called with the rows of a cell
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.cells && this.draw()).observe(element);
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(rows, down, across, size) {
    this.down = down;
    this.across = across;
    const used = (column) => {
      const seen = new Set();
      for (const row of rows) seen.add(column.codes[row]);
      const codes = [...column.sorted].filter((code) => seen.has(code));
      return seen.has(-1) ? [...codes, -1] : codes;
    };
    this.downCodes = used(down);
    this.acrossCodes = used(across);
    // Few columns share the width that is there, as far as their images stay sharp.
    this.sideWidth = Math.min(SIDE_WIDTH, this.element.clientWidth * 0.35);
    const share = Math.floor((this.element.clientWidth - this.sideWidth) / this.acrossCodes.length);
    this.size = Math.max(size, Math.min(share, size * 1.5));
    const places = (codes) => new Map(codes.map((code, place) => [code, place]));
    const [downPlaces, acrossPlaces] = [places(this.downCodes), places(this.acrossCodes)];
    this.cells = new Map(); // place down * number across + place across -> rows
    for (const row of rows) {
      const key = downPlaces.get(down.codes[row]) * this.acrossCodes.length + acrossPlaces.get(across.codes[row]);
      if (this.cells.has(key)) this.cells.get(key).push(row);
      else this.cells.set(key, [row]);
    }
    this.build();
    this.draw();
  }

  build() {
    this.corner = make("div", "corner", make("span", "", `${this.down.label} ↓`), make("span", "", `${this.across.label} →`));
    this.head = make("div", "head");
    this.side = make("div", "side");
    this.body = make("div", "body");
    const canvas = make("div", "canvas", this.corner, this.head, this.side, this.body);
    canvas.style.gridTemplate = `${HEAD_HEIGHT}px ${this.downCodes.length * this.size}px / ${this.sideWidth}px ${this.acrossCodes.length * this.size}px`;
    this.element.replaceChildren(canvas);
    this.element.scrollTo(0, 0);
    this.drawn = new Map();
  }

  draw() {
    if (this.element.hidden || !this.cells) return;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.element;
    const range = (start, length, count) => [
      Math.max(0, Math.floor(start / this.size) - SPARE_CELLS),
      Math.min(count, Math.ceil((start + length) / this.size) + SPARE_CELLS),
    ];
    const [top, bottom] = range(scrollTop, clientHeight, this.downCodes.length);
    const [left, right] = range(scrollLeft, clientWidth, this.acrossCodes.length);
    const wanted = new Map();
    for (let y = top; y < bottom; y++) wanted.set(`y${y}`, () => this.makeLabel(this.side, this.down, this.downCodes[y], 0, y));
    for (let x = left; x < right; x++) wanted.set(`x${x}`, () => this.makeLabel(this.head, this.across, this.acrossCodes[x], x, 0));
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const rows = this.cells.get(y * this.acrossCodes.length + x);
        if (rows) wanted.set(`${y},${x}`, () => this.makeCell(rows, x, y));
      }
    }
    for (const [key, element] of this.drawn) {
      if (!wanted.has(key)) {
        element.remove();
        this.drawn.delete(key);
      }
    }
    for (const [key, makeIt] of wanted) if (!this.drawn.has(key)) this.drawn.set(key, makeIt());
  }

  makeLabel(parent, column, code, x, y) {
    const label = make("div", "label", make("span", "", code < 0 ? `no ${column.label}` : column.text(code)));
    label.title = column.text(code);
    return this.place(parent, label, x, y);
  }

  makeCell(rows, x, y) {
    const best = rows.find((row) => this.data.value("status", row) === "ok") ?? rows[0];
    const cell = makeTile(this.data, best);
    cell.classList.add("cell");
    if (rows.length > 1) cell.append(make("span", "stack", String(rows.length)));
    cell.setAttribute("role", "button");
    const value = (column, code) => `${column.label} ${column.text(code)}`;
    cell.setAttribute("aria-label", `${value(this.down, this.downCodes[y])}, ${value(this.across, this.acrossCodes[x])}: ${counted(rows.length, "image")}. ${cell.getAttribute("aria-label")}`);
    cell.tabIndex = 0;
    cell.dataset.at = `${y},${x}`;
    cell.addEventListener("click", () => this.open(rows));
    return this.place(this.body, cell, x, y);
  }

  place(parent, element, x, y) {
    element.style.transform = `translate(${x * this.size}px, ${y * this.size}px)`;
    if (parent !== this.head) element.style.height = `${this.size - (parent === this.body ? GAP : 0)}px`;
    if (parent !== this.side) element.style.width = `${this.size - (parent === this.body ? GAP : 0)}px`;
    parent.append(element);
    return element;
  }

  // Arrows go to the next cell that has an image, in their direction.
  onKey(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const from = event.target.dataset?.at?.split(",").map(Number);
    if (!from) return;
    if (event.key === "Enter" || event.key === " ") event.target.click();
    else if (!(event.key in steps)) return;
    else {
      const [dy, dx] = steps[event.key];
      let [y, x] = [from[0] + dy, from[1] + dx];
      const inside = () => y >= 0 && x >= 0 && y < this.downCodes.length && x < this.acrossCodes.length;
      while (inside() && !this.cells.has(y * this.acrossCodes.length + x)) [y, x] = [y + dy, x + dx];
      if (inside()) this.focus(y, x);
    }
    event.preventDefault();
  }

  focus(y, x) {
    const { element, size } = this;
    const fit = (start, seen, position, lost) => Math.max(Math.min(start, position), position + size - (seen - lost));
    element.scrollTo(fit(element.scrollLeft, element.clientWidth, x * size, this.sideWidth), fit(element.scrollTop, element.clientHeight, y * size, HEAD_HEIGHT));
    this.draw();
    this.drawn.get(`${y},${x}`)?.focus({ preventScroll: true });
  }
}
