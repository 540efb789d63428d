// Keys, theme, charts and copying. Pages work without it; nothing here decides what they say.
"use strict";
(() => {
  const root = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const on = (event, act) => document.addEventListener(event, act);

  // Theme: automatic, unless somebody has chosen; set before anything is drawn.
  const themes = ["auto", "light", "dark"];
  const wear = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    for (const name of all("[data-theme-name]")) name.textContent = theme;
    draw(true);
  };
  let theme = "auto";
  try { theme = localStorage.getItem("soniq-theme") ?? theme; } catch { }
  const nextTheme = () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("soniq-theme", theme); } catch { }
    wear(theme);
  };

  // Charts: made from the table that says the same.
  const drawn = new Map();
  const points = ({ dataset, rows }) => {
    const from = +dataset.from, step = +dataset.step;
    const times = Array.from({ length: +dataset.steps }, (_, n) => from + n * step);
    const both = times.map(() => 0), failed = times.map(() => 0);
    for (const row of rows) {
      const n = (row.dataset.at - from) / step;
      const [done, bad] = all("[data-value]", row).map((cell) => +cell.dataset.value);
      // Failed ones stand in front, and what is done rises above them.
      if (n in both) [both[n], failed[n]] = [done + bad, bad];
    }
    return [times, both, failed];
  };
  const say = ({ cursor: { idx }, data: [times, both, failed] }) => {
    const time = idx == null ? 0 : new Date(times[idx] * 1000).toISOString().slice(0, 16).replace("T", " ");
    one("[data-read]").textContent = time ? ` – ${time}: ${both[idx] - failed[idx]} done, ${failed[idx]} failed` : "";
  };
  const options = (plot, step) => {
    const look = getComputedStyle(plot);
    const axis = { stroke: look.color, grid: { stroke: look.borderTopColor, width: 1 }, ticks: { show: false }, font: `12px ${look.fontFamily}` };
    const paths = uPlot.paths.bars({ size: [0.8, 24], align: 1 });
    const bars = (name) => ({ fill: getComputedStyle(one(`.legend .${name}`)).color, width: 0, paths, points: { show: false } });
    return {
      width: plot.clientWidth, height: 180, padding: [8, 18, 0, 0], legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false } },
      // Bars stand to the right of their times: so does the last one, of what has just ended.
      scales: { x: { range: (_, from, to) => [from, to + step] }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] } },
      axes: [{ ...axis, values: [[1, step < 3600 ? "{HH}:{mm}" : "{MMM} {D}"]], size: 26 }, { ...axis, size: 44 }],
      series: [{}, bars("done"), bars("failed")],
      hooks: { setCursor: [say] },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    };
  };
  const draw = (anew) => {
    if (!window.uPlot) return;
    for (const [plot, chart] of drawn) if (anew || !plot.isConnected) { chart.destroy(); drawn.delete(plot); }
    for (const figure of all("[data-chart]")) {
      const plot = one("[data-plot]", figure), body = one("tbody", figure), data = points(body);
      if (drawn.has(plot)) drawn.get(plot).setData(data);
      else drawn.set(plot, new uPlot(options(plot, +body.dataset.step), data, plot));
    }
  };

  // Rows: one of them is where the keys are.
  const here = () => one("tr.here");
  const open = (row) => one("[data-open]", row);
  const move = (by) => {
    const rows = all("[data-row]"), old = here();
    const row = rows[old ? Math.min(Math.max(rows.indexOf(old) + by, 0), rows.length - 1) : 0];
    old?.classList.remove("here");
    row?.classList.add("here");
    if (row) open(row)?.focus();
  };
  const tick = () => { const box = here() && one("input[name=id]", here()); if (box) box.checked = !box.checked; };
  const act = (key) => {
    const button = one(`[data-key=${key}]`), some = () => one("input[name=id]:checked");
    const many = button?.matches("[data-ticked]");
    if (many && !some()) tick();
    if (!many || some()) button?.click();
  };

  let going = 0;
  const keys = {
    "/": () => all("[data-find]").pop()?.focus(),
    "?": () => one("#keys")?.showModal(),
    g: () => { going = Date.now(); },
    j: () => move(1), k: () => move(-1), x: tick,
    o: () => here() && open(here())?.click(),
    r: () => act("r"), c: () => act("c"),
  };
  on("keydown", (event) => {
    const { key, target } = event;
    const typing = target.matches("input:not([type=checkbox]), textarea, select");
    if (key === "Escape" && typing) target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    const page = Date.now() - going < 1500 && one(`[data-go="${CSS.escape(key)}"]`);
    going = 0;
    if (page) page.click(); else if (Object.hasOwn(keys, key)) keys[key](); else return;
    event.preventDefault();
  });
  on("click", ({ target }) => {
    const button = target.closest("[data-copy], [data-theme-switch], [data-help]");
    if (button?.matches("[data-theme-switch]")) nextTheme();
    else if (button?.matches("[data-help]")) keys["?"]();
    else if (button) navigator.clipboard?.writeText(button.dataset.copy).then(() => { button.textContent = "Copied"; });
  });
  on("change", ({ target }) => {
    if (target.matches("[data-tick-all]")) for (const box of all("input[name=id]")) box.checked = target.checked;
  });

  // Text becomes markup only where htmx reads what this server has answered, and never a script.
  const policy = window.trustedTypes?.createPolicy("soniq", { createHTML: (text) => text });

  const lamp = (text) => () => { for (const lamp of all("[data-live]")) { lamp.hidden = false; lamp.textContent = lamp.dataset.live = text; } };
  on("htmx:sse:after:connection", lamp("live"));
  on("htmx:sse:error", lamp("not live"));
  const reveal = () => { for (const tool of all("[data-theme-switch], [data-help], [data-copy], [data-tick-all]")) tool.hidden = false; };
  on("htmx:after:swap", () => { reveal(); draw(false); });
  addEventListener("resize", () => draw(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(true));
  wear(theme);
  on("DOMContentLoaded", () => {
    window.htmx?.registerExtension("soniq", { init: (inside) => inside.initSecurity(policy) });
    reveal();
    wear(theme);
  });
})();
