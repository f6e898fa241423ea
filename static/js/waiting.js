/* A run that is still being received or processed: ask now and then, show it when it is there. */
(() => {
  "use strict";
  const banner = document.querySelector("[data-waiting]");
  if (!banner) return;
  const ask = async () => {
    try {
      const answer = await fetch(banner.dataset.waiting, { headers: { Accept: "application/json" } });
      const { processing } = answer.ok ? await answer.json() : {};
      if (processing === "ready" || processing === "failed") return location.reload();
    } catch {
      // the portal may be restarting; the next try tells
    }
    setTimeout(ask, 2000);
  };
  setTimeout(ask, 2000);
})();
