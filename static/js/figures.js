/* Draws the page's figures from their JSON, in the colours of the theme, when they come into view;
   keeps the zoom of charts that share an axis together; writes the tables of long series. */
(() => {
  "use strict";
  const setup = JSON.parse(document.getElementById("figure-setup").textContent);
  const areas = [];
  const drawn = new Set();
  /* A figure is kept as PNG by the library's own button, and as SVG by this one. */
  setup.config.modeBarButtonsToAdd = [
    {
      name: "toSvg",
      title: "Download plot as SVG",
      icon: Plotly.Icons.disk,
      click: (area) => {
        const filename = area.closest("figure").id;
        Plotly.downloadImage(area, { format: "svg", filename, width: area.clientWidth, height: area.clientHeight });
      },
    },
  ];

  const figureOf = (area) => JSON.parse(document.getElementById(area.dataset.figure).textContent);
  const inTheme = (figure) => {
    if (window.headroomTheme() !== "dark") return figure;
    const swap = (node) => {
      if (typeof node === "string") {
        if (node in setup.dark) return setup.dark[node];
        return node.replace(/#[0-9a-f]{6}/g, (hex) => setup.dark[hex] ?? hex);
      }
      if (Array.isArray(node)) return node.map(swap);
      if (node === null || typeof node !== "object") return node;
      return Object.fromEntries(Object.entries(node).map(([key, at]) => [key, swap(at)]));
    };
    return swap(figure);
  };
  /* Names of phases give way where their bands have no room: first to the stage's number. */
  const PER_CHARACTER = 6.2;
  const makeRoom = (layout, width) => {
    const names = layout.annotations.filter((note) => note.name === "phase");
    if (names.length < 2) return;
    const [low, high] = layout.xaxis.range;
    const inside = width - layout.margin.l - layout.margin.r;
    const gaps = names.slice(1).map((note, index) => note.x - names[index].x);
    const room = (Math.min(...gaps) / (high - low)) * inside;
    const fits = (text) => text.length * PER_CHARACTER <= room;
    if (names.every((note) => fits(note.text))) return;
    names.forEach((note) => {
      const number = note.text.split("_").pop();
      note.text = fits(number) ? number : "";
    });
  };
  /* A note to the left of its point goes to the right where the chart's edge would cut it. */
  const turnNotes = (layout, width) => {
    if (!layout.xaxis.range) return;
    const [low, high] = layout.xaxis.range;
    const inside = width - layout.margin.l - layout.margin.r;
    layout.annotations
      .filter((note) => note.xanchor === "right" && (note.xref ?? "x") === "x")
      .filter((note) => ((note.x - low) / (high - low)) * inside < note.text.length * PER_CHARACTER)
      .forEach((note) => Object.assign(note, { xanchor: "left", xshift: -(note.xshift ?? 0) }));
  };
  const fitted = (figure, width) => {
    const { layout } = figure;
    if (width <= 520) {
      layout.margin = { ...layout.margin, l: 60, r: Math.min(layout.margin.r, 80) };
      layout.font.size = 11;
    }
    makeRoom(layout, width);
    turnNotes(layout, width);
    return figure;
  };
  const draw = async (area) => {
    const figure = fitted(inTheme(figureOf(area)), area.clientWidth);
    await Plotly.react(area, figure.data, figure.layout, setup.config);
    if (drawn.has(area)) return;
    drawn.add(area);
    area.dataset.drawn = "true";
    if (area.dataset.axis) share(area);
    area.on("plotly_click", follow);
  };
  /* A point that stands for a run leads to its page. */
  const follow = (event) => {
    const [address] = event.points?.[0]?.customdata ?? [];
    if (/^\/runs\/[0-9a-f-]+\/$/.test(address ?? "")) location.assign(address);
  };

  /* Zoom carries over between the charts of one axis, and to those drawn later. */
  const ranges = {};
  let echoing = false;
  const share = (area) => {
    const name = area.dataset.axis;
    if (ranges[name]) Plotly.relayout(area, { "xaxis.range": ranges[name] });
    area.on("plotly_relayout", (change) => {
      if (echoing) return;
      const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      const whole = change["xaxis.autorange"] === true;
      if (range[0] === undefined && !whole) return;
      ranges[name] = whole ? null : range;
      const others = areas.filter((o) => o !== area && o.dataset.axis === name && drawn.has(o));
      echoing = true;
      Promise.all(
        others.map((other) =>
          Plotly.relayout(other, whole ? { "xaxis.autorange": true } : { "xaxis.range": [...range] }),
        ),
      ).finally(() => (echoing = false));
    });
  };

  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "300px" },
  );
  /* The page's figures at first, and those of parts that come later. */
  const adopt = (root) => {
    root.querySelectorAll("[data-figure]").forEach((area) => {
      if (areas.includes(area)) return;
      areas.push(area);
      seen.observe(area);
    });
    root.querySelectorAll("[data-table-of]").forEach((details) => {
      details.addEventListener("toggle", () => tabulate(details), { once: true });
    });
  };
  document.addEventListener("headroom:theme", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => areas.forEach(draw));

  /* The table of a long series: one row for each moment, one column for each line. */
  const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  const words = (text) => String(text ?? "").replace(/&(lt|gt|amp);/g, (entity) => entities[entity]);
  const element = (tag, text, parent) => {
    const node = document.createElement(tag);
    if (text !== null) node.textContent = text;
    parent.append(node);
    return node;
  };
  const format = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const tabulate = (details) => {
    const area = document.querySelector(`#${CSS.escape(details.dataset.tableOf)} [data-figure]`);
    const { data, layout } = figureOf(area);
    const lines = data.filter((trace) => trace.x && trace.name);
    const rows = new Map();
    lines.forEach((trace, column) =>
      trace.x.forEach((x, index) => {
        if (!rows.has(x)) rows.set(x, Array(lines.length).fill(null));
        rows.get(x)[column] = trace.y[index];
      }),
    );
    const table = document.createElement("table");
    table.className = "table";
    const head = element("tr", null, table.createTHead());
    const titles = [layout.xaxis.title.text, ...lines.map((trace) => words(trace.name))];
    titles.forEach((title) => (element("th", title, head).scope = "col"));
    const body = table.createTBody();
    [...rows.keys()].sort((a, b) => a - b).forEach((x) => {
      const row = element("tr", null, body);
      element("th", format.format(x), row).scope = "row";
      rows.get(x).forEach((y) => (element("td", y === null ? "–" : format.format(y), row).className = "num"));
    });
    details.querySelector("div").replaceChildren(table);
  };
  adopt(document);
  document.addEventListener("htmx:afterSettle", (event) => adopt(event.target));
})();
