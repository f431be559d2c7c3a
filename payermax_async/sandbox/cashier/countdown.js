// Ticks the remaining time. The page says the time without it; this only keeps it
// true. It counts from the server's figure, so a payer's wrong clock does no harm.
"use strict";
(() => {
  const timer = document.querySelector("[data-seconds-left]");
  if (!timer) return;
  const spoken = document.getElementById("time-spoken");
  const start = performance.now();
  const total = Number(timer.dataset.secondsLeft);
  const left = () => Math.max(0, total - Math.floor((performance.now() - start) / 1000));
  const fill = (template, values) =>
    template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const text = (seconds) => {
    const d = Math.floor(seconds / 86400);
    const h = Math.floor(seconds / 3600) % 24;
    const m = Math.floor(seconds / 60) % 60;
    const s = seconds % 60;
    const name = d ? "days" : h ? "hours" : "minutes";
    return fill(timer.dataset[name], { d, h, m, s });
  };
  // A voice every second would drown the page: it speaks at these moments only.
  const moments = [600, 300, 60].filter((moment) => moment < total);
  const expire = () => {
    timer.textContent = timer.dataset.expired;
    spoken.textContent = timer.dataset.expired;
    document.documentElement.classList.add("time-up");
    for (const button of document.querySelectorAll("[data-needs-time]")) {
      button.disabled = true;
    }
  };
  const tick = () => {
    const seconds = left();
    if (seconds === 0) {
      expire();
      return;
    }
    timer.textContent = text(seconds);
    document.documentElement.classList.toggle("time-short", seconds <= 300);
    if (seconds <= moments[0]) {
      while (seconds <= moments[0]) moments.shift();
      spoken.textContent = fill(timer.dataset.spoken, { time: text(seconds) });
    }
    setTimeout(tick, 1000 - ((performance.now() - start) % 1000));
  };
  tick();
})();
