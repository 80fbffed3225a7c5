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

// A long table stands on the page as deflated columns; rows are made of it only as far as somebody looks.
const STEP = 100;

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const columns = JSON.parse(await new Response(stream).text());
  return columns[0].map((_, row) => columns.map((column) => column[row]));
}

// Whole numbers find whole numbers, so that "7" is client 7 and not client 70; other words are found anywhere.
function finder(text) {
  const wanted = text.trim().toLowerCase();
  if (/^\d+$/.test(wanted)) return (row) => row[0].split(/\D+/).includes(wanted);
  return (row) => row.some((cell) => cell.toLowerCase().includes(wanted));
}

const UNITS = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, "%": 0.01 };

// "1,234", "3 of 50" and "12.5 kB" by their size; what has no number, or none that ends, comes last.
function measure(cell) {
  const found = /-?\d[\d,]*(\.\d+)?/.exec(cell);
  if (cell === "∞") return Number.MAX_VALUE;
  return found ? Number(found[0].replaceAll(",", "")) * (UNITS[cell.slice(found.index + found[0].length).trim()] ?? 1) : NaN;
}

function compare(one, other) {
  const [left, right] = [measure(one), measure(other)];
  if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right) || one.localeCompare(other);
  return left - right;
}

function tableRow(cells) {
  const row = document.createElement("tr");
  row.append(
    ...cells.map((text, place) => {
      const cell = document.createElement(place ? "td" : "th");
      if (!place) cell.scope = "row";
      cell.textContent = text;
      return cell;
    }),
  );
  return row;
}

async function list(listing) {
  const rows = await unpacked(listing.dataset.rows);
  const [search, body, more] = ["input", "tbody", ".more"].map((one) => listing.querySelector(one));
  const heads = [...listing.querySelectorAll("thead th")];
  let found = rows, shown = 0;
  const add = () => {
    body.append(...found.slice(shown, shown + STEP).map(tableRow));
    shown = Math.min(found.length, shown + STEP);
    more.hidden = shown === found.length;
    const of = found.length === rows.length ? "" : `, found among ${rows.length.toLocaleString("en")}`;
    listing.querySelector("[role=status]").textContent =
      `${shown.toLocaleString("en")} of ${found.length.toLocaleString("en")} rows${of}`;
  };
  const show = () => {
    found = rows.filter(finder(search.value));
    const at = heads.findIndex((head) => head.ariaSort !== "none");
    const sign = at >= 0 && heads[at].ariaSort === "descending" ? -1 : 1;
    if (at >= 0) found.sort((one, other) => sign * compare(one[at], other[at]));
    shown = 0;
    body.replaceChildren();
    add();
  };
  heads.forEach((head) =>
    head.firstElementChild.addEventListener("click", () => {
      const next = head.ariaSort === "descending" ? "ascending" : "descending";
      heads.forEach((one) => { one.ariaSort = one === head ? next : "none"; });
      show();
    }),
  );
  search.addEventListener("input", show);
  more.addEventListener("click", add);
  show();
}

document.querySelectorAll(".listing").forEach((listing) => list(listing).catch((error) => console.error(error)));

// A table shows ten rows whole, and half of the next where there is one. How tall rows are, only the browser knows.
const tables = new ResizeObserver((entries) =>
  requestAnimationFrame(() =>
    entries.forEach(({ target }) => {
      const [box, next] = [target.parentElement, target.tBodies[0].rows[10]];
      const edges = box.offsetHeight - box.clientHeight;
      const height = next ? `${Math.round(next.offsetTop + next.offsetHeight / 2 + edges)}px` : "none";
      box.style.setProperty("--ten-rows", height);
    }),
  ),
);
document.querySelectorAll(".scroll > table").forEach((table) => tables.observe(table));
