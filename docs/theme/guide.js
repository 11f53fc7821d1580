// The search, pictures, and the list of pages on narrow screens. The pages are opened as files, where a browser fetches
// nothing: pages.js, which is loaded as a script, holds their sections as SECTIONS: [address, title, heading, text].
"use strict";

const MOST = 12, AROUND = 70;
const input = document.querySelector(".search input"), list = document.querySelector(".search ol");
const root = document.body.dataset.root;

/** Sections that hold every word, the best first; words may be the beginnings of longer ones. */
function find(text) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) || [];
  if (!words.length) return [];
  const found = [];
  SECTIONS.forEach(([address, title, heading, content], order) => {
    const places = [[title.toLowerCase(), 20], [heading.toLowerCase(), 10], [content.toLowerCase(), 1]];
    let score = 0;
    for (const word of words) {
      const begins = new RegExp("(?<![\\p{L}\\p{N}])" + word, "u");
      const whole = new RegExp(begins.source + "(?![\\p{L}\\p{N}])", "u");
      const weights = places.filter(([where]) => begins.test(where)).map(([where, weight]) => whole.test(where) ? 2 * weight : weight);
      if (!weights.length) return;
      score += Math.max(...weights);
    }
    found.push({ address, title, heading, content, score, order });
  });
  found.sort((a, b) => b.score - a.score || a.order - b.order);
  return found.slice(0, MOST).map((section) => ({ ...section, word: words[0] }));
}

/** A list entry: heading, and the text around the first word. */
function entry({ address, title, heading, content, word }) {
  const link = document.createElement("a"), name = document.createElement("b");
  link.href = root + "/" + address;
  name.textContent = heading && heading !== title ? title + " › " + heading : title;
  link.append(name);
  const at = Math.max(0, content.toLowerCase().indexOf(word));
  const from = Math.max(0, at - AROUND / 2), mark = document.createElement("mark");
  mark.textContent = content.toLowerCase().startsWith(word, at) ? content.substr(at, word.length) : "";
  link.append((from ? "… " : "") + content.slice(from, at), mark, content.substr(at + mark.textContent.length, AROUND) + " …");
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function show() {
  const found = find(input.value);
  list.replaceChildren(...found.map(entry));
  list.hidden = !input.value.trim();
  if (!list.hidden && !found.length) {
    const nothing = document.createElement("li");
    nothing.textContent = "Nothing found";
    list.append(nothing);
  }
}

input.addEventListener("input", show);
input.addEventListener("keydown", (event) => {
  const first = list.querySelector("a");
  if (event.key === "Enter" && first) location.href = first.href;
  if (event.key === "Escape") { input.value = ""; show(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== input) { event.preventDefault(); input.focus(); }
});
document.addEventListener("click", (event) => { if (!event.target.closest(".search")) list.hidden = true; });

// a click on a picture shows it alone, as large as it is
document.querySelectorAll("main p > img:only-child").forEach((picture) => picture.addEventListener("click", () => { location.href = picture.src; }));

// on a narrow screen the list of pages stands above the page
if (matchMedia("(max-width: 50rem)").matches) document.querySelectorAll("nav details").forEach((part) => { part.open = false; });
