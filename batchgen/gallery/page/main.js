"use strict";
// Puts the page together: one state, one way to show it.

const $ = (id) => document.getElementById(id);

async function start() {
  const data = new PageData(await unpack("overview"));
  const state = new State();
  const facets = facetColumns(data);
  let selection;
  let sequence = null; // the rows of an open cell of the grid; else those on the wall
  let pushed = false; // whether Back closes what is open

  const filterBy = (name, value) => {
    state.filters.clear();
    state.toggle(name, value);
    state.q = "";
    state.image = "";
    show();
  };
  const open = (row) => {
    const already = state.image !== "";
    state.image = data.value("key", row);
    if (already) state.replace();
    else { state.push(); pushed = true; }
    showDetail();
  };
  const leave = () => {
    const back = pushed;
    state.image = "";
    showDetail();
    if (back) history.back();
    else state.replace();
  };

  const panel = new Facets($("facets"), facets, (name, value) => { state.toggle(name, value); show(); });
  const wall = new Wall($("wall"), data, (place) => { sequence = null; open(wall.rows[place]); });
  const matrix = new Matrix($("matrix"), data, (rows) => { sequence = rows; open(rows[0]); });
  const detail = new Detail($("detail"), data, { go: open, leave, filterBy });

  function show() {
    selection = select(data, state, facets);
    panel.show(selection.counts, state.filters);
    showControls();
    showImages();
    showDetail();
    state.write();
  }

  function showImages() {
    const grid = state.view === "matrix";
    $("wall").hidden = grid;
    $("matrix").hidden = !grid;
    if (grid) matrix.show(selection.rows, data.column($("down").value), data.column($("across").value), Number(state.size));
    else wall.show(selection.rows, data.column(state.group), Number(state.size));
    $("empty").hidden = selection.rows.length > 0;
  }

  function showDetail() {
    const row = data.rowOfKey.get(state.image);
    if (row === undefined) {
      const left = detail.row;
      detail.close();
      pushed = false;
      if (left !== undefined && state.view === "wall" && !sequence) wall.focus(Math.max(0, selection.rows.indexOf(left)));
      sequence = null;
      return;
    }
    const rows = sequence ?? Array.from(selection.rows);
    detail.show(row, rows.includes(row) ? rows : [row]);
  }

  function showControls() {
    if (document.activeElement !== $("search")) $("search").value = state.q;
    const descending = state.sort.startsWith("-");
    $("sort").value = state.sort.replace(/^-/, "");
    $("direction").setAttribute("aria-pressed", descending);
    $("direction").disabled = state.sort === "";
    $("group").value = state.group;
    $("size").value = state.size;
    if (data.columns.has(state.down)) $("down").value = state.down;
    if (data.columns.has(state.across)) $("across").value = state.across;
    const grid = state.view === "matrix";
    $("view-wall").setAttribute("aria-pressed", !grid);
    $("view-matrix").setAttribute("aria-pressed", grid);
    $("wall-choices").hidden = grid;
    $("matrix-choices").hidden = !grid;
    $("count").textContent = describe(selection.rows);
    $("chips").replaceChildren(...chips());
  }

  function describe(rows) {
    const status = data.column("status");
    const ok = status.values.indexOf("ok");
    let made = 0;
    for (const row of rows) if (status.codes[row] === ok) made++;
    const missing = rows.length - made;
    const words = [made || !missing ? counted(made, "image") : "", missing ? `${numbers.format(missing)} missing` : ""].filter(Boolean).join(", ");
    return rows.length === data.count ? words : `${numbers.format(rows.length)} of ${numbers.format(data.count)}: ${words}`;
  }

  function* chips() {
    for (const [name, chosen] of state.filters) {
      const column = data.column(name);
      for (const value of column ? chosen : []) {
        const chip = makeButton(`${column.label}: ${value === NOTHING ? "none" : value}`, "chip", () => { state.toggle(name, value); show(); });
        chip.setAttribute("aria-label", `Remove the filter ${chip.textContent}`);
        yield chip;
      }
    }
  }

  fillChoices(data, facets);
  connect(state, show);
  $("clear").addEventListener("click", () => { state.q = ""; state.filters.clear(); $("search").value = ""; show(); });
  $("skip").addEventListener("click", () => wall.focus(wall.current));
  addEventListener("popstate", () => {
    const before = state.hashOf("");
    state.read();
    if (state.hashOf("") === before) showDetail();
    else show();
  });
  showHead(data, filterBy);
  show();
  // When the first images are there: the charts, and the texts in lower case for the first search.
  requestAnimationFrame(() => setTimeout(() => {
    showCharts(data);
    for (const column of searchedColumns(data)) void column.folded;
  }));
  document.documentElement.dataset.ready = "true";
}

