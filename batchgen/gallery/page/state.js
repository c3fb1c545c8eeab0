"use strict";
// What the page shows, kept in the address after the #: a link, a bookmark or Back brings it back.

const DEFAULTS = { q: "", sort: "", group: "", view: "wall", down: "", across: "", size: "208", image: "" };

class State {
  constructor() {
    this.filters = new Map(); // column name -> Set of values, as text
    Object.assign(this, DEFAULTS);
    this.read();
  }

  read() {
    Object.assign(this, DEFAULTS);
    this.filters = new Map();
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (Object.hasOwn(DEFAULTS, name)) this[name] = value;
      else if (name.startsWith("is.")) this.filter(name.slice(3)).add(value);
    }
    const size = Number(this.size);
    this.size = size >= 96 && size <= 352 ? String(size) : DEFAULTS.size;
  }

  filter(name) {
    if (!this.filters.has(name)) this.filters.set(name, new Set());
    return this.filters.get(name);
  }

  toggle(name, value) {
    const chosen = this.filter(name);
    if (!chosen.delete(value)) chosen.add(value);
    if (chosen.size === 0) this.filters.delete(name);
  }

  // The address with this image open, or none.
  hashOf(image) {
    const parameters = new URLSearchParams();
    const settings = { ...this, image };
    for (const name of Object.keys(DEFAULTS)) if (settings[name] !== DEFAULTS[name]) parameters.set(name, settings[name]);
    for (const [name, chosen] of this.filters) for (const value of chosen) parameters.append(`is.${name}`, value);
    return `#${parameters}`;
  }

  // Browsers allow a page only so many changes of address in a short time; typing makes more.
  write() {
    clearTimeout(this._writing);
    this._writing = setTimeout(() => this.replace(), 250);
  }

  replace(image = this.image) {
    clearTimeout(this._writing);
    const hash = this.hashOf(image);
    if (hash !== (location.hash || "#")) history.replaceState(null, "", hash);
  }

  // A step for Back: to the page as it is, without the image that opens now.
  push() {
    this.replace("");
    history.pushState(null, "", this.hashOf(this.image));
  }
}
