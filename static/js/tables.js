/* Tables marked data-table: sorting by a head, searching, copying as Markdown, saving as CSV. */
(() => {
  "use strict";

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const text = (cell) => cell.innerText.replace(/\s+/g, " ").trim();
  /* data-value holds the exact figure behind a cell's rounded words; empty means unknown. */
  const value = (cell) => {
    if (!cell) return { known: false };
    if (!("value" in cell.dataset)) return { known: true, words: text(cell) };
    const figure = Number.parseFloat(cell.dataset.value);
    return { known: Number.isFinite(figure), figure };
  };
  const compare = (a, b) => {
    if (a.words !== undefined && b.words !== undefined) return collator.compare(a.words, b.words);
    return (a.figure ?? 0) - (b.figure ?? 0);
  };

  const sortBy = (table, head) => {
    const column = head.cellIndex;
    const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => ({ row, at: value(row.cells[column]) }));
    rows.sort((a, b) => {
      if (a.at.known !== b.at.known) return a.at.known ? -1 : 1; // unknown stays last
      return turn * compare(a.at, b.at);
    });
    body.append(...rows.map((entry) => entry.row));
  };

  const visibleRows = (table) =>
    [table.tHead.rows[0], ...table.tBodies[0].rows].filter((row) => !row.hidden);
  const shownCells = (row) => [...row.cells].filter((cell) => !cell.hidden);
  const cells = (row) =>
    shownCells(row).map((cell) => cell.dataset.value || text(cell));

  /* A cell that a spreadsheet would run as a formula gets an apostrophe in front. */
  const csvCell = (word) => {
    const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(word);
    const safe = !number && /^[=+\-@\t\r]/.test(word) ? `'${word}` : word;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const csv = (table) =>
    visibleRows(table).map((row) => cells(row).map(csvCell).join(",")).join("\r\n") + "\r\n";
  const markdownCell = (word) =>
    word.replace(/[\\`*_[\]<>|#]/g, "\\$&").replace(/\n/g, " ");
  const markdown = (table) => {
    const lines = visibleRows(table).map(
      (row) => `| ${shownCells(row).map((cell) => markdownCell(text(cell))).join(" | ")} |`,
    );
    lines.splice(1, 0, `|${" --- |".repeat(cells(table.tHead.rows[0]).length)}`);
    return lines.join("\n") + "\n";
  };
  const save = (content, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  /* What is searched and how it is sorted stand in the address, so that the view can be sent. */
  const addressed = (table, search) => {
    const write = (name, value) => {
      const address = new URL(location.href);
      if (value) address.searchParams.set(name, value);
      else address.searchParams.delete(name);
      history.replaceState(history.state, "", address);
    };
    search?.addEventListener("input", () => write("find", search.value));
    table.tHead.addEventListener("click", () => {
      const head = table.querySelector("[aria-sort]");
      if (!head) return;
      const turn = head.getAttribute("aria-sort") === "descending" ? "d" : "a";
      write("sort", `${head.cellIndex}${turn}`);
    });
    const restore = () => {
      const asked = new URL(location.href).searchParams;
      if (search) search.value = asked.get("find") ?? "";
      const [, column, turn] = /^(\d{1,3})([ad])$/.exec(asked.get("sort") ?? "") ?? [];
      const head = table.tHead.rows[0].cells[Number(column)];
      if (column === undefined || !head?.querySelector(".sort")) return;
      sortBy(table, head);
      if (turn === "d") sortBy(table, head);
    };
    return { restore };
  };

  /* The column chooser: which columns are shown is remembered for every run's page. */
  const choosable = (table, tools) => {
    const boxes = [...tools.querySelectorAll("[data-column]")];
    const key = `headroom-columns-${table.id}`;
    const show = (box) => {
      const at = Number(box.dataset.column);
      for (const row of table.rows) row.cells[at].hidden = !box.checked;
    };
    const remember = () => {
      const shown = boxes.filter((box) => box.checked).map((box) => box.dataset.column);
      try {
        localStorage.setItem(key, JSON.stringify(shown));
      } catch {
        // the choice then lasts as long as the page
      }
    };
    let shown = null;
    try {
      shown = JSON.parse(localStorage.getItem(key));
    } catch {
      shown = null;
    }
    boxes.forEach((box) => {
      if (Array.isArray(shown)) box.checked = shown.includes(box.dataset.column);
      show(box);
      box.addEventListener("change", () => {
        show(box);
        remember();
      });
    });
  };

  document.querySelectorAll("table[data-table]").forEach((table) => {
    table.tHead.querySelectorAll("button.sort").forEach((button) => {
      button.addEventListener("click", () => sortBy(table, button.closest("th")));
    });
    const tools = document.querySelector(`[data-tools="${table.id}"]`);
    if (!tools) return;
    tools.hidden = false;
    const search = tools.querySelector("input");
    const count = tools.querySelector("[data-count]");
    const pooled = tools.querySelector("[data-pooled]");
    const narrow = () => {
      const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const content = row.textContent.toLowerCase();
        const fits = words.every((word) => content.includes(word));
        row.hidden = !fits || (pooled && !pooled.checked && row.classList.contains("pooled"));
        shown += row.hidden ? 0 : 1;
      }
      if (count) count.textContent = `${shown} of ${table.tBodies[0].rows.length} rows`;
    };
    choosable(table, tools);
    const state = "state" in tools.dataset ? addressed(table, search) : null;
    search?.addEventListener("input", narrow);
    pooled?.addEventListener("change", narrow);
    state?.restore();
    narrow();
    tools.querySelector("[data-markdown]")?.addEventListener("click", () =>
      window.headroom.copy(markdown(table), "the table as Markdown"),
    );
    tools.querySelector("[data-csv]")?.addEventListener("click", () =>
      save(csv(table), `${table.dataset.name || "table"}.csv`),
    );
  });
})();
