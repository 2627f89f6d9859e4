// Tells how old a page is. Everything else works without a script.
"use strict";

(() => {
  const LATE = 20; // seconds from which on the page says so
  let loaded = performance.now();

  const tell = () => {
    for (const place of document.querySelectorAll("[data-since]")) {
      const age = Number(place.dataset.since) + (performance.now() - loaded) / 1000;
      place.textContent = age < LATE ? ` · ${Math.round(age)} s ago` : ` · ${Math.round(age)} s ago: it is not refreshed`;
      place.classList.toggle("late", age >= LATE);
    }
  };

  document.addEventListener("htmx:afterSwap", () => {
    loaded = performance.now();
    tell();
  });
  document.addEventListener("DOMContentLoaded", tell);
  setInterval(tell, 1000);
})();
