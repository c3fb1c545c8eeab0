"use strict";
// Where each tile of the wall lies: lines of images in their own shape, all as wide as the page. Touches no element.

const GAP = 8;
const GROUP_GAP = 24;
const GROUP_HEAD = 44;
// Below this the name over a small group could not be read.
const LEAST_GROUP_WIDTH = 112;

// rows: slots in order. groupOf: row -> a number, the same within a group; null for no groups.
// Gives for each tile its line, left edge and width; for each line its top, height and first tile; and for each group
// its head: line, left edge, width, first tile and the tile after its last.
function arrange(rows, ratios, width, target, groupOf) {
  const layout = {
    left: new Float32Array(rows.length), across: new Float32Array(rows.length), lineOf: new Uint32Array(rows.length),
    lines: [], heads: [], height: 0,
  };
  if (groupOf === null) fill(layout, rows, ratios, width, target, 0, rows.length);
  let right = Infinity; // where the line of small groups ends that the next small group may join
  for (let from = 0, to; groupOf !== null && from < rows.length; from = to) {
    let sum = 0;
    for (to = from; to < rows.length && groupOf(rows[to]) === groupOf(rows[from]); to++) sum += ratios[rows[to]];
    const natural = sum * target + (to - from - 1) * GAP;
    const head = { left: 0, width, first: from, end: to };
    if (natural > width) {
      layout.height += GROUP_HEAD;
      head.line = layout.lines.length;
      fill(layout, rows, ratios, width, target, from, to);
      right = Infinity;
    } else {
      head.width = Math.min(width, Math.max(natural, LEAST_GROUP_WIDTH));
      if (right + GROUP_GAP + head.width > width) {
        layout.lines.push({ top: layout.height + GROUP_HEAD, height: target, first: from });
        layout.height += GROUP_HEAD + target + GAP;
        right = -GROUP_GAP;
      }
      head.left = right + GROUP_GAP;
      head.line = layout.lines.length - 1;
      place(layout, rows, ratios, target, from, to, head.left);
      right = head.left + head.width;
    }
    layout.heads.push(head);
  }
  layout.height = Math.max(0, layout.height - GAP);
  return layout;
}

// Lines as wide as the page, none higher than wanted; the last one may be shorter.
function fill(layout, rows, ratios, width, target, first, end) {
  for (let from = first, to = first; from < end; from = to) {
    let sum = 0;
    while (to < end) {
      sum += ratios[rows[to++]];
      if (sum * target + (to - from - 1) * GAP >= width) break;
    }
    const height = Math.min(target, (width - (to - from - 1) * GAP) / sum);
    layout.lines.push({ top: layout.height, height, first: from });
    layout.height += height + GAP;
    place(layout, rows, ratios, height, from, to, 0);
  }
}

// Tiles side by side on the line that was begun last.
function place(layout, rows, ratios, height, from, to, begin) {
  let x = begin;
  for (let tile = from; tile < to; tile++) {
    layout.left[tile] = x;
    layout.across[tile] = height * ratios[rows[tile]];
    layout.lineOf[tile] = layout.lines.length - 1;
    x += layout.across[tile] + GAP;
  }
}

// The first group that begins at a tile or after it.
function headAt(heads, tile) {
  let [low, high] = [0, heads.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (heads[middle].first < tile) low = middle + 1;
    else high = middle;
  }
  return low;
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
