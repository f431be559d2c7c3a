// Keeps the page up to date and copies text. The page does all else without it.
"use strict";
(() => {
  const EVERY = 1000;
  const LATER = 5000;
  const status = document.getElementById("live");
  const pause = document.getElementById("pause");
  const shown = new Map();
  let etag = null;
  let paused = false;
  let isLooking = false;
  let timer = 0;

  const regions = (root) => [...root.querySelectorAll("[data-live]")];
  const remember = (node) => shown.set(node.id, node.innerHTML);

  // What somebody typed or chose must not vanish under their fingers.
  const isTouched = (node) =>
    [...node.querySelectorAll("input, textarea")].some(
      (field) => field.type !== "hidden" && field.value !== field.defaultValue) ||
    [...node.querySelectorAll("select")].some((field) => field.selectedIndex !==
      Math.max(0, [...field.options].findIndex((option) => option.defaultSelected)));

  // A focused element without an id is found again by what it is and leads to.
  const nameOf = (node) => {
    if (node.id) return `#${CSS.escape(node.id)}`;
    if (node.matches("details[id] > summary")) {
      return `#${CSS.escape(node.parentElement.id)} > summary`;
    }
    const href = node.getAttribute("href");
    return href ? `a[href="${CSS.escape(href)}"]` : null;
  };

  const swap = (old, html) => {
    const focused = old.contains(document.activeElement)
      ? nameOf(document.activeElement) : null;
    const open = new Map([...old.querySelectorAll("details[id]")]
      .map((node) => [node.id, node.open]));
    const scrolled = new Map([...old.querySelectorAll("pre[id]")]
      .map((node) => [node.id, [node.scrollLeft, node.scrollTop]]));
    old.innerHTML = html;
    shown.set(old.id, html);
    for (const [id, isOpen] of open) {
      const node = document.getElementById(id);
      if (node) node.open = isOpen;
    }
    for (const [id, [left, top]] of scrolled) document.getElementById(id)?.scrollTo(left, top);
    if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
    offerCopies(old);
  };

  const merge = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    let isWhole = true;
    for (const node of regions(fresh)) {
      const old = document.getElementById(node.id);
      if (!old || shown.get(node.id) === node.innerHTML) continue;
      const focus = document.activeElement;
      const isBusy = old.contains(focus) && focus.matches("input, select, textarea, button");
      if (isBusy || isTouched(old)) isWhole = false;
      else swap(old, node.innerHTML);
    }
    return isWhole;
  };

  const say = (text) => {
    if (status.textContent !== text) status.textContent = text;
  };

  const look = async () => {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(location.href, { headers, cache: "no-store" });
    if (answer.status === 200) {
      // What had to wait is looked at again the next time.
      etag = merge(await answer.text()) ? answer.headers.get("ETag") : null;
    }
    const isGone = answer.status === 404;
    const isFine = answer.ok || answer.status === 304;
    say(isGone ? "This record is no longer remembered." : isFine ? "Live" : "Reload the page.");
  };

  const tick = async () => {
    clearTimeout(timer);
    if (isLooking) return;
    isLooking = true;
    let wait = EVERY;
    if (!paused && !document.hidden) {
      try {
        await look();
      } catch {
        say("The sandbox does not answer. Is it still running?");
        wait = LATER;
      }
    }
    isLooking = false;
    timer = setTimeout(tick, wait);
  };

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    say(paused ? "Paused" : "Live");
  });

  // Buttons that copy: shown here, as they need this script.
  function offerCopies(root) {
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });

  // The sheet of the clock closes like any menu.
  const clock = document.getElementById("clock");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !clock.open) return;
    clock.open = false;
    clock.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    if (clock.open && !clock.contains(event.target)) clock.open = false;
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tick();
  });

  regions(document).forEach(remember);
  offerCopies(document);
  pause.hidden = false;
  say("Live");
  timer = setTimeout(tick, EVERY);
})();
