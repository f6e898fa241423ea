/* The list of runs: choosing two to six of them, and moving by keyboard (j, k, x, c, Enter). */
(() => {
  "use strict";
  const MOST = 6;
  const table = document.querySelector("table.runs");
  const tray = document.querySelector("[data-tray]");
  if (!table || !tray) return;

  const boxes = [...table.querySelectorAll("input[name='runs']")];
  const words = tray.querySelector("[data-tray-words]");
  const go = tray.querySelector("[data-compare]");
  const chosen = () => boxes.filter((box) => box.checked);

  const refresh = () => {
    const picked = chosen();
    boxes.forEach((box) => {
      box.closest("tr").classList.toggle("is-chosen", box.checked);
      // A run that is not ready yet stays out of reach.
      if (!("waiting" in box.dataset)) box.disabled = !box.checked && picked.length >= MOST;
    });
    tray.hidden = picked.length === 0;
    go.disabled = picked.length < 2;
    go.textContent = `Compare (${picked.length})`;
    words.textContent =
      picked.length < 2
        ? "Choose one more run to compare."
        : picked.length === MOST
          ? "Six runs chosen, the most that one page compares."
          : `${picked.length} runs chosen.`;
  };
  const compare = () => {
    const picked = chosen();
    if (picked.length < 2) return;
    // Oldest first: the list is newest first, and a comparison reads from before to after.
    const ids = picked.map((box) => box.value).reverse();
    location.assign(`${go.dataset.compare}?runs=${ids.join(",")}`);
  };
  table.addEventListener("change", refresh);
  go.addEventListener("click", compare);
  tray.querySelector("[data-clear]").addEventListener("click", () => {
    boxes.forEach((box) => (box.checked = false));
    refresh();
    table.querySelector("a.run-name")?.focus();
  });
  addEventListener("pageshow", refresh);

  let cursor = -1;
  const rows = boxes.map((box) => box.closest("tr"));
  const moveTo = (index) => {
    rows[cursor]?.classList.remove("is-cursor");
    cursor = Math.max(0, Math.min(index, rows.length - 1));
    rows[cursor].classList.add("is-cursor");
    rows[cursor].querySelector("a.run-name").focus({ preventScroll: true });
    rows[cursor].scrollIntoView({ block: "nearest" });
  };
  const keys = {
    j: () => moveTo(cursor + 1),
    k: () => moveTo(cursor - 1),
    x: () => {
      if (cursor < 0 || boxes[cursor].disabled) return;
      boxes[cursor].checked = !boxes[cursor].checked;
      refresh();
    },
    c: compare,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type='checkbox']), textarea, select")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
