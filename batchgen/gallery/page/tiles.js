"use strict";
// Where each tile of the wall lies: lines of pictures in their own shape, all as wide as the page. Touches no element.

const GAP = 8;
const GROUP_HEAD = 44;

// rows: slots in order. groupOf: row -> a number, the same within a group; null for no groups.
// Gives for each tile its line, left edge and width; for each line its top, height, first tile and group head, if any.
function arrange(rows, ratios, width, target, groupOf) {
  const left = new Float32Array(rows.length);
  const across = new Float32Array(rows.length);
  const lineOf = new Uint32Array(rows.length);
  const lines = [];
  let top = 0;
  let from = 0;
  while (from < rows.length) {
    const group = groupOf ? groupOf(rows[from]) : null;
    let headed = groupOf !== null && (from === 0 || groupOf(rows[from - 1]) !== group);
    let to = from;
    let sum = 0;
    // Fill a line until it is lower than wanted, or its group ends.
    while (to < rows.length && (groupOf === null || groupOf(rows[to]) === group)) {
      sum += ratios[rows[to++]];
      if (sum * target + (to - from - 1) * GAP >= width) break;
    }
    const full = (width - (to - from - 1) * GAP) / sum;
    const height = Math.min(full, target);
    if (headed) top += GROUP_HEAD;
    let x = 0;
    for (let tile = from; tile < to; tile++) {
      const wide = height * ratios[rows[tile]];
      left[tile] = x;
      across[tile] = wide;
      lineOf[tile] = lines.length;
      x += wide + GAP;
    }
    lines.push({ top, height, first: from, headed });
    top += height + GAP;
    from = to;
  }
  return { left, across, lineOf, lines, height: Math.max(0, top - GAP) };
}

// The first line that ends below a height.
function lineAt(lines, height) {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].top + lines[middle].height < height) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The tile of a line that is nearest to a middle.
function nearest(layout, line, middle) {
  const end = layout.lines[line + 1]?.first ?? layout.left.length;
  let best = layout.lines[line].first;
  let distance = Infinity;
  for (let tile = best; tile < end; tile++) {
    const away = Math.abs(layout.left[tile] + layout.across[tile] / 2 - middle);
    if (away < distance) [best, distance] = [tile, away];
  }
  return best;
}
