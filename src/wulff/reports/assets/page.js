"use strict";
// Draws what the page's JSON holds: certified-accuracy charts and the browser of inputs. No network, no library.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const DASHES = ["", "9 4", "3 3", "12 3 3 3"];
  const PER_PAGE = 24;
  const SVG = "http://www.w3.org/2000/svg";

  const colour = (number) => `var(--c${number % 7})`;
  const dash = (number) => DASHES[((number % 7) + Math.floor(number / 7)) % DASHES.length];
  const share = (value) => value.toFixed(3);

  /** A radius as text, never above the number itself. */
  function down(value, digits) {
    const unit = 10 ** digits;
    let units = Math.floor(value * unit);
    if (units / unit > value) units -= 1;
    return (units / unit).toFixed(digits);
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function shape(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // ---- certified accuracy -------------------------------------------------------------------------------

  /** Whether the label of an input is right; where true labels are not known, whether there is one. */
  const counts = (run, i) => (run.label ? run.predict[i] === run.label[i] : run.predict[i] >= 0);

  /** The certified radii of the correctly labelled inputs of a run, ascending. */
  function certified(run, norm) {
    const radii = run.radii[norm].filter((_, i) => counts(run, i));
    return Float64Array.from(radii).sort();
  }

  /** How many of the ascending radii are at least r. */
  function countFrom(radii, r) {
    let low = 0, high = radii.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (radii[middle] < r) low = middle + 1; else high = middle;
    }
    return radii.length - low;
  }

  function niceStep(largest) {
    const power = 10 ** Math.floor(Math.log10(largest));
    return [0.1, 0.2, 0.25, 0.5, 1, 2].map((f) => f * power).find((step) => largest / step <= 7);
  }

  /** The end of both axes: of the curves against this norm, or of all curves on a common scale. */
  function ends(norms) {
    const radii = norms.flatMap((norm) => data.runs.filter((run) => run.radii[norm]).map((run) => certified(run, norm)));
    const lengths = norms.flatMap((norm) => data.runs.filter((run) => run.radii[norm]).map((run) => run.index.length));
    // Where nothing is certified, there is an axis all the same.
    const largest = Math.max(...radii.map((r) => (r.length ? r[r.length - 1] : 0))) || 1;
    const highest = Math.max(...radii.map((r, i) => r.length / lengths[i]));
    return { limit: largest * 1.04, height: Math.max(1, Math.ceil(highest * 5 - 1e-9)) / 5 };
  }

  function drawChart(figure, norm, common) {
    const runs = data.runs.map((run, number) => ({ run, number, shown: true })).filter(({ run }) => run.radii[norm]);
    for (const line of runs) line.radii = certified(line.run, norm);
    const width = 760, height = 400, left = 62, right = 14, top = 12, bottom = 52;
    const { limit, height: most } = common ? ends(data.norms) : ends([norm]);
    const x = (r) => left + (r / limit) * (width - left - right);
    const y = (a) => top + (1 - a / most) * (height - top - bottom);
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", tabindex: "0",
      "aria-label": `Certified accuracy against ${norm} by radius; arrow keys move the cursor. The table below has the numbers.` });

    const step = niceStep(limit);
    let digits = 0;
    while (digits < 20 && Math.abs(Number(step.toFixed(digits)) - step) > 1e-9 * step) digits++;
    for (let i = 0; i * step <= limit; i++) {
      svg.append(shape("line", { class: "grid", x1: x(i * step), x2: x(i * step), y1: y(0), y2: y(most) }));
      svg.append(shape("text", { x: x(i * step), y: height - bottom + 20, "text-anchor": "middle" }, (i * step).toFixed(digits)));
    }
    for (let a = 0; a <= 5 * most + 1e-9; a++) {
      svg.append(shape("line", { class: "grid", x1: x(0), x2: x(limit), y1: y(a / 5), y2: y(a / 5) }));
      svg.append(shape("text", { x: left - 8, y: y(a / 5) + 5, "text-anchor": "end" }, (a / 5).toFixed(1)));
    }
    svg.append(shape("path", { class: "axis", fill: "none", d: `M${x(0)} ${y(most)}V${y(0)}H${x(limit)}` }));
    svg.append(shape("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, data.headings[norm]));
    svg.append(shape("text", { transform: `translate(16 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, "certified accuracy"));

    /** The step function as a path; steps closer than a quarter of a unit of the drawing are drawn as one, at the first. */
    function path(radii, accuracy) {
      let d = `M${x(0)} ${y(accuracy(0)).toFixed(2)}`, drawn = x(0);
      for (const r of radii) {
        if (x(r) - drawn < 0.25) continue;
        drawn = x(r);
        d += `V${y(accuracy(r)).toFixed(2)}H${drawn.toFixed(2)}V${y(accuracy(r + r * 2 ** -52)).toFixed(2)}`;
      }
      const last = radii[radii.length - 1];
      return radii.length ? `${d}V${y(accuracy(last)).toFixed(2)}H${x(last).toFixed(2)}V${y(0)}` : d;
    }

    const legend = element("div", { class: "legend" });
    const envelope = figure.dataset.envelope === "true" ? shape("path", { class: "curve envelope", stroke: "var(--ink)", "stroke-dasharray": "2 4", opacity: ".75" }) : null;
    const best = (r) => Math.max(0, ...runs.filter((l) => l.shown).map((l) => countFrom(l.radii, r) / l.run.index.length));
    function drawEnvelope() {
      const all = Float64Array.from(runs.filter((l) => l.shown).flatMap((l) => Array.from(l.radii))).sort();
      envelope.setAttribute("d", path(all, best));
    }
    for (const line of runs) {
      const accuracy = (r) => countFrom(line.radii, r) / line.run.index.length;
      line.path = shape("path", { class: "curve", stroke: colour(line.number), "stroke-dasharray": dash(line.number), d: path(line.radii, accuracy) });
      svg.append(line.path);
      const swatch = shape("svg", { viewBox: "0 0 28 10", "aria-hidden": "true" });
      swatch.append(shape("line", { x1: 0, x2: 28, y1: 5, y2: 5, stroke: colour(line.number), "stroke-width": 3, "stroke-dasharray": dash(line.number) }));
      const button = element("button", { type: "button", "aria-pressed": "true" }, swatch, line.run.name);
      button.addEventListener("click", () => {
        line.shown = !line.shown;
        button.setAttribute("aria-pressed", line.shown);
        line.path.style.display = line.shown ? "" : "none";
        if (envelope) drawEnvelope();
      });
      legend.append(button);
    }
    if (envelope) {
      svg.append(envelope);
      drawEnvelope();
    }

    const cursor = shape("line", { class: "cursor", y1: y(0), y2: y(most), visibility: "hidden" });
    svg.append(cursor);
    const tip = element("div", { class: "tip", hidden: "", role: "status" });
    let at = 0;
    // Shares are those at the radius that is shown, so this has few digits: a thousandth of the axis, or less.
    const decimals = Math.max(0, 3 - Math.floor(Math.log10(limit)));
    function point(r) {
      at = Number(Math.min(Math.max(r, 0), limit).toFixed(decimals));
      cursor.setAttribute("x1", x(at));
      cursor.setAttribute("x2", x(at));
      cursor.setAttribute("visibility", "visible");
      const rows = runs.filter((l) => l.shown).map((l) => {
        const correct = countFrom(l.radii, at), all = l.run.index.length;
        const mark = element("i");
        mark.style.background = colour(l.number);
        const bound = l.run.false === null ? "" : ` ≥ ${down(Math.max(0, correct - l.run.false) / all, 3)}`;
        return element("div", {}, mark, element("span", {}, l.run.name), element("b", {}, share(correct / all)), bound);
      });
      if (envelope) rows.push(element("div", {}, element("span", {}, "best of these, chosen on the test set"), element("b", {}, share(best(at)))));
      tip.replaceChildren(element("div", {}, element("b", {}, `radius ${at.toFixed(decimals)}`)), ...rows);
      tip.hidden = false;
      place(runs.filter((l) => l.shown).map((l) => countFrom(l.radii, at) / l.run.index.length));
    }
    /** Curves fall, so nothing lies above and right of the highest one here, or below and left of the lowest. */
    function place(shares) {
      const outer = figure.getBoundingClientRect(), inner = svg.getBoundingClientRect();
      const scale = inner.width / width, pixel = inner.left - outer.left + x(at) * scale, room = tip.offsetWidth + 16;
      const above = most - Math.max(0, ...shares) >= Math.min(most, ...shares);
      const right = above ? pixel + room < outer.width : pixel < room;
      tip.style.left = right ? `${pixel + 12}px` : "auto";
      tip.style.right = right ? "auto" : `${outer.width - pixel + 12}px`;
      const low = inner.top - outer.top + y(0) * scale - tip.offsetHeight - 8;
      tip.style.top = above ? "" : `${low}px`;
    }
    function leave() {
      tip.hidden = true;
      cursor.setAttribute("visibility", "hidden");
    }
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      point((((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * limit);
    });
    svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") leave(); });
    svg.addEventListener("focus", () => point(at));
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!move) return;
      event.preventDefault();
      point(at + (move * limit) / 100);
    });
    figure.prepend(legend, svg, tip);
  }

  /** One section at a time, with a tab for each; the axes of all are the same if that is asked for. */
  function startTabs() {
    const sections = [...document.querySelectorAll(".threat")];
    const draw = (common) => sections.forEach((section) => {
      const figure = section.querySelector("figure");
      [...figure.children].filter((child) => child.tagName !== "FIGCAPTION").forEach((child) => child.remove());
      drawChart(figure, section.dataset.norm, common);
    });
    draw(false);
    if (sections.length < 2) return;
    const tabs = sections.map((section, number) => {
      section.id = `threat-${number}`;
      section.setAttribute("role", "tabpanel");
      return element("button", { type: "button", role: "tab", "aria-controls": section.id }, section.dataset.norm);
    });
    function choose(number) {
      sections.forEach((section, i) => { section.hidden = i !== number; });
      tabs.forEach((tab, i) => {
        tab.setAttribute("aria-selected", i === number);
        tab.tabIndex = i === number ? 0 : -1;
      });
    }
    tabs.forEach((tab, number) => {
      tab.addEventListener("click", () => choose(number));
      tab.addEventListener("keydown", (event) => {
        const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!move) return;
        const next = (number + move + tabs.length) % tabs.length;
        choose(next);
        tabs[next].focus();
      });
    });
    const common = element("input", { type: "checkbox" });
    common.addEventListener("change", () => draw(common.checked));
    const list = element("div", { class: "tabs", role: "tablist", "aria-label": "Threats" }, ...tabs);
    sections[0].before(element("div", { class: "controls" }, list, element("label", {}, common, "common scale")));
    choose(0);
  }

  // ---- inputs -------------------------------------------------------------------------------------------

  const state = { run: 0, filter: "all", norm: data.norms[0], page: 0, found: [] };

  const outcome = (run, i) => (run.predict[i] === -1 ? "abstained" : !run.label ? "labelled" : counts(run, i) ? "correct" : "wrong");

  /** The rows of a run that a filter lets through, in the order in which it shows them. */
  function select() {
    const run = data.runs[state.run];
    let rows = Array.from(run.index.keys());
    if (state.filter === "wrong" || state.filter === "abstained") rows = rows.filter((i) => outcome(run, i) === state.filter);
    if (state.filter === "smallest" || state.filter === "largest") {
      const radii = run.radii[state.norm] || [], sign = state.filter === "smallest" ? 1 : -1;
      rows = rows.filter((i) => counts(run, i)).sort((a, b) => sign * (radii[a] - radii[b]));
    }
    const wanted = document.getElementById("index").value.trim();
    const named = (i) => run.files && run.files[i] && run.files[i].includes(wanted);
    if (wanted !== "") rows = rows.filter((i) => run.index[i] === Number(wanted) || named(i));
    state.found = rows;
  }

  /** What a class is called in a bar and among the facts. */
  const className = (run, label) => (run.classes ? run.classes[label] : `class ${label}`);
  const labelText = (run, label) => (run.classes ? `${run.classes[label]} (${label})` : String(label));

  function bars(run, i) {
    const votes = run.votes[i];
    if (!votes) return [];
    const [total, ...pairs] = votes, made = [];
    let rest = total;
    for (let k = 0; k < pairs.length; k += 2) {
      made.push(bar(className(run, pairs[k]), pairs[k + 1], total, run.label !== null && pairs[k] === run.label[i]));
      rest -= pairs[k + 1];
    }
    if (rest > 0) made.push(bar("others", rest, total, false));
    return made;
  }

  function bar(name, votes, total, isLabel) {
    const fill = element("u");
    fill.style.width = `${(100 * votes) / total}%`;
    return element("div", { class: isLabel ? "bar label" : "bar", title: `${votes} of ${total} votes` },
      element("span", {}, name + (isLabel ? " ✓" : "")), element("span", {}, fill), element("span", {}, votes.toLocaleString("en")));
  }

  /** A change with four digits, never above the number itself. */
  function change(value) {
    if (value === 0) return "0";
    const digits = 3 - Math.floor(Math.log10(value));
    return digits >= 0 ? down(value, Math.min(digits, 12)) : String(Math.floor(value / 10 ** -digits) * 10 ** -digits);
  }

  const SHOWN = 12;

  /** How far each feature of an input alone may change, the most fragile first. */
  function ranges(run, i) {
    const own = run.features, norms = Object.keys(own.perRadius);
    const norm = norms.includes(state.norm) ? state.norm : norms[0], radius = run.radii[norm][i];
    const values = own.values[run.index[i]], lines = own.names.map((name, k) => {
      const fill = element("u"), perRadius = own.perRadius[norm][k];
      const most = perRadius === null ? 0 : radius * perRadius * (1 - 2 ** -50);
      const anything = own.counts[norm][k] && radius > 0 && !/\+0$/.test(norm);
      const covered = own.spans[k] ? Math.min(1, most / own.spans[k]) : 0;
      fill.style.width = `${100 * (anything ? 1 : covered)}%`;
      const text = own.immutable[k] ? "immutable" : anything ? "any value" : perRadius === null ? "no change" : `± ${change(most)}`;
      const title = values ? `${name} is ${values[k]}` : name;
      return element("div", { class: "range", title }, element("span", {}, name),
        element("span", {}, values ? values[k] : ""), element("span", {}, text), element("span", { class: "track" }, fill));
    });
    const box = element("div", { class: "ranges" }, ...lines.slice(0, SHOWN));
    if (lines.length > SHOWN) {
      box.append(element("details", {}, element("summary", {}, `and ${lines.length - SHOWN} more`), ...lines.slice(SHOWN)));
    }
    return box;
  }

  function card(run, i) {
    const kind = outcome(run, i), index = run.index[i];
    const words = { correct: "✓ correct", wrong: "✗ wrong", labelled: "labelled", abstained: "– abstained" }[kind];
    const made = element("article", { class: "card", "data-outcome": kind, "data-index": index },
      element("header", {}, element("span", {}, `#${index}`), element("span", { class: `badge ${kind}` }, words)));
    const clean = run.pictures !== null ? data.pictures[run.pictures][index] : undefined;
    if (clean) {
      const noisy = run.noisy[index];
      made.append(element("div", { class: "pair" },
        element("figure", {}, element("img", { src: clean, alt: `input ${index}` }), element("figcaption", {}, "input")),
        element("figure", {}, element("img", { src: noisy, alt: `noisy copy of input ${index}` }), element("figcaption", {}, "noisy copy"))));
    }
    made.append(...bars(run, i));
    if (run.features && kind !== "abstained") made.append(ranges(run, i));
    const facts = element("dl");
    const fact = (name, value) => facts.append(element("dt", {}, name), element("dd", {}, value));
    if (run.files && run.files[i]) fact("file", run.files[i]);
    if (run.label) fact("label", labelText(run, run.label[i]));
    fact("smoothed", kind === "abstained" ? "abstains" : labelText(run, run.predict[i]));
    if (kind === "abstained") fact("because", run.reasons[run.reason[i]] + (run.needed[i] ? `: about ${run.needed[i].toLocaleString("en")} needed` : ""));
    else for (const norm of data.norms) if (run.radii[norm]) fact(data.headings[norm], down(run.radii[norm][i], 4));
    if (run.n[i]) fact("samples", run.n[i].toLocaleString("en"));
    made.append(facts);
    return made;
  }

  /** Only the cards of one page exist, so that ten thousand inputs are as quick as ten. */
  function show() {
    const run = data.runs[state.run], first = state.page * PER_PAGE, found = state.found;
    const rows = found.slice(first, first + PER_PAGE);
    document.getElementById("cards").replaceChildren(...rows.map((i) => card(run, i)));
    document.getElementById("count").textContent = found.length
      ? `${(first + 1).toLocaleString("en")} to ${(first + rows.length).toLocaleString("en")} of ${found.length.toLocaleString("en")}`
      : "none";
    document.getElementById("previous").disabled = first === 0;
    document.getElementById("next").disabled = first + PER_PAGE >= found.length;
  }

  function refresh() {
    state.page = 0;
    select();
    show();
  }

  function startInputs() {
    const runs = document.getElementById("run"), norms = document.getElementById("norm");
    data.runs.forEach((run, number) => runs.append(element("option", { value: number }, run.name)));
    data.norms.forEach((norm) => norms.append(element("option", { value: norm }, norm)));
    norms.closest("label").hidden = data.norms.length < 2;
    runs.addEventListener("change", () => { state.run = Number(runs.value); refresh(); });
    norms.addEventListener("change", () => { state.norm = norms.value; refresh(); });
    document.getElementById("index").addEventListener("input", refresh);
    const filters = document.querySelectorAll("[data-filter]");
    filters.forEach((button) => button.addEventListener("click", () => {
      state.filter = button.dataset.filter;
      filters.forEach((other) => other.setAttribute("aria-pressed", other === button));
      refresh();
    }));
    for (const [id, by] of [["previous", -1], ["next", 1]]) {
      document.getElementById(id).addEventListener("click", () => { state.page += by; show(); });
    }
    refresh();
  }

  startTabs();
  startInputs();
  document.documentElement.dataset.ready = "true";
})();
