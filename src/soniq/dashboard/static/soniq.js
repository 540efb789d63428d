// Keys, theme, charts and copying. Pages work without it; nothing here decides what they say.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);

  // --- theme: automatic, unless somebody has chosen; set before anything is drawn
  const themes = ["auto", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("soniq-theme") || "auto"; } catch { return "auto"; } };
  const wear = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    for (const name of all("[data-theme-name]")) name.textContent = theme;
    charts(true);
  };
  const nextTheme = () => {
    const theme = themes[(themes.indexOf(stored()) + 1) % themes.length];
    try { localStorage.setItem("soniq-theme", theme); } catch { /* private windows may refuse */ }
    wear(theme);
  };

  // --- charts: made from the table that says the same
  const drawn = new Map();
  const colour = (name) => getComputedStyle(one(`.legend .${name}`)).color;
  const points = (body) => {
    const [from, step, steps] = ["from", "step", "steps"].map((name) => Number(body.dataset[name]));
    const data = [[], [], []];
    for (let n = 0; n < steps; n++) { data[0].push(from + n * step); data[1].push(0); data[2].push(0); }
    for (const row of all("tr[data-at]", body)) {
      const n = Math.round((row.dataset.at - from) / step);
      const values = all("[data-value]", row).map((cell) => Number(cell.dataset.value));
      if (n >= 0 && n < steps) { data[1][n] = values[0]; data[2][n] = values[1]; }
    }
    return data;
  };
  const options = (plot, step) => {
    const style = getComputedStyle(root);
    const axis = { stroke: colour("axis"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` };
    const bars = uPlot.paths.bars({ size: [0.8, 24], align: 1 });
    const series = (name, label) => ({ label, fill: colour(name), stroke: colour(name), width: 0, paths: bars, points: { show: false } });
    const range = (_, __, most) => [0, Math.max(4, most * 1.08)];
    const day = step >= 3600 ? "{MMM} {D}" : "{HH}:{mm}";
    return {
      width: plot.clientWidth, height: 180, padding: [8, 4, 0, 0], legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { y: { range } },
      axes: [{ ...axis, values: [[1, day]] }, { ...axis, size: 44 }],
      series: [{}, series("done", "Done"), series("failed", "Failed")],
      hooks: { setCursor: [(chart) => say(chart)] },
    };
  };
  const say = (chart) => {
    const n = chart.cursor.idx, out = one("[data-read]");
    if (!out) return;
    const [at, done, failed] = chart.data;
    out.textContent = n == null ? "" : `${new Date(at[n] * 1000).toLocaleString()}: ${done[n]} done, ${failed[n]} failed`;
  };
  const charts = (anew) => {
    if (!window.uPlot) return;
    for (const [plot, chart] of drawn) if (anew || !plot.isConnected) { chart.destroy(); drawn.delete(plot); }
    for (const figure of all("[data-chart]")) {
      const plot = figure.querySelector("[data-plot]"), body = figure.querySelector("tbody");
      const data = points(body), old = drawn.get(plot);
      if (old) old.setData(data); else drawn.set(plot, new uPlot(options(plot, Number(body.dataset.step)), data, plot));
    }
  };

  // --- rows: one of them is where the keys are
  const rows = () => all("[data-row]");
  const here = () => one("tr.here");
  const move = (by) => {
    const every = rows(), old = here();
    if (!every.length) return;
    const place = old ? Math.min(Math.max(every.indexOf(old) + by, 0), every.length - 1) : 0;
    old?.classList.remove("here");
    every[place].classList.add("here");
    every[place].querySelector("[data-open]")?.focus({ preventScroll: true });
    every[place].scrollIntoView({ block: "nearest" });
  };
  const box = (row) => row?.querySelector("input[name=id]");
  const tick = () => { const found = box(here()); if (found) found.checked = !found.checked; };
  const act = (key) => {
    const button = one(`[data-key="${key}"]`);
    if (button?.hasAttribute("data-ticked") && !one("input[name=id]:checked")) tick();
    if (button && (!button.hasAttribute("data-ticked") || one("input[name=id]:checked"))) button.click();
  };

  // --- keys
  let going = 0;
  const keys = {
    "/": () => all("[data-find]").pop()?.focus(),
    "?": () => one("#keys")?.showModal(),
    g: () => { going = Date.now(); },
    j: () => move(1), k: () => move(-1), x: tick,
    o: () => here()?.querySelector("[data-open]")?.click(),
    r: () => act("r"), c: () => act("c"),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) typing.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    const page = Date.now() - going < 1500 && one(`[data-go="${CSS.escape(event.key)}"]`);
    going = 0;
    if (page) page.click(); else if (Object.hasOwn(keys, event.key)) keys[event.key](); else return;
    event.preventDefault();
  });

  // --- the rest
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-theme-switch], [data-help]");
    if (!button) return;
    if ("themeSwitch" in button.dataset) return nextTheme();
    if ("help" in button.dataset) return keys["?"]();
    await navigator.clipboard?.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) for (const row of rows()) { const found = box(row); if (found) found.checked = event.target.checked; }
  });
  const lamp = (state) => { for (const lamp of all("[data-live]")) { lamp.hidden = false; lamp.dataset.live = state; lamp.textContent = state === "on" ? "live" : "not live"; } };
  document.addEventListener("htmx:sse:after:connection", () => lamp("on"));
  document.addEventListener("htmx:sse:error", () => lamp("lost"));
  document.addEventListener("htmx:after:swap", () => charts(false));
  addEventListener("resize", () => charts(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts(true));

  wear(stored());
  document.addEventListener("DOMContentLoaded", () => {
    for (const tool of all("[data-theme-switch], [data-help], [data-copy], [data-tick-all]")) tool.hidden = false;
    wear(stored());
  });
})();
