"use strict";
(() => {
  const flows = [...document.querySelectorAll("article")].map((article) => ({
    article,
    details: article.querySelector("details"),
    id: article.querySelector(".body").id,
    text: null,
  }));
  const links = new Map([...document.querySelectorAll("[data-of]")].map((li) => [li.dataset.of, li]));
  const filters = [...document.querySelectorAll("[data-filter]")];
  const search = document.getElementById("search");
  const nothing = document.getElementById("nothing");
  const status = document.getElementById("shown");

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const pressed = filters.filter((button) => button.getAttribute("aria-pressed") === "true");
    const verdicts = new Set(pressed.map((button) => button.dataset.filter));
    let number = 0;
    for (const flow of flows) {
      if (words.length && flow.text === null) flow.text = flow.article.textContent.toLowerCase();
      const isShown =
        (!verdicts.size || verdicts.has(flow.article.dataset.verdict)) &&
        words.every((word) => flow.text.includes(word));
      flow.article.hidden = !isShown;
      links.get(flow.id).hidden = !isShown;
      number += isShown;
    }
    nothing.hidden = number > 0 || !flows.length;
    status.textContent = `${number} of ${flows.length} ${flows.length === 1 ? "flow" : "flows"}`;
  };

  const openTarget = (hash) => {
    const id = decodeURIComponent(hash.slice(1));
    const flow = flows.find((one) => one.id === id);
    if (!flow) return;
    if (flow.article.hidden) {
      search.value = "";
      for (const button of filters) button.setAttribute("aria-pressed", "false");
      show();
    }
    flow.details.open = true;
    flow.article.scrollIntoView();
  };

  // The first step is halfway down, where a tall graph is scrolled to as soon as it is shown.
  const center = (box) => {
    box.scrollTop = (box.scrollHeight - box.clientHeight) / 2;
  };

  const setOpen = (isOpen) => {
    for (const flow of flows) if (!flow.article.hidden) flow.details.open = isOpen;
  };

  for (const button of filters) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const isPressed = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!isPressed));
      show();
    });
  }
  search.addEventListener("input", show);
  document.getElementById("expand").addEventListener("click", () => setOpen(true));
  document.getElementById("collapse").addEventListener("click", () => setOpen(false));
  addEventListener("hashchange", () => openTarget(location.hash));
  document.addEventListener("click", (event) => {
    // A link to where the page already is changes no hash.
    const link = event.target.closest("a[href^='#']");
    if (link) openTarget(link.hash);
  });
  const toggled = (event) => event.target.querySelectorAll(".tall").forEach(center);
  document.addEventListener("toggle", toggled, true); // it does not bubble
  document.querySelectorAll(".tall").forEach(center);
  document.querySelector(".tools").hidden = false;
  show();
  openTarget(location.hash);
})();
