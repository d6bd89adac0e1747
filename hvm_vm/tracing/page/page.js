// What is pointed at, or has the keyboard's focus, is shown in every pane; a click holds it, Esc
// lets go. Arrow keys move within a pane. A head of the table sorts it. `#pc=3` holds instruction 3.
"use strict";
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const pcsOf = (element) => (element.dataset.pcs || "").split(" ").filter(Boolean);
  const linked = all("[data-pcs]");
  const byPc = new Map();
  for (const element of linked)
    for (const pc of pcsOf(element)) {
      if (!byPc.has(pc)) byPc.set(pc, []);
      byPc.get(pc).push(element);
    }
  const edges = new Map();
  for (const edge of all("[data-from]"))
    for (const key of [edge.dataset.from, edge.dataset.to]) {
      const id = edge.closest("[data-of]").dataset.of + " " + key;
      if (!edges.has(id)) edges.set(id, []);
      edges.get(id).push(edge);
    }
  let lit = new Set();
  let held = null;

  function show(element) {
    for (const old of lit) old.classList.remove("on", "here");
    lit = new Set();
    document.body.classList.toggle("pointing", Boolean(element));
    if (!element) return;
    const found = new Set([element]);
    for (const pc of pcsOf(element)) for (const other of byPc.get(pc)) found.add(other);
    for (const one of Array.from(found))
      if (one.dataset.key)
        for (const edge of edges.get(one.closest("[data-of]").dataset.of + " " + one.dataset.key)
          || []) found.add(edge);
    for (const one of found) one.classList.add("on");
    element.classList.add("here");
    lit = found;
  }

  // Bring what is linked into view, inside its pane only: the page itself stays where it is.
  function reveal(element) {
    const done = new Set([element.closest(".scroll")]);
    for (const one of lit) {
      const pane = one.closest(".scroll");
      if (!pane || pane.hidden || done.has(pane) || one.dataset.from) continue;
      done.add(pane);
      const box = one.getBoundingClientRect(), frame = pane.getBoundingClientRect();
      if (box.top < frame.top + 30 || box.bottom > frame.bottom)
        pane.scrollTop += (box.top + box.bottom - frame.top - frame.bottom) / 2;
      if (box.left < frame.left || box.right > frame.right)
        pane.scrollLeft += box.width > frame.width ? box.left - frame.left - 12
          : (box.left + box.right - frame.left - frame.right) / 2;
    }
  }

  function hold(element) {
    held = element;
    show(element);
    if (element) reveal(element);
  }

  const item = (event) => event.target.closest("[data-pcs], .node");
  document.addEventListener("mouseover", (event) => show(item(event) || held));
  document.addEventListener("mouseleave", () => show(held));
  document.addEventListener("click", (event) => {
    const element = item(event);
    if (element) hold(element === held ? null : element);
  });
  document.addEventListener("focusin", (event) => {
    const element = item(event);
    if (element) { show(element); reveal(element); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hold(null);
    const element = item(event);
    if (!element) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return hold(element === held ? null : element);
    }
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const pane = element.closest("[data-items], [data-of]");
    if (!step && event.key !== "Home" && event.key !== "End" || !pane) return;
    event.preventDefault();
    const items = all("[data-pcs]", pane);
    const at = event.key === "Home" ? 0 : event.key === "End" ? items.length - 1
      : items.indexOf(element) + step;
    const next = items[Math.max(0, Math.min(items.length - 1, at))];
    enter(pane, next);
    next.focus();
  });

  // One stop of the Tab key a pane: the item that was last in focus.
  function enter(pane, element) {
    for (const old of all("[tabindex='0'][data-pcs]", pane)) old.setAttribute("tabindex", "-1");
    element.setAttribute("tabindex", "0");
  }
  for (const pane of all("[data-items], [data-of]")) {
    const first = pane.querySelector("[data-pcs]");
    for (const node of all(".node[data-pcs]", pane)) node.setAttribute("tabindex", "-1");
    if (first) enter(pane, first);
  }

  for (const button of all("[data-graph]"))
    button.addEventListener("click", () => {
      for (const other of all("[data-graph]"))
        other.setAttribute("aria-pressed", String(other === button));
      for (const drawing of all("[data-of]"))
        drawing.hidden = drawing.dataset.of !== button.dataset.graph;
    });

  function sort(head, descending) {
    const body = document.querySelector("tbody");
    const column = Array.from(head.parentNode.children).indexOf(head);
    const words = head.dataset.key === "op" || head.dataset.key === "text";
    const rows = Array.from(body.rows).map((row) => {
      const value = row.cells[column].dataset.v;
      return [words ? value : Number(value), Number(row.cells[0].dataset.v), row];
    });
    const sign = descending ? -1 : 1;
    rows.sort((a, b) => (a[0] < b[0] ? -sign : a[0] > b[0] ? sign : a[1] - b[1]));
    body.append(...rows.map((row) => row[2]));
    for (const other of head.parentNode.children) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }
  for (const head of all("th"))
    head.querySelector("button").addEventListener("click", () => {
      const numbers = !["pc", "op", "line", "text"].includes(head.dataset.key);
      const now = head.getAttribute("aria-sort");
      sort(head, now === "none" ? numbers : now === "ascending");
    });

  function address() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const head = document.querySelector(`th[data-key="${CSS.escape(wanted.get("sort") || "")}"]`);
    if (head) sort(head, wanted.get("order") === "down");
    const row = (byPc.get(wanted.get("pc")) || []).find((element) => element.matches("tr"));
    if (row) { hold(row); row.scrollIntoView({ block: "nearest" }); }
  }
  addEventListener("hashchange", address);
  address();
  document.documentElement.dataset.ready = "yes";
})();
