"use strict";
// The filters at the side: what can be ticked, with how many slots each value would show.

class Facets {
  constructor(element, columns, toggle) {
    this.columns = columns;
    this.boxes = columns.map((column) => this.build(element, column, toggle));
  }

  build(parent, column, toggle) {
    const totals = new Uint32Array(column.values.length + 1);
    for (const code of column.codes) totals[code + 1]++;
    // That there is no reason, or no prompt to enhance, is nothing to look for.
    const all = ["error_kind", "enhanced"].includes(column.name) ? [...column.sorted] : [...column.sorted, -1];
    const codes = all.filter((code) => totals[code + 1]);
    if (typeof column.values[0] !== "number") codes.sort((a, b) => (a < 0) - (b < 0) || totals[b + 1] - totals[a + 1]);
    const list = make("fieldset", `facet ${column.name.replace(".", "-")}`, make("legend", "", column.label));
    const boxes = codes.map((code) => {
      const value = column.text(code);
      const box = document.createElement("input");
      box.type = "checkbox";
      box.addEventListener("change", () => toggle(column.name, value));
      const number = make("span", "number");
      const share = make("span", "share");
      const words = this.describe(column, code);
      const label = make("label", column.name === "status" ? value : "", box, make("span", "value", words), number, share);
      label.title = value;
      list.append(label);
      return { code, value, box, number, share, label, total: totals[code + 1] };
    });
    parent.append(list);
    return boxes;
  }

  describe(column, code) {
    const value = column.text(code);
    if (code < 0) return "none";
    if (column.name === "run_id") return runName(value);
    return column.name.startsWith("own.") ? value : plainWords(value);
  }

  show(counts, filters) {
    this.columns.forEach((column, facet) => {
      const chosen = filters.get(column.name);
      const most = Math.max(1, ...counts[facet]);
      for (const { code, value, box, number, share, label } of this.boxes[facet]) {
        const count = counts[facet][code + 1];
        box.checked = chosen?.has(value) ?? false;
        number.textContent = numbers.format(count);
        share.style.width = `${(100 * count) / most}%`;
        label.classList.toggle("none", count === 0 && !box.checked);
      }
    });
  }
}
