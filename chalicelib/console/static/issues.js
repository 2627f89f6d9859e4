// Keys for the list of issues, and the rest of several acts. Everything works without a script.
"use strict";

(() => {
  const start = () => {
    const rows = [...document.querySelectorAll("[data-row]")];
    const boxes = () => [...document.querySelectorAll('#chosen input[name="issue"]')];
    const count = document.querySelector("[data-count]");
    const all = document.querySelector("[data-all]");
    let at = -1;

    const tell = () => {
      const chosen = boxes().filter((box) => box.checked).length;
      if (count) count.textContent = chosen === 1 ? "1 issue chosen" : `${chosen} issues chosen`;
      for (const button of document.querySelectorAll(".bulk [name='deed']")) button.disabled = chosen === 0;
    };
    const go = (to) => {
      if (!rows.length) return;
      if (at >= 0) rows[at].classList.remove("here");
      at = Math.max(0, Math.min(rows.length - 1, to));
      rows[at].classList.add("here");
      rows[at].querySelector("[data-open]").focus();
    };
    const follow = (selector) => {
      const link = document.querySelector(selector);
      if (link) link.click();
    };
    const keys = {
      j: () => go(at + 1),
      k: () => go(at - 1),
      x: () => {
        const box = at >= 0 && rows[at].querySelector('input[name="issue"]');
        if (box) box.click();
      },
      n: () => follow("[data-next]"),
      p: () => follow("[data-previous]"),
    };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input:not([type='checkbox']), textarea, select");
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    for (const [number, row] of rows.entries()) row.addEventListener("focusin", () => {
      if (at >= 0) rows[at].classList.remove("here");
      at = number;
      row.classList.add("here");
    });
    document.addEventListener("change", tell);
    if (all) {
      all.hidden = false;
      all.addEventListener("click", () => {
        const boxes_ = boxes();
        const every = boxes_.every((box) => box.checked);
        for (const box of boxes_) box.checked = !every;
        tell();
      });
    }
    tell();
    const rest = document.querySelector("form[data-go-on]");
    if (rest) setTimeout(() => rest.submit(), 400);
  };
  document.addEventListener("DOMContentLoaded", start);
})();
