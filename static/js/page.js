/* What every page has: terms that explain themselves, times in the reader's zone, copying, keys. */
(() => {
  "use strict";

  /* Times: the server writes UTC; the hover text adds the reader's own zone. */
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  document.querySelectorAll("time[datetime]").forEach((time) => {
    const when = new Date(time.dateTime);
    if (!Number.isNaN(when.getTime())) time.title = `${local.format(when)} · ${time.title}`;
  });

  /* Terms: one tip, shown on hover and focus, kept while the pointer is on it, closed by Escape. */
  const tip = document.createElement("div");
  tip.id = "term-tip";
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.setAttribute("popover", "manual");
  document.body.append(tip);
  let shownFor = null;
  let hiding = 0;

  const place = (term) => {
    const at = term.getBoundingClientRect();
    const width = tip.offsetWidth;
    const below = at.bottom + tip.offsetHeight + 12 < innerHeight;
    tip.style.left = `${Math.max(12, Math.min(at.left, innerWidth - width - 12))}px`;
    tip.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - tip.offsetHeight - 6)}px`;
  };
  const show = (term) => {
    clearTimeout(hiding);
    if (shownFor === term) return;
    hide();
    tip.textContent = term.dataset.tip;
    tip.showPopover();
    term.setAttribute("aria-describedby", tip.id);
    shownFor = term;
    place(term);
  };
  const hide = () => {
    clearTimeout(hiding);
    if (!shownFor) return;
    shownFor.removeAttribute("aria-describedby");
    shownFor = null;
    tip.hidePopover();
  };
  const hideSoon = () => {
    clearTimeout(hiding);
    hiding = setTimeout(hide, 160);
  };
  document.addEventListener("pointerover", (event) => {
    const term = event.target.closest("[data-tip]");
    if (term) show(term);
    else if (event.target.closest("#term-tip")) clearTimeout(hiding);
    else if (shownFor && shownFor !== document.activeElement) hideSoon();
  });
  document.addEventListener("focusin", (event) => {
    const term = event.target.closest("[data-tip]");
    if (term) show(term);
    else hide();
  });
  document.addEventListener("focusout", hideSoon);
  addEventListener("scroll", hide, { passive: true, capture: true });

  /* Copying: a button names what it copies, and says that it did. */
  const said = document.createElement("div");
  said.className = "toast";
  said.setAttribute("role", "status");
  said.hidden = true;
  document.body.append(said);
  const say = (text) => {
    said.textContent = text;
    said.hidden = false;
    setTimeout(() => (said.hidden = true), 2400);
  };
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
      say(`Copied ${what}.`);
    } catch {
      say("This browser did not allow copying; select the text and copy it by hand.");
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    if (source) copy(source.textContent.trim(), button.dataset.copyWhat || "the text");
  });
  window.headroom = { copy, say };

  /* Forms that filter: a changed choice is sent at once, empty fields stay out of the address. */
  document.querySelectorAll("form[data-filters]").forEach((form) => {
    form.addEventListener("change", (event) => {
      if (event.target.matches("select")) form.requestSubmit();
    });
    form.addEventListener("submit", () => {
      form.querySelectorAll("input[name], select[name]").forEach((field) => {
        if (!field.value) field.disabled = true;
      });
    });
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-filters] :disabled").forEach((f) => (f.disabled = false));
  });

  /* Keys: `/` goes to the search; the rest belongs to the page's own script. */
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
})();
