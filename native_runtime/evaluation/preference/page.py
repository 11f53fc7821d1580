"""The page on which people vote: one HTML file, no network, nothing in it of which engine is which."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape

from .pictures import PairPictures
from .script import SCRIPT
from .votes import FORMAT

_STYLE = """
:root { color-scheme: light dark; --paper: #f6f6f5; --card: #fff; --panel: #e9eaea; --ink: #1d2023; --muted: #61676d;
  --line: #dcdee0; --accent: #1d62a8; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root { --paper: #16181a; --card: #1f2225; --panel: #2a2d31; --ink: #e8eaec;
  --muted: #9aa1a8; --line: #34383c; --accent: #7fb5ea; --on-accent: #10171e } }
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
header { padding: .8rem 1.5rem .5rem }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0 }
header p { margin: .1rem 0 0; color: var(--muted) }
.progress { display: flex; align-items: center; gap: .8rem; margin-top: .5rem; font-variant-numeric: tabular-nums }
progress { flex: 1; height: .5rem; accent-color: var(--accent) }
main { flex: 1; display: grid; grid-template-columns: 2fr 1fr 2fr; gap: .9rem; padding: .4rem 1.5rem; min-height: 0 }
figure { margin: 0; min-width: 0; display: flex; flex-direction: column; gap: .5rem; align-items: stretch }
figcaption { font-weight: 600; text-align: center }
.views { flex: 1; display: grid; place-items: center; padding: .5rem; background: var(--card);
  border: 2px solid var(--line); border-radius: 8px; min-height: 0 }
.chosen .views { border-color: var(--accent) }
.views img { display: block; width: 100%; height: 100%; max-height: calc(100vh - 15.5rem); object-fit: contain }
.middle .views { background: none; border-color: transparent }
nav { display: flex; flex-wrap: wrap; gap: .6rem; justify-content: center; padding: .7rem 1.5rem 1.2rem }
#choices { position: sticky; bottom: 0; background: var(--paper) }
button { font: inherit; padding: .55rem 1.1rem; border-radius: 8px; border: 1px solid var(--line); cursor: pointer;
  background: var(--card); color: var(--ink) }
button:hover, button:focus-visible { border-color: var(--accent) }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600 }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent) }
button:disabled { opacity: .45; cursor: default }
kbd { font: inherit; font-weight: 600; padding: 0 .4rem; margin-right: .35rem; border: 1px solid var(--line);
  border-radius: 4px; background: var(--paper); color: var(--ink) }
.end { margin: auto; padding: 1rem 2rem 2rem; max-width: 34rem; text-align: center }
.end label { display: block; margin: 1rem 0 .4rem }
.end input { font: inherit; width: 100%; padding: .5rem .7rem; border-radius: 8px; border: 1px solid var(--line);
  background: var(--card); color: var(--ink) }
.end p { color: var(--muted) }
.end nav { padding: 1rem 0 0 }
.warning { color: #b3261e }
@media (max-width: 60rem) { main { grid-template-columns: 1fr 1fr; padding: .4rem .6rem; gap: .5rem }
  .middle { grid-column: 1 / -1; grid-row: 1 } .middle .views { padding: 0 } .middle .views img { max-height: 30vh } }
"""

# nothing may be fetched and nothing be embedded
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_BODY = """
<header><h1>{title}</h1>
<p>Which body fits the person in the photo better? Look at the pose, the proportions and where arms and legs reach.</p>
<div class="progress"><progress id="bar" max="1" value="0"></progress><span id="count"></span></div>
<p class="warning" id="unsaved" hidden>This browser keeps nothing for this page: download your votes before you close
it.</p></header>
<main id="pair">
<figure id="left"><figcaption>Left</figcaption><div class="views"><img alt="Left body, over the photo and from the
 side"></div></figure>
<figure class="middle"><figcaption>Photo</figcaption><div class="views"><img id="photo" alt="Photo"></div></figure>
<figure id="right"><figcaption>Right</figcaption><div class="views"><img alt="Right body, over the photo and from the
 side"></div></figure>
</main>
<nav id="choices"><button type="button" data-choice="left"><kbd>1</kbd>Left is better</button>
<button type="button" data-choice="tie"><kbd>0</kbd>No difference</button>
<button type="button" data-choice="right"><kbd>2</kbd>Right is better</button>
<button type="button" id="back"><kbd>&larr;</kbd>Back</button>
<button type="button" id="next"><kbd>&rarr;</kbd>Next</button>
<button type="button" id="finish">Download votes</button></nav>
<section class="end" id="end" hidden><h2 id="summary"></h2>
<p>The file goes to whoever sent you this page. Nothing is sent by the page itself.</p>
<label for="voter">Your name, or any other that only you use</label><input id="voter" maxlength="60" autocomplete="off">
<nav><button type="button" class="main" id="download">Download votes</button>
<button type="button" id="return">Go back to the pairs</button></nav></section>
"""


def html_page(title: str, set_name: str, pictures: Sequence[tuple[str, PairPictures]]) -> bytes:
    """The page.

    Args:
        set_name: which pairs these are; files of votes name it.
        pictures: of each pair, by its name.
    """
    content = {
        "format": str(FORMAT),
        "set": set_name,
        "pairs": [
            {
                "name": name,
                "photo": _data(one.photo),
                "left": _data(one.left),
                "right": _data(one.right),
            }
            for name, one in pictures
        ],
    }
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>",
            _BODY.format(title=escape(title)),
            f'<script type="application/json" id="content">{_json(content)}</script>',
            f"<script>{SCRIPT}</script>\n</html>\n",
        ]
    ).encode("utf-8", "replace")


def _json(content: object) -> str:
    """As the text of a script element, which no content may end."""
    return json.dumps(content).replace("<", "\\u003c")


def _data(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
