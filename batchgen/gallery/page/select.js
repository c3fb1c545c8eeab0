"use strict";
// Which slots are shown, in which order, and how many each filter would show. Touches no element.

// More values than this make no list to tick.
const MOST_FACET_VALUES = 24;

const SEARCHED = ["prompt", "enhanced_prompt", "row_id", "seed"];
const FACETED = ["status", "model", "aspect_ratio", "enhanced", "error_kind", "run_id"];

function facetColumns(data) {
  const index = FACETED.map((name) => data.column(name)).filter((column) => column.values.length > 1 || column.name === "status");
  return [...index, ...data.own.filter((column) => column.values.length > 0 && column.values.length <= MOST_FACET_VALUES)];
}

function searchedColumns(data) {
  return [...SEARCHED.map((name) => data.column(name)), ...data.own];
}

// 1 for each slot in which every word is found, in whichever column; null if nothing is searched for.
function search(data, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return null;
  // Who types a word has typed the others already: their hits are kept.
  data._hits = new Map(words.map((word) => [word, data._hits?.get(word) ?? hitsOf(data, word)]));
  const found = new Uint8Array(data.count).fill(1);
  for (const hits of data._hits.values()) for (let row = 0; row < found.length; row++) found[row] &= hits[row];
  return found;
}

function hitsOf(data, word) {
  const hits = new Uint8Array(data.count);
  for (const column of searchedColumns(data)) {
    const matches = Uint8Array.from(column.folded, (text) => (text.includes(word) ? 1 : 0));
    const codes = column.codes;
    for (let row = 0; row < hits.length; row++) if (codes[row] >= 0) hits[row] |= matches[codes[row]];
  }
  return hits;
}

// Every slot in the order of a group, then of a column; remembered, since typing changes neither.
function orderOf(data, sort, group) {
  data._orders ??= new Map();
  const key = `${sort} ${group}`;
  if (!data._orders.has(key)) {
    const order = Uint32Array.from({ length: data.count }, (_, row) => row);
    const groups = group ? data.column(group) : null;
    // Rows and prompts keep the order of the manifest, in which their codes are numbered.
    const places = groups && (["row_id", "prompt"].includes(group) ? placesOf(groups, groups.values.keys()) : placesOf(groups, groups.sorted));
    const down = sort.startsWith("-");
    const column = sort ? data.column(sort.replace(/^-/, "")) : null;
    const ranks = column && placesOf(column, column.sorted, down);
    const last = ({ values }) => values.length;
    order.sort((a, b) => {
      if (places) {
        const byGroup = (places[groups.codes[a]] ?? last(groups)) - (places[groups.codes[b]] ?? last(groups));
        if (byGroup) return byGroup;
      }
      if (ranks) {
        const byColumn = (ranks[column.codes[a]] ?? last(column)) - (ranks[column.codes[b]] ?? last(column));
        if (byColumn) return byColumn;
      }
      return a - b;
    });
    data._orders.set(key, order);
  }
  return data._orders.get(key);
}

function placesOf(column, codes, reversed = false) {
  const places = new Int32Array(column.values.length);
  let place = 0;
  for (const code of codes) places[code] = reversed ? places.length - 1 - place++ : place++;
  return places;
}

// The slots to show in order; and for each facet how many slots each value has, the other filters applied.
function select(data, state, facets) {
  const found = search(data, state.q);
  const filters = [...state.filters].filter(([name]) => data.columns.has(name)).map(([name, chosen]) => {
    const column = data.column(name);
    const allowed = new Uint8Array(column.values.length + 1);
    for (let code = -1; code < column.values.length; code++) allowed[code + 1] = chosen.has(column.text(code)) ? 1 : 0;
    return { allowed, codes: column.codes, facet: facets.indexOf(column) };
  });
  const counts = facets.map((column) => new Uint32Array(column.values.length + 1));
  const known = (name) => (data.columns.has(name.replace(/^-/, "")) ? name : "");
  const rows = new Uint32Array(data.count);
  let shown = 0;
  for (const row of orderOf(data, known(state.sort), known(state.group))) {
    if (found && !found[row]) continue;
    let failing = null;
    let failures = 0;
    for (const filter of filters) {
      if (!filter.allowed[filter.codes[row] + 1]) {
        failing = filter;
        if (++failures > 1) break;
      }
    }
    if (failures === 0) {
      rows[shown++] = row;
      for (let facet = 0; facet < facets.length; facet++) counts[facet][facets[facet].codes[row] + 1]++;
    } else if (failures === 1 && failing.facet >= 0) {
      counts[failing.facet][failing.codes[row] + 1]++;
    }
  }
  return { rows: rows.subarray(0, shown), counts };
}
