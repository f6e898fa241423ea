/* The print button of the campaign report: everything that is folded is left out on paper. */
document.querySelector("[data-print]").addEventListener("click", () => window.print());
