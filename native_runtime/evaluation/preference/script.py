"""The script of the page: which pair is shown, what was said of each, and the file of votes."""

from __future__ import annotations

SCRIPT = r"""
"use strict";

// What was said so far. `store` is like localStorage, or null where there is none.
class Voting {
  constructor(content, store) {
    this.content = content;
    this.store = store;
    this.key = "sam3db-votes-" + content.set;
    this.choices = new Map();
    this.voter = "";
    this.at = 0;
    this.saved = true;
    this.read();
    this.at = this.firstOpen();
  }

  get count() { return this.content.pairs.length; }
  get pair() { return this.content.pairs[this.at]; }
  get done() { return this.at >= this.count; }
  choice(pair) { return this.choices.get(pair.name); }

  firstOpen() {
    const open = this.content.pairs.findIndex((pair) => !this.choices.has(pair.name));
    return open < 0 ? this.count : open;
  }

  vote(choice) {
    if (this.done || !["left", "right", "tie"].includes(choice)) return;
    this.choices.delete(this.pair.name);
    this.choices.set(this.pair.name, choice);
    this.write();
    this.at += 1;
  }

  move(step) { this.at = Math.max(0, Math.min(this.count, this.at + step)); }

  name(voter) { this.voter = voter.trim().slice(0, 60); this.write(); }

  read() {
    try {
      const kept = JSON.parse(this.store.getItem(this.key) || "{}");
      const known = new Set(this.content.pairs.map((pair) => pair.name));
      for (const [name, choice] of kept.votes || [])
        if (known.has(name) && ["left", "right", "tie"].includes(choice)) this.choices.set(name, choice);
      if (typeof kept.voter === "string") this.voter = kept.voter;
    } catch { this.choices.clear(); }
  }

  write() {
    try {
      this.store.setItem(this.key, JSON.stringify({ voter: this.voter, votes: [...this.choices] }));
      this.saved = true;
    } catch { this.saved = false; }
  }

  file() {
    const votes = [...this.choices].map(([pair, choice]) => ({ pair, choice }));
    return { format: this.content.format, set: this.content.set, voter: this.voter, votes };
  }
}

function start(document, window) {
  const find = (id) => document.getElementById(id);
  let store = null;
  try { store = window.localStorage; } catch { }
  const voting = new Voting(JSON.parse(find("content").textContent), store);
  let ended = voting.done;
  voting.write();

  function fill(id, picture, chosen) {
    find(id).querySelector("img").src = picture;
    find(id).classList.toggle("chosen", chosen);
  }

  function show() {
    const said = voting.choices.size;
    find("bar").max = voting.count;
    find("bar").value = said;
    find("count").textContent = ended ? `${said} of ${voting.count}`
      : `Pair ${voting.at + 1} of ${voting.count}, ${said} voted on`;
    find("unsaved").hidden = voting.saved;
    for (const id of ["pair", "choices"]) find(id).hidden = ended;
    find("end").hidden = !ended;
    if (ended) {
      const open = voting.count - said;
      find("summary").textContent = open ? `You have voted on ${said} of ${voting.count} pairs.`
        : "That was the last pair. Thank you!";
      find("voter").value = voting.voter;
      find("download").disabled = said === 0;
      return;
    }
    const choice = voting.choice(voting.pair);
    fill("left", voting.pair.left, choice === "left");
    fill("right", voting.pair.right, choice === "right");
    find("photo").src = voting.pair.photo;
    for (const button of find("choices").querySelectorAll("[data-choice]"))
      button.setAttribute("aria-pressed", String(button.dataset.choice === choice));
    find("back").disabled = voting.at === 0;
    find("finish").disabled = said === 0;
  }

  function act(change) {
    change();
    if (voting.done) ended = true;
    show();
  }

  function goBack() {
    ended = false;
    if (voting.done) voting.at = Math.min(voting.firstOpen(), voting.count - 1);
  }

  function download() {
    const name = find("voter").value.trim();
    if (!name) { find("voter").focus(); return; }
    act(() => voting.name(name));
    const text = JSON.stringify(voting.file(), null, 1) + "\n";
    const link = document.createElement("a");
    link.href = window.URL.createObjectURL(new window.Blob([text], { type: "application/json" }));
    link.download = `votes-${name.replace(/[^\p{L}\p{N}]+/gu, "-")}.json`;
    link.click();
    window.setTimeout(() => window.URL.revokeObjectURL(link.href), 10000);
  }

  const keys = { "1": "left", "2": "right", "0": "tie" };
  document.addEventListener("keydown", (event) => {
    if (ended || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in keys) act(() => voting.vote(keys[event.key]));
    else if (event.key === "ArrowLeft") act(() => voting.move(-1));
    else if (event.key === "ArrowRight") act(() => voting.move(1));
    else return;
    event.preventDefault();
  });
  for (const button of find("choices").querySelectorAll("[data-choice]"))
    button.addEventListener("click", () => act(() => voting.vote(button.dataset.choice)));
  find("back").addEventListener("click", () => act(() => voting.move(-1)));
  find("next").addEventListener("click", () => act(() => voting.move(1)));
  find("finish").addEventListener("click", () => { ended = true; show(); });
  find("return").addEventListener("click", () => { goBack(); show(); });
  find("download").addEventListener("click", download);
  show();
}

if (typeof document !== "undefined") start(document, window);
"""
"""Classic script without a library. ``Voting`` knows nothing of the page, so that it can be tried by itself."""
