/* Draws the charts of a page. Each figure.chart has its Vega-Lite in a script of JSON; figures and tables are there without it. */
(function () {
  "use strict";
  const themes = JSON.parse(document.getElementById("muster-themes").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const views = [];
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function tooltip(_handler, event, _item, value) {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    tip.replaceChildren();
    for (const [name, text] of Object.entries(value)) {
      const line = document.createElement("div");
      const term = document.createElement("span");
      term.textContent = name;
      line.append(term, " ", String(text));
      tip.append(line);
    }
    const x = event.pageX + 14, room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(4, Math.min(x, room + window.scrollX)) + "px";
    tip.style.top = event.pageY + 14 + "px";
  }

  async function draw(figure, kind) {
    const place = figure.querySelector("." + kind);
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    spec.config = themes[kind];
    const compiled = vegaLite.compile(spec).spec;
    const runtime = vega.parse(compiled, null, { ast: true });
    const view = new vega.View(runtime, { renderer: "svg", expr: vega.expressionInterpreter, hover: true, tooltip });
    await view.initialize(place).runAsync();
    views.push({ figure, view, moves: (spec.params || []).some((param) => param.name === "threshold") });
  }

  function wanted() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : dark.matches;
  }

  /* Light first, as paper takes it whatever the screen shows. */
  async function all() {
    for (const figure of document.querySelectorAll("figure.chart")) {
      if (wanted()) await draw(figure, "dark");
      await draw(figure, "light");
    }
    document.documentElement.dataset.charts = "drawn";
  }

  function slide(figure) {
    const input = figure.querySelector("input[type='range']");
    if (!input) return;
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const rows = spec.datasets.table.slice().sort((a, b) => a.threshold - b.threshold);
    const first = input.value;
    const cells = figure.querySelectorAll("[data-field]");
    function show() {
      const row = rows[Number(input.value)] || null;
      const at = row === null || input.value === first ? Number(input.dataset.at) : row.threshold;
      input.setAttribute("aria-valuetext", vega.defaultLocale().format(".4~g")(at));
      for (const one of views) if (one.moves && one.figure === figure) one.view.signal("threshold", at).runAsync();
      for (const cell of cells) {
        const value = row === null ? null : row[cell.dataset.field];
        cell.textContent = value === null ? "–" : vega.defaultLocale().format(cell.dataset.format)(value).replaceAll(",", "\u202f");
      }
    }
    input.addEventListener("input", show);
    show();
  }

  /* A table of figures is sorted by the column whose heading is pressed: least first, then greatest; what is not known stays last. */
  function sortable(table) {
    const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => {
          const text = row.cells[column].textContent.replace("\u2212", "-").replace(/(\d)[\u202f,](?=\d)/g, "$1");
          const number = parseFloat(text);
          return Number.isNaN(number) ? (heading.className === "word" && text ? text : null) : number;
        };
        const rows = [...body.rows].map((row) => ({ row, at: key(row) }));
        rows.sort((a, b) => {
          if (a.at === null || b.at === null) return (a.at === null) - (b.at === null);
          const order = typeof a.at === typeof b.at ? (a.at < b.at ? -1 : a.at > b.at ? 1 : 0) : typeof a.at === "number" ? -1 : 1;
          return down ? -order : order;
        });
        body.append(...rows.map((one) => one.row));
      });
    });
  }

  document.querySelectorAll("section.figures table").forEach(sortable);
  dark.addEventListener("change", all);
  new MutationObserver(all).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  all().then(() => document.querySelectorAll("figure.chart").forEach(slide));
})();
