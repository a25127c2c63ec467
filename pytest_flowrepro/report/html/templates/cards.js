"use strict";
(() => {
  const pieces = JSON.parse(document.getElementById("card-pieces").textContent);

  const unpack = (piece) => {
    const bytes = Uint8Array.from(atob(piece), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  };

  const show = async (card) => {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts"); // never allow-same-origin
    frame.title = card.dataset.title;
    const box = document.createElement("div");
    box.className = "frame";
    box.append(frame);
    card.append(box);
    const numbers = card.dataset.parts.split(" ");
    frame.srcdoc = (await Promise.all(numbers.map((number) => unpack(pieces[number])))).join("");
  };

  const toggled = ({ target }) => {
    if (!target.matches(".card")) return;
    // A card that is closed stops, and one that is opened begins anew.
    target.querySelector(".frame")?.remove();
    if (target.open) show(target);
  };
  document.addEventListener("toggle", toggled, true); // it does not bubble
})();