function fillChoices(data, facets) {
  const fill = (id, names, none) => {
    const option = (name, label) => { const made = make("option", "", label); made.value = name; return made; };
    const options = names.filter((name) => data.columns.has(name)).map((name) => option(name, data.column(name).label));
    $(id).replaceChildren(...(none ? [option("", none)] : []), ...options);
  };
  const own = data.own.map((column) => column.name);
  fill("sort", ["row_id", "prompt", "seed", "status", "cost_usd", "latency_s", "finished_at", ...own], "manifest");
  fill("group", ["row_id", "prompt", "seed", "status", "model", "aspect_ratio", "enhanced", "error_kind", "run_id", ...own], "none");
  const axes = [...own, "prompt", "row_id", "seed", "model", "aspect_ratio", "status", "enhanced", "image_number", "run_id"];
  fill("down", axes);
  fill("across", axes);
  // Begin with what is likely to be compared: two of the manifest's own columns of few values, else prompt and seed.
  const few = facets.filter((column) => column.name.startsWith("own.") && column.values.length > 1).map((column) => column.name);
  $("down").value = few[0] ?? "prompt";
  $("across").value = few[1] ?? (few[0] ? "aspect_ratio" : "seed");
}

function connect(state, show) {
  $("search").addEventListener("input", (event) => { state.q = event.target.value; toImages(); show(); });
  $("sort").addEventListener("change", (event) => { state.sort = event.target.value; show(); });
  $("direction").addEventListener("click", () => { state.sort = state.sort.startsWith("-") ? state.sort.slice(1) : `-${state.sort}`; show(); });
  for (const name of ["group", "down", "across", "size"]) {
    $(name).addEventListener("input", (event) => { state[name] = event.target.value; show(); });
  }
  $("view-wall").addEventListener("click", () => { state.view = "wall"; show(); });
  $("view-matrix").addEventListener("click", () => { state.view = "matrix"; show(); });
  $("toggle-facets").addEventListener("click", (event) => {
    const shown = document.body.classList.toggle("with-facets");
    event.currentTarget.setAttribute("aria-expanded", shown);
  });
  $("theme").addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input[type=search], textarea, select");
    if (event.key === "/" && !typing && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      $("search").focus();
      $("search").select();
    } else if (event.key === "Escape" && typing === $("search")) {
      event.preventDefault();
      if (state.q) { state.q = ""; $("search").value = ""; show(); } else $("search").blur();
    } else if ((event.key === "ArrowDown" && typing === $("search")) || (event.key === "ArrowRight" && event.target === document.body)) {
      event.preventDefault();
      $("wall").querySelector("[tabindex='0']")?.focus();
    }
  });
}

// What is found begins at the top: leave the head where it is if it is in sight, else show the first line.
function toImages() {
  const top = document.querySelector("main").getBoundingClientRect().top - $("bar").offsetHeight;
  if (top < 0) scrollBy({ top, behavior: "instant" });
}

start().catch((error) => {
  $("title").textContent = "This page cannot be shown";
  $("subtitle").textContent = `${error.message}. It needs a browser of 2024 or later.`;
});
