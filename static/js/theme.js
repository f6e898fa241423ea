/* Runs before the first paint: the reader's choice of light or dark, and that scripts run at all. */
(() => {
  "use strict";
  const KEY = "headroom-theme";
  const root = document.documentElement;
  root.classList.add("js");

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser that forbids storage follows the system
    }
  };
  const system = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const current = () => root.dataset.theme || system();
  const announce = () => document.dispatchEvent(new CustomEvent("headroom:theme"));

  const choice = stored();
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;

  const toggle = () => {
    const next = current() === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // the choice then lasts as long as the page
    }
    announce();
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
  addEventListener("storage", (event) => {
    if (event.key !== KEY || !event.newValue) return;
    root.dataset.theme = event.newValue;
    announce();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) toggle();
  });
  window.headroomTheme = current;
})();
