"use strict";
// Zoom, filters, sorting, the lanes beyond the first ones, and what is packed: lists of numbers and ladders. The page can be read
// without it. Text goes into the page as text only (textContent), never as markup; the one exception are packed ladders, which are
// markup of the report itself, made and escaped with the rest of it.
(() => {
  document.documentElement.classList.add("js");
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const NS = "http://www.w3.org/2000/svg";
  const MARKS = ["", "", "", "?", "~", "?"];
  const SIDES = ["client", "server"];
  const severity = new Map(data.rules.map((rule) => [rule[0], rule[2]]));
  // Connections with a ladder: those in the page, and those of packs, by their pack and their place in it.
  const packs = new Map(data.packs.flatMap((pack) => pack[0].map((id, place) => [id, { pack, place }])));
  const withLadder = new Set([...data.ladders, ...packs.keys()]);

  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS(NS, name), attributes, children);
  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  const number = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
  function duration(micros) {
    if (micros < 1e3) return micros + " µs";
    if (micros < 1e6) return (micros / 1e3).toFixed(1) + " ms";
    if (micros < 1e8) return (micros / 1e6).toFixed(2) + " s";
    if (micros < 3.6e9) return Math.floor(micros / 6e7) + " min " + String(Math.floor(micros / 1e6) % 60).padStart(2, "0") + " s";
    return Math.floor(micros / 3.6e9) + " h " + String(Math.floor(micros / 6e7) % 60).padStart(2, "0") + " min";
  }
  const seconds = (micros) => (micros / 1e6).toFixed(6) + " s";
  const end = (ip, port) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

  async function inflate(text) {
    const octets = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const OLD = "This browser cannot unpack it. ";
  const files = $("connections").dataset.files;
  const commands = (id) => ["Its ladder: ", make("code", {}, `tcptrace-states show ${files} --conn ${id} --svg ladder-${id}.svg`),
    " Its packets in Wireshark: ", make("code", {}, `tcptrace-states show ${files} --conn ${id} --wireshark-filter`)];

  // --- Lanes -------------------------------------------------------------------------------------------------------------
  function unpackEnd(list) {
    const pieces = [];
    let time = 0, packet = 0;
    for (let at = 0; at + 3 < list.length; at += 4) {
      const what = list[at];
      time += list[at + 1];
      if (list[at + 2] !== null) packet += list[at + 2];
      pieces.push({
        state: what >> 4, evidence: (what >> 1) & 7, proven: (what & 1) === 1, from: time,
        packet: list[at + 2] === null ? null : packet, cause: list[at + 3],
      });
    }
    return { pieces, more: list.length % 4 ? list[list.length - 1] : 0 };
  }
  const lanes = data.lanes.map((lane, place) => ({
    place, id: lane[0], client: end(data.ips[lane[1]], lane[2]), server: end(data.ips[lane[3]], lane[4]),
    clientIp: data.ips[lane[1]], serverIp: data.ips[lane[3]], clientPort: lane[2], serverPort: lane[4],
    first: lane[5], last: lane[6], outcome: lane[7], half: lane[8], halfOpen: lane[9] === 1, oneSided: lane[10] === 1,
    states: [lane[11] >> 3, lane[12] >> 3], evidence: [lane[11] & 7, lane[12] & 7], packed: [lane[13], lane[14]], marks: lane[15],
  }));
  for (const lane of lanes) {
    lane.codes = [];
    for (let at = 0; at < lane.marks.length; at += 3) if (!lane.codes.includes(lane.marks[at])) lane.codes.push(lane.marks[at]);
    Object.defineProperty(lane, "ends", { get() { return (this.unpacked ||= this.packed.map(unpackEnd)); } });
  }
  const label = (state, evidence) => data.states[state] + (data.states[state] === "UNKNOWN" ? "" : MARKS[evidence]);
  const short = (state, evidence) => data.letters[state] + (data.states[state] === "UNKNOWN" ? "" : MARKS[evidence]);
  const drawn = (state) => !["CLOSED", "LISTEN"].includes(data.states[state]);

  const span = Math.max(data.span, 1);
  const view = { from: 0, to: span };
  let shown = lanes, chosen = null;

  // Drawn in percent, so that it fits any width; `width` says which texts there is room for.
  function strip(lane, width) {
    const scale = width / (view.to - view.from);
    const x = (time) => Math.max(-2, Math.min(width + 2, (time - view.from) * scale));
    const share = (place) => +(place / width * 100).toFixed(3) + "%";
    const svg = draw("svg", { class: "strip", width: "100%", height: 33, role: "img", "aria-label": words(lane) });
    lane.ends.forEach((side, which) => {
      const top = which ? 17 : 1;
      side.pieces.forEach((piece, place) => {
        if (!drawn(piece.state)) return;
        const until = place + 1 < side.pieces.length ? side.pieces[place + 1].from : span;
        const from = x(piece.from), to = x(until), wide = to - from;
        if (to < -1 || from > width + 1) return;
        const group = draw("g", { class: piece.proven ? "piece" : "piece unproven" }, draw("title", {}, told(which, piece, until)));
        const rect = (name, a, b) => draw("rect", { class: name, x: share(a), y: top, width: share(Math.max(b - a, 0)), height: 15 });
        group.append(rect("s s-" + data.classes[piece.state], from, Math.max(to, from + 1)));
        if (lane.last < until) group.append(rect("quiet", x(Math.max(lane.last, piece.from)), to));
        if (!piece.proven) group.append(rect("hatch", from, Math.max(to, from + 1)));
        if (until > piece.from) group.append(rect("edge", from, from + 1));
        const name = label(piece.state, piece.evidence), letters = short(piece.state, piece.evidence);
        const text = wide > name.length * 7 + 10 ? name : wide > letters.length * 8 + 8 ? letters : "";
        if (text) group.append(draw("text", { x: share(Math.max(from, 0)), dx: 4, y: top + 11 }, text));
        svg.append(group);
      });
    });
    for (let at = 0; at < lane.marks.length; at += 3) {
      const [code, side, time] = lane.marks.slice(at, at + 3);
      if (time < view.from || time > view.to) continue;
      const mark = draw("svg", { class: "mark " + severity.get(code), x: share(x(time)), y: side === 2 ? 26 : 0, overflow: "visible" });
      mark.append(draw("title", {}, `${code} at ${seconds(time)}`), draw("path", { d: side === 2 ? "M-5 7h10l-5 -7z" : "M-5 0h10l-5 7z" }));
      svg.append(mark);
    }
    return svg;
  }
  function told(which, piece, until) {
    const parts = [`${SIDES[which]} ${label(piece.state, piece.evidence)}`, `${seconds(piece.from)} to ${seconds(until)} (${duration(until - piece.from)})`];
    if (piece.cause) parts.push(data.causes[piece.cause]);
    if (piece.packet !== null) parts.push("packet " + piece.packet);
    return parts.join(", ") + (piece.evidence ? ` (${data.evidence[piece.evidence]})` : "");
  }
  const words = (lane) => `Connection ${lane.id}: ` + lane.ends.map((side, which) =>
    `${SIDES[which]} ${side.pieces.map((piece) => label(piece.state, piece.evidence)).join(", ")}`).join("; ");

  function head(lane) {
    const anchor = make("a", { class: "conn", href: "#c" + lane.id, "data-id": lane.id, tabindex: "-1" }, String(lane.id));
    const who = make("span", { class: "who" }, anchor, ` ${lane.client} → ${lane.server}`);
    const text = `${label(lane.states[0], lane.evidence[0])} / ${label(lane.states[1], lane.evidence[1])} · ${data.outcomes[lane.outcome]}`
      + (lane.half >= 0 ? ` · half-close ${duration(lane.half)}${lane.halfOpen ? "+" : ""}` : "");
    const what = make("span", { class: "what" }, text);
    for (const code of lane.codes) what.append(" ", make("span", { class: "badge " + severity.get(code) }, code));
    return make("div", { class: "head" }, who, what);
  }

  // --- The list: only lanes in sight are in the page ---------------------------------------------------------------------
  const rows = $("rows");
  // Lanes that are printed at most, and what prepares the timeline for paper and back.
  const PRINTED = 1000;
  let onPaper = false, print = () => {};
  if (rows) timeline();
  function timeline() {
    const total = lanes.length;
    let height = rows.querySelector(".row").getBoundingClientRect().height;
    rows.replaceChildren();
    rows.classList.add("live");
    rows.tabIndex = 0;
    rows.setAttribute("role", "listbox");
    rows.setAttribute("aria-label", "Lanes. Arrows up and down choose a lane, left and right move in time, plus and minus zoom, 0 shows all.");
    const spacer = make("li", { class: "spacer", role: "presentation" });
    const list = new Map();
    let width = 600;

    function measure() {
      const probe = make("li", { class: "row", role: "presentation" }, make("div", { class: "head" }), draw("svg", { class: "strip", width: "100%", height: 33 }));
      rows.append(probe);
      height = probe.getBoundingClientRect().height;
      width = probe.lastChild.getBoundingClientRect().width || 600;
      probe.remove();
    }
    function lay(all) {
      if (all) { list.clear(); rows.replaceChildren(spacer); }
      spacer.style.height = Math.max(shown.length * height, 1) + "px";
      if (!shown.length) {
        if (all) rows.append(make("li", { class: "none", role: "presentation" }, "No lane matches. Clear a filter to see more."));
        return;
      }
      const from = onPaper ? 0 : Math.max(0, Math.floor(rows.scrollTop / height) - 4);
      const to = Math.min(shown.length, onPaper ? PRINTED : Math.ceil((rows.scrollTop + rows.clientHeight) / height) + 4);
      for (const [place, row] of list) if (place < from || place >= to) { row.remove(); list.delete(place); }
      for (let place = from; place < to; place++) {
        if (list.has(place)) continue;
        const lane = shown[place];
        const row = make("li", { class: "row", role: "option", id: "lane-" + lane.id, "data-id": lane.id, "aria-posinset": place + 1,
          "aria-setsize": shown.length, "aria-selected": lane === chosen, "aria-label": words(lane) }, head(lane), strip(lane, onPaper ? 640 : width));
        if (lane === chosen) row.classList.add("chosen");
        if (!onPaper) row.style.top = place * height + "px";
        row.addEventListener("click", (event) => { if (!dragged) choose(lane, event.target.closest("a")); if (event.target.closest("a")) event.preventDefault(); });
        list.set(place, row);
        rows.append(row);
      }
    }
    const redraw = () => { ticks(); lay(true); };

    // --- Time ---
    const axis = $("ticks");
    function ticks() {
      const wide = axis.getBoundingClientRect().width, length = view.to - view.from;
      const wanted = length / Math.max(2, Math.floor(wide / 110));
      const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)));
      const step = Math.max(1, [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= wanted) || wanted);
      axis.classList.add("live");
      axis.replaceChildren();
      for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
        const share = (time - view.from) / length;
        const tick = make("span", {}, view.to >= 1e6 ? +(time / 1e6).toFixed(6) + " s" : step >= 1e3 ? +(time / 1e3).toFixed(3) + " ms" : time + " µs");
        tick.style.left = share * 100 + "%";
        if (share < 0.04) tick.className = "first"; else if (share > 0.96) tick.className = "last";
        axis.append(tick);
      }
    }
    function zoom(factor, around = 0.5) {
      const length = view.to - view.from;
      const next = Math.max(Math.min(length * factor, span), Math.min(span, 20));
      const middle = view.from + length * around;
      view.from = middle - next * around;
      view.to = view.from + next;
      pan(0);
    }
    function pan(share) {
      const length = view.to - view.from;
      view.from = Math.max(0, Math.min(span - length, view.from + share * length));
      view.to = view.from + length;
      redraw();
    }
    function all() { view.from = 0; view.to = span; redraw(); }

    // --- Filters and order ---
    const controls = $("controls");
    const field = (text, input) => make("label", {}, text, input);
    const select = (id, choices) => make("select", { id }, ...choices.map(([value, text]) => make("option", { value }, text)));
    const find = make("input", { id: "f-find", type: "search", placeholder: "10.0.0.5:8080, 443, 7", autocomplete: "off", spellcheck: "false" });
    const present = (values) => [...new Set(values)].sort((a, b) => a - b);
    const states = present(lanes.flatMap((lane) => lane.ends.flatMap((side) => side.pieces.map((piece) => piece.state))).concat(lanes.flatMap((lane) => lane.states)));
    const state = select("f-state", [["", "any"], ...states.flatMap((one) => [["e" + one, data.states[one] + " at the end"], ["a" + one, data.states[one] + " ever"]])]);
    const onLanes = new Set(lanes.flatMap((lane) => lane.codes));
    const codes = data.rules.filter((rule) => data.lists[rule[0]] || onLanes.has(rule[0]));
    const finding = select("f-finding", [["", "any"], ["*", "any finding"], ["!", "no finding"], ...codes.map((rule) => [rule[0], `${rule[0]} ${rule[1].replaceAll("-", " ")}`])]);
    const outcome = select("f-outcome", [["", "any"], ...present(lanes.map((lane) => lane.outcome)).map((one) => [String(one), data.outcomes[one]])]);
    const sort = select("f-sort", [["need", "what needs attention"], ["start", "start"], ["half", "longest half-close"], ["end", "end state"], ["long", "longest life"], ["id", "number"]]);
    const button = (text, name, action) => { const one = make("button", { type: "button", "aria-label": name, title: name }, text); one.addEventListener("click", action); return one; };
    const reset = button("Clear", "Clear all filters", () => { for (const one of [find, state, finding, outcome]) one.value = ""; sort.value = "need"; apply(); });
    controls.append(field("Address, port or number", find), field("State", state), field("Finding", finding), field("Ended", outcome), field("Sort by", sort), reset,
      make("div", { class: "zoom", role: "group", "aria-label": "Time" }, button("◀", "Earlier", () => pan(-0.3)), button("▶", "Later", () => pan(0.3)),
        button("−", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(0.5)), button("All", "Show the whole time", all)));
    controls.hidden = false;
    const extent = $("extent"), base = extent.textContent;
    const count = make("span", { id: "count", role: "status" });
    extent.append(" ", count);

    function matches(lane) {
      const text = find.value.trim().toLowerCase();
      if (text && !text.split(/[\s,]+/).every((word) => meets(lane, word))) return false;
      if (state.value) {
        const wanted = Number(state.value.slice(1));
        const ever = (side) => side.pieces.some((piece) => piece.state === wanted);
        if (state.value[0] === "e" ? !lane.states.includes(wanted) : !lane.states.includes(wanted) && !lane.ends.some(ever)) return false;
      }
      if (finding.value === "*" && !lane.codes.length) return false;
      if (finding.value === "!" && lane.codes.length) return false;
      if (finding.value.length > 1 && !lane.codes.includes(finding.value) && !names(finding.value, lane.id)) return false;
      return !outcome.value || lane.outcome === Number(outcome.value);
    }
    function meets(lane, word) {
      if (/^\d+$/.test(word)) return lane.id === Number(word) || lane.clientPort === Number(word) || lane.serverPort === Number(word);
      return [lane.client, lane.server, lane.clientIp, lane.serverIp].some((one) => one === word) ||
        [lane.client, lane.server].some((one) => one.startsWith(word) || one.startsWith("[" + word));
    }
    const orders = {
      need: (a, b) => a.place - b.place,
      start: (a, b) => a.first - b.first || a.id - b.id,
      half: (a, b) => b.half - a.half || a.place - b.place,
      end: (a, b) => a.states[0] - b.states[0] || a.states[1] - b.states[1] || a.place - b.place,
      long: (a, b) => (b.last - b.first) - (a.last - a.first) || a.place - b.place,
      id: (a, b) => a.id - b.id,
    };
    async function apply() {
      const wanted = finding.value;
      if (data.lists[wanted] && !unpacked.has(wanted)) await runs(wanted);
      if (finding.value !== wanted) return;
      shown = lanes.filter(matches).sort(orders[sort.value]);
      count.textContent = shown.length === total ? "" : `${number(shown.length)} of ${number(total)} lanes match.`;
      rows.scrollTop = 0;
      if (!shown.includes(chosen)) choose(null);
      redraw();
    }
    let waiting = 0;
    find.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
    for (const one of [state, finding, outcome, sort]) one.addEventListener("change", apply);

    // --- One lane ---
    function choose(lane, ladder) {
      chosen = lane;
      for (const row of list.values()) {
        const is = lane !== null && Number(row.dataset.id) === lane.id;
        row.classList.toggle("chosen", is);
        row.setAttribute("aria-selected", is);
      }
      if (lane) rows.setAttribute("aria-activedescendant", "lane-" + lane.id); else rows.removeAttribute("aria-activedescendant");
      $("detail").replaceChildren(...(lane ? [detail(lane)] : []));
      if (lane && ladder && withLadder.has(lane.id)) go(lane.id);
    }
    function detail(lane) {
      const card = make("div", { class: "card" });
      card.append(make("h3", {}, `Connection ${lane.id}: ${lane.client} → ${lane.server}`));
      const line = make("p", {}, `${data.outcomes[lane.outcome]}, ${seconds(lane.first)} to ${seconds(lane.last)}`
        + (lane.half >= 0 ? `, half-close ${duration(lane.half)}${lane.halfOpen ? " and counting" : ""}` : "") + (lane.oneSided ? ", captured in one direction only" : "") + ". ");
      if (withLadder.has(lane.id)) line.append(make("a", { class: "conn", href: "#c" + lane.id, "data-id": lane.id }, "Its ladder"));
      else line.append(...commands(lane.id));
      card.append(line);
      const columns = make("div", { class: "columns" });
      lane.ends.forEach((side, which) => {
        const body = make("tbody", {});
        side.pieces.forEach((piece, place) => {
          const until = place + 1 < side.pieces.length ? side.pieces[place + 1].from : null;
          body.append(make("tr", {}, make("td", { class: "n" }, seconds(piece.from)), make("td", {}, label(piece.state, piece.evidence)),
            make("td", { class: "n" }, drawn(piece.state) ? duration((until ?? span) - piece.from) + (until === null ? "+" : "") : ""),
            make("td", {}, data.causes[piece.cause]), make("td", { class: "n" }, piece.packet === null ? "–" : String(piece.packet)), make("td", {}, data.evidence[piece.evidence] || "")));
        });
        const heads = [["At", "n"], ["State", ""], ["Dwell", "n"], ["Cause", ""], ["Packet", "n"], ["Evidence", ""]].map(([text, name]) => make("th", { scope: "col", class: name }, text));
        const scroll = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "States of the " + SIDES[which] },
          make("h4", {}, SIDES[which]), make("table", { class: "list" }, make("thead", {}, make("tr", {}, ...heads)), body));
        if (side.more) scroll.append(make("p", { class: "note" }, `${number(side.more)} more are not in this file.`));
        columns.append(scroll);
      });
      card.append(columns);
      return card;
    }

    // --- Keys, wheel, drag ---
    rows.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
      const actions = { ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: all,
        Home: () => pick(0), End: () => pick(shown.length - 1), Enter: () => chosen && choose(chosen, true), Escape: () => choose(null) };
      if (step) pick((chosen ? shown.indexOf(chosen) : step > 0 ? -1 : shown.length) + step);
      else if (actions[event.key]) actions[event.key]();
      else return;
      event.preventDefault();
    });
    function pick(place) {
      if (!shown.length) return;
      const at = Math.max(0, Math.min(shown.length - 1, place));
      const top = at * height;
      if (top < rows.scrollTop) rows.scrollTop = top;
      else if (top + height > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + height - rows.clientHeight;
      lay(false);
      choose(shown[at]);
    }
    rows.addEventListener("scroll", () => lay(false), { passive: true });
    rows.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const box = strips();
      const turn = event.deltaY || event.deltaX;
      if (event.ctrlKey) zoom(turn > 0 ? 1.25 : 0.8, Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
      else pan(turn > 0 ? 0.1 : -0.1);
    }, { passive: false });
    const strips = () => (rows.querySelector(".strip") || rows).getBoundingClientRect();
    let dragged = false, drag = null;
    rows.addEventListener("pointerdown", (event) => { dragged = false; if (event.button === 0 && event.target.closest(".strip")) drag = { x: event.clientX, from: view.from }; });
    addEventListener("pointermove", (event) => {
      if (!drag) return;
      const moved = event.clientX - drag.x;
      if (Math.abs(moved) > 4) dragged = true;
      if (!dragged || view.to - view.from >= span) return;
      const length = view.to - view.from;
      view.from = Math.max(0, Math.min(span - length, drag.from - moved / strips().width * length));
      view.to = view.from + length;
      redraw();
    });
    addEventListener("pointerup", () => { drag = null; });
    addEventListener("resize", () => { measure(); redraw(); });
    print = (is) => { onPaper = is; onPage.textContent = is ? printed() : ""; redraw(); };
    const onPage = make("p", { class: "note paper" });
    $("lanes").before(onPage);
    function printed() {
      const some = shown.length > PRINTED ? `The first ${number(PRINTED)} of ${number(shown.length)} lanes, in the order chosen, are printed here. ` : `${number(shown.length)} lanes. `;
      const filters = [find.value.trim() && `"${find.value.trim()}"`, ...[state, finding, outcome].filter((one) => one.value).map((one) => one.selectedOptions[0].textContent)].filter(Boolean);
      return some + (filters.length ? `Only those with ${filters.join(", ")}. ` : "") + (view.from > 0 || view.to < span ? `Time from ${seconds(view.from)} to ${seconds(view.to)}. ` : "");
    }

    measure();
    redraw();

    // --- Ways from elsewhere in the page into the timeline ---
    document.addEventListener("click", (event) => {
      const anchor = event.target.closest("a.conn");
      if (!anchor || rows.contains(anchor)) return;
      const id = Number(anchor.dataset.id);
      if (withLadder.has(id)) { event.preventDefault(); return go(id); }
      const lane = lanes.find((one) => one.id === id);
      if (!lane) return;
      event.preventDefault();
      if (!shown.includes(lane)) reset.click();
      pick(shown.indexOf(lane));
      $("timeline").scrollIntoView();
      rows.focus({ preventScroll: true });
    });
    for (const list of document.querySelectorAll(".all .ids")) {
      const code = list.dataset.list;
      const show = button("Show in the timeline", "Show lanes with " + code, () => { finding.value = code; apply(); $("timeline").scrollIntoView(); });
      list.before(show);
    }
  }

  async function go(id) {
    if (!$("c" + id)) await unpack(id);
    const place = $("c" + id);
    if (!place) return;
    place.open = true;
    place.scrollIntoView();
    place.querySelector("summary").focus({ preventScroll: true });
  }
  async function unpack(id) {
    const { pack, place } = packs.get(id) || {};
    if (!pack) return;
    try {
      pack.parts ||= inflate(pack[1]).then((octets) => new TextDecoder().decode(octets).split("\0"));
      const page = new DOMParser().parseFromString((await pack.parts)[place], "text/html");
      if (!$("c" + id)) $("unpacked").append(...page.body.childNodes);
    } catch {
      $("unpacked").append(make("p", { class: "note" }, OLD, ...commands(id)));
    }
  }
  const ask = $("number");
  if (withLadder.size || lanes.length) {
    const which = make("input", { type: "number", min: 1, max: data.total, id: "which", inputmode: "numeric" });
    const says = make("p", { class: "note", role: "status" });
    const show = make("button", { type: "button" }, "Show its ladder");
    const answer = () => {
      const id = Number(which.value);
      if (!id) return;
      says.replaceChildren(...(withLadder.has(id) ? [] : [`Connection ${id} has no ladder in this file. `, ...commands(id)]));
      if (withLadder.has(id)) go(id);
    };
    show.addEventListener("click", answer);
    which.addEventListener("keydown", (event) => { if (event.key === "Enter") answer(); });
    ask.append(make("label", {}, "Connection number", which), show, says);
    ask.hidden = false;
  }

  // --- Findings: all numbers of connections ------------------------------------------------------------------------------
  // First and last number of each run, by the names of lists.
  const unpacked = new Map();
  async function runs(name) {
    if (!unpacked.has(name)) {
      try { unpacked.set(name, numbers(await inflate(data.lists[name]))); } catch { unpacked.set(name, []); }
    }
    return unpacked.get(name);
  }
  function numbers(octets) {
    const all = [];
    let value = 0, place = 1, first = null, at = 0;
    for (const octet of octets) {
      value += (octet & 127) * place;
      place *= 128;
      if (octet & 128) continue;
      if (first === null) first = at + value;
      else { at = first + value; all.push([first, at]); first = null; }
      value = 0;
      place = 1;
    }
    return all;
  }
  const listed = (all) => all.map(([from, to]) => from === to ? from : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`).join(", ");
  function names(name, id) {
    const all = unpacked.get(name) || [];
    let low = 0, high = all.length;
    while (low < high) { const middle = (low + high) >> 1; if (all[middle][1] < id) low = middle + 1; else high = middle; }
    return low < all.length && all[low][0] <= id;
  }
  // Numbers lead to their connections.
  const inFile = new Set([...withLadder.keys(), ...lanes.map((lane) => lane.id)]);
  for (const first of document.querySelectorAll(".ids .first")) {
    const parts = first.textContent.split(/(\d+)/).map((part) =>
      inFile.has(Number(part)) && part ? make("a", { class: "conn", href: "#c" + part, "data-id": part }, part) : part);
    first.replaceChildren(...parts);
  }
  for (const list of document.querySelectorAll(".ids")) {
    const beyond = list.querySelector(".beyond");
    if (!beyond) continue;
    const more = make("button", { type: "button" }, "List all");
    more.addEventListener("click", async () => {
      const all = await runs(list.dataset.list);
      list.tabIndex = 0;
      list.textContent = listed(all) || OLD;
    });
    beyond.append(" ", more);
  }
  for (const note of document.querySelectorAll(".rest")) {
    const more = make("button", { type: "button" }, "List them");
    more.addEventListener("click", async () => {
      try {
        for (const [words, packed] of data.rest[note.dataset.code]) {
          const octets = await inflate(packed);
          let at = 0;
          for (const [how, message] of JSON.parse(new TextDecoder().decode(await inflate(words)))) {
            // The length of the list is a run of one number: its distance from zero, and a zero.
            let end = at;
            while (octets[end] & 128) end++;
            const [[length]] = numbers(octets.subarray(at, end + 2));
            const all = numbers(octets.subarray(end + 2, end + 2 + length));
            at = end + 2 + length;
            const count = all.reduce((sum, [from, to]) => sum + to - from + 1, 0);
            $("services-" + note.dataset.code).append(make("li", {}, make("span", { class: "badge " + how }, how), " ", message,
              make("p", { class: "ids", tabindex: 0 }, `${number(count)} connections: ${listed(all)}`)));
          }
        }
        note.remove();
      } catch { note.textContent = OLD; }
    });
    note.append(" ", more);
  }

  // --- Charts: what the curves say at a moment -----------------------------------------------------------------------------
  document.querySelectorAll("figure.chart").forEach((figure) => {
    const chart = data.charts[Number(figure.dataset.chart)];
    const canvas = figure.querySelector(".canvas"), cursor = figure.querySelector(".cursor"), readout = figure.querySelector(".readout");
    const buckets = chart.values.length ? chart.values[0].length : 0;
    if (!buckets) return;
    let place = -1;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "group");
    canvas.setAttribute("aria-label", figure.querySelector("figcaption").textContent + ": arrows left and right read the values");
    readout.setAttribute("aria-live", "polite");
    function point(next) {
      place = Math.max(0, Math.min(buckets - 1, next));
      cursor.hidden = false;
      cursor.style.left = (place + 0.5) / buckets * 100 + "%";
      const parts = chart.names.map((name, one) => [name, chart.values[one][place]]).filter(([, count]) => count > 0).map(([name, count]) => `${name} ${number(count)}`);
      readout.textContent = `${duration((place + 1) * chart.bucket)}: ${parts.join(" · ") || "none"}`;
    }
    const away = () => { cursor.hidden = true; readout.textContent = ""; place = -1; };
    canvas.addEventListener("pointermove", (event) => { const box = canvas.getBoundingClientRect(); point(Math.floor((event.clientX - box.left) / box.width * buckets)); });
    canvas.addEventListener("pointerleave", away);
    canvas.addEventListener("blur", away);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      point(place < 0 ? (step > 0 ? 0 : buckets - 1) : place + step);
    });
  });

  // --- Paper: what is told is opened; the pictures that are extra stay as they are ------------------------------------------
  const opened = [];
  let printing = false;
  function paper(is) {
    if (is === printing) return;
    printing = is;
    if (is) for (const one of document.querySelectorAll("details:not([open]):not(.extra)")) { one.open = true; opened.push(one); }
    else for (const one of opened.splice(0)) one.open = false;
    print(is);
  }
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  matchMedia("print").addEventListener("change", (media) => paper(media.matches));

  // A number in the address opens its connection.
  const wanted = /^#c(\d+)$/.exec(location.hash);
  if (wanted) go(Number(wanted[1]));
})();
