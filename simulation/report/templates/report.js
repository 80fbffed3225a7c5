"use strict";
// Vega empties its containers through innerHTML. No other string may become markup on this page.
if (window.trustedTypes) {
  trustedTypes.createPolicy("default", { createHTML: (text) => (text === "" ? text : null) });
}

const tooltip = document.getElementById("tooltip");

function showTooltip(handler, event, item, value) {
  tooltip.hidden = value == null || value === "";
  if (tooltip.hidden) return;
  const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
  tooltip.replaceChildren(
    ...lines.map(([name, text]) => {
      const line = document.createElement("div");
      line.textContent = name ? `${name}: ${text}` : String(text);
      return line;
    }),
  );
  const room = document.documentElement.clientWidth - tooltip.offsetWidth - 12;
  tooltip.style.left = `${Math.max(4, Math.min(event.clientX + 14, room))}px`;
  tooltip.style.top = `${event.clientY + 18}px`;
}

// `ast` has Vega interpret its expressions: the page's policy forbids compiling any.
const options = { ast: true, actions: false, defaultStyle: false, renderer: "svg", mode: "vega-lite", tooltip: showTooltip };
const charts = JSON.parse(document.getElementById("charts").textContent);
Promise.all(
  Object.entries(charts).map(([id, chart]) => vegaEmbed(document.getElementById(id), chart, options)),
).then(
  () => document.documentElement.classList.add("drawn"),
  (error) => console.error(error),
);
