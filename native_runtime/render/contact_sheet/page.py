"""The contact sheet as an HTML page: one file, no network, names and messages shown as text whatever they hold."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import cv2

from .entry import Entry, counted, thumbnail

#: Longest thumbnail sides, px, and JPEG quality: with thousands of photos the page has to stay a page.
_FEW, _MANY = (480, 360, 82), (300, 225, 76)
_FEW_PHOTOS = 200

_STYLE = """
:root { color-scheme: light dark; --paper: #fafafa; --card: #fff; --panel: #eeefef; --ink: #1d2023; --muted: #676d73;
  --line: #e1e3e5; --accent: #1d62a8; --alarm: #b3261e; --alarm-panel: #fbeceb }
@media (prefers-color-scheme: dark) { :root { --paper: #16181a; --card: #1f2225; --panel: #2a2d31; --ink: #e8eaec;
  --muted: #9aa1a8; --line: #34383c; --accent: #7fb5ea; --alarm: #f2857c; --alarm-panel: #3a2422 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .4rem 1.25rem; padding: 1.6rem 2rem .4rem }
h1 { font-size: 1.35rem; font-weight: 600; margin: 0; overflow-wrap: anywhere }
header p { margin: 0; color: var(--muted); font-variant-numeric: tabular-nums }
label { margin-left: auto; color: var(--muted); cursor: pointer }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1.1rem;
  padding: 1.1rem 2rem 3rem }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden;
  content-visibility: auto; contain-intrinsic-size: auto 20rem }
.picture { display: grid; place-items: center; position: relative; aspect-ratio: 4 / 3; background: var(--panel);
  color: var(--muted) }
.picture img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain }
.text { padding: .7rem .85rem .85rem }
h2 { font-size: .95rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; display: -webkit-box; overflow: hidden;
  -webkit-box-orient: vertical; -webkit-line-clamp: 3 }
.text p { margin: .15rem 0 0; font-size: .85rem; color: var(--muted); overflow-wrap: anywhere }
.text nav { display: flex; flex-wrap: wrap; gap: .2rem .9rem; margin-top: .45rem; font-size: .85rem }
a { color: var(--accent); text-decoration: none } a:hover, a:focus-visible { text-decoration: underline }
.failed { border-color: var(--alarm) } .failed .picture { background: var(--alarm-panel); color: var(--alarm) }
.failed .text .error { color: var(--alarm) }
.only-failed article:not(.failed) { display: none }
@media (max-width: 40rem) { header, main { padding-left: 1rem; padding-right: 1rem } }
@media print { article { break-inside: avoid } label { display: none } }
"""

_SCRIPT = """
const box = document.getElementById("failed");
if (box) box.addEventListener("change", () => document.body.classList.toggle("only-failed", box.checked));
"""

# nothing may be fetched and nothing be embedded, whatever a name holds
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html_page(entries: Sequence[Entry], folder: Path, title: str) -> bytes:
    """The page; links are relative to ``folder``."""
    failed = any(entry.error is not None for entry in entries)
    switch = '<label><input type="checkbox" id="failed"> Only failed</label>' if failed else ""
    size = _FEW if len(entries) <= _FEW_PHOTOS else _MANY
    parts = [
        f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<header><h1>{_text(title)}</h1><p>{counted(entries)}</p>{switch}</header>\n<main>",
        *(_card(entry, folder, size) for entry in entries),
        f"</main>\n<script>{_SCRIPT}</script>\n</html>\n",
    ]
    return "\n".join(parts).encode("utf-8")


def _card(entry: Entry, folder: Path, size: tuple[int, int, int]) -> str:
    name = _text(entry.photo)
    lines = [f"<p>{_text(line)}</p>" for line in entry.caption]
    if entry.error is not None:
        lines.append(f'<p class="error">{_text(entry.error)}</p>')
    links = [f'<a href="{_link(path, folder)}">{_text(label)}</a>' for label, path in entry.links.items()]
    return (
        f"<article{' class=failed' if entry.error is not None else ''}>{_picture(entry, folder, size)}"
        f'<div class="text"><h2 title="{name}">{name}</h2>{"".join(lines)}'
        f"{'<nav>' + ''.join(links) + '</nav>' if links else ''}</div></article>"
    )


def _picture(entry: Entry, folder: Path, size: tuple[int, int, int]) -> str:
    width, height, quality = size
    pixels = thumbnail(entry, width, height)
    if pixels is None:
        return f'<div class="picture">{"Failed" if entry.error is not None else "No preview"}</div>'
    assert entry.preview is not None
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    encoded = base64.b64encode(data.tobytes()).decode("ascii")
    image = f'<img src="data:image/jpeg;base64,{encoded}" alt="{_text(entry.photo)}" loading="lazy" decoding="async">'
    return f'<a class="picture" href="{_link(entry.preview, folder)}">{image}</a>'


def _link(path: Path, folder: Path) -> str:
    """A file as a link: relative to the page where one drive holds both."""
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return escape(path.absolute().as_uri())
    # "./" keeps a first part such as "a:b" from being read as a protocol
    return escape("./" + quote(os.fsencode(relative)))


def _text(text: str) -> str:
    """As text of the page; names of files may contain bytes that are not characters."""
    return escape(text.encode("utf-8", "replace").decode("utf-8"))
