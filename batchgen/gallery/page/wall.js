"use strict";
// The wall of images. Only the tiles in sight are elements; scrolling makes and drops them.

// Beyond the window's edges, so that a flick of the wheel meets no empty space.
const MARGIN_PIXELS = 500;

class Wall {
  constructor(element, data, open) {
    this.element = element;
    this.data = data;
    this.open = open; // called with a place in `rows`
    this.rows = new Uint32Array(0);
    this.tiles = new Map(); // place -> element
    this.heads = new Map(); // place of a group's first tile -> element
    this.current = 0; // the place that has the focus, or would have it
    addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.relayout()).observe(element);
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => {
      const tile = event.target.closest("[role=option]");
      if (tile) this.open(Number(tile.dataset.place));
    });
  }

  show(rows, group, target) {
    this.rows = rows;
    this.group = group;
    this.target = target;
    this.current = 0;
    this.relayout();
  }

  relayout() {
    this.width = this.element.clientWidth;
    if (!this.width) return;
    const codes = this.group?.codes;
    // On a phone two images side by side are better than one with an empty half.
    const target = Math.min(this.target, this.width / 2.2);
    this.layout = arrange(this.rows, this.data.ratios, this.width, target, codes ? (row) => codes[row] : null);
    this.element.style.height = `${this.layout.height}px`;
    for (const element of [...this.tiles.values(), ...this.heads.values()]) element.remove();
    this.tiles.clear();
    this.heads.clear();
    this.draw();
  }

  draw() {
    if (!this.layout || this.element.hidden) return;
    const { lines } = this.layout;
    const above = -this.element.getBoundingClientRect().top;
    const from = lineAt(lines, above - MARGIN_PIXELS);
    let to = from;
    while (to < lines.length && lines[to].top < above + innerHeight + MARGIN_PIXELS) to++;
    const first = lines[from]?.first ?? 0;
    const last = lines[to]?.first ?? this.rows.length;
    for (const elements of [this.tiles, this.heads]) dropOutside(elements, first, last);
    const { heads } = this.layout;
    for (let head = headAt(heads, first); head < heads.length && heads[head].first < last; head++) {
      if (!this.heads.has(heads[head].first)) this.addHead(heads[head]);
    }
    for (let place = first; place < last; place++) if (!this.tiles.has(place)) this.addTile(place);
  }

  addHead({ line, left, width, first, end }) {
    const value = this.group.value(this.rows[first]);
    const name = value === null ? `no ${this.group.label}` : String(value);
    const head = make("div", "group", make("b", "", name), end - first > 1 ? make("span", "", numbers.format(end - first)) : null);
    head.setAttribute("role", "presentation");
    head.title = name;
    head.style.transform = `translate(${left}px, ${this.layout.lines[line].top - GROUP_HEAD}px)`;
    head.style.width = `${width}px`;
    this.heads.set(first, head);
    this.element.append(head);
  }

  addTile(place) {
    const { left, across, lineOf, lines } = this.layout;
    const line = lines[lineOf[place]];
    const tile = makeTile(this.data, this.rows[place]);
    tile.setAttribute("role", "option");
    tile.setAttribute("aria-selected", "false");
    tile.setAttribute("aria-posinset", place + 1);
    tile.setAttribute("aria-setsize", this.rows.length);
    tile.dataset.place = place;
    tile.tabIndex = place === this.current ? 0 : -1;
    tile.style.transform = `translate(${left[place]}px, ${line.top}px)`;
    tile.style.width = `${across[place]}px`;
    tile.style.height = `${line.height}px`;
    this.tiles.set(place, tile);
    this.element.append(tile);
  }

  focus(place) {
    if (!this.rows.length) return;
    const before = this.tiles.get(this.current);
    if (before) before.tabIndex = -1;
    this.current = Math.max(0, Math.min(place, this.rows.length - 1));
    const line = this.layout.lines[this.layout.lineOf[this.current]];
    const top = this.element.getBoundingClientRect().top + line.top;
    const bar = document.getElementById("bar").offsetHeight + 12;
    if (top < bar || top + line.height > innerHeight) {
      scrollBy({ top: top < bar ? top - bar : top + line.height - innerHeight + 12, behavior: "instant" });
    }
    this.draw();
    const tile = this.tiles.get(this.current);
    tile.tabIndex = 0;
    tile.focus({ preventScroll: true });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = Number(event.target.dataset?.place ?? this.current);
    const line = this.layout.lineOf[place];
    const middle = this.layout.left[place] + this.layout.across[place] / 2;
    const vertical = (step) => {
      const wanted = Math.max(0, Math.min(this.layout.lines.length - 1, line + step));
      return wanted === line ? place : nearest(this.layout, wanted, middle);
    };
    const moves = {
      ArrowLeft: () => place - 1,
      ArrowRight: () => place + 1,
      ArrowUp: () => vertical(-1),
      ArrowDown: () => vertical(1),
      PageUp: () => vertical(-4),
      PageDown: () => vertical(4),
      Home: () => 0,
      End: () => this.rows.length - 1,
    };
    if (event.key in moves) this.focus(moves[event.key]());
    else if (event.key === "Enter" || event.key === " ") this.open(place);
    else return;
    event.preventDefault();
  }
}

// The image of a slot, or why there is none. Used on the wall, in the grid and for relatives of an open image.
function makeTile(data, row) {
  const status = data.value("status", row);
  const prompt = data.value("prompt", row);
  const name = data.value("row_id", row);
  if (status !== "ok") {
    const tile = make("div", `tile missing ${status}`,
      make("span", "badge", plainWords(status)),
      make("b", "name", name),
      make("span", "reason", data.value("error_message", row) ?? ""),
      make("span", "where", make("bdi", "", data.where(row))));
    tile.setAttribute("aria-label", `${plainWords(status)}: ${name}. ${prompt}. ${data.value("error_message", row)}`);
    tile.title = prompt;
    return tile;
  }
  const image = document.createElement("img");
  image.alt = "";
  image.decoding = "async";
  image.draggable = false;
  const tile = make("div", "tile", image, make("span", "caption", make("b", "", name), ` ${prompt}`));
  tile.setAttribute("aria-label", `${name}, image ${data.value("image_number", row) + 1}. ${prompt}`);
  image.addEventListener("load", () => tile.classList.add("loaded"));
  // Without a thumbnail the image itself; without that, words.
  image.addEventListener("error", () => {
    const path = data.imagePath(row);
    if (image.getAttribute("src") !== path) image.src = path;
    else image.replaceWith(make("span", "reason", `${data.fileName(row)} cannot be shown`));
  });
  image.src = data.thumbnail(row);
  return tile;
}

// Tiles and heads out of sight go, but for the one that has the focus.
function dropOutside(elements, first, last) {
  for (const [place, element] of elements) {
    if ((place < first || place >= last) && element !== document.activeElement) {
      element.remove();
      elements.delete(place);
    }
  }
}
