"""What the guide that ships in the extension leaves out, and how it is searched.

MkDocs calls these functions (``hooks`` in mkdocs.shipped.yml), after those of docs/site.py. The pages are opened as
files: nothing is fetched, and nothing in them depends on when or where they were built.
"""

from __future__ import annotations

import json
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

#: The parts of the navigation that artists read; the rest is for developers.
SECTIONS = ("Home", "Guide", "In Detail")
#: What MkDocs adds for web servers.
_FOR_SERVERS = ("404.html", "sitemap.xml", "sitemap.xml.gz")
_PICTURES = (".webp", ".jpg", ".png", ".svg")
_LINK = re.compile(r"(?<!!)\[([^\[\]]+(?:\[[^\]]*\][^\[\]]*)*)\]\(([^)\s]+)\)")

Section = tuple[str, str, str, str]
"""Address from the guide's folder, title of the page, heading, text."""

_sections: dict[str, list[Section]] = {}
_order: list[str] = []


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Keep the parts of the navigation that are shipped."""
    assert config.nav is not None
    config.nav = [entry for entry in config.nav if set(entry) & set(SECTIONS)]
    _sections.clear()
    _order[:] = list(_named(config.nav))
    return config


def _named(entry: Any) -> list[str]:
    """The pages of a part of the navigation, in its order."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [name for one in inner for name in _named(one)]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Leave out the pages that are not in the navigation."""
    for file in list(files):
        if file.is_documentation_page() and file.src_uri not in _order:
            files.remove(file)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to pages that are left out become their text."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(match: re.Match[str]) -> str:
        text, target = match.groups()
        name = target.partition("#")[0]
        if not name.endswith(".md") or posixpath.normpath(posixpath.join(folder, name)) in _order:
            return match[0]
        return text

    return _LINK.sub(kept, markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Note the page's sections for the search."""
    reader = _Reader(page.url, str(page.title))
    reader.feed(html)
    _sections[page.file.src_uri] = reader.sections()
    return html


def on_post_build(config: MkDocsConfig) -> None:
    """Write what is searched, and remove what nothing shows."""
    site = Path(config.site_dir)
    found = [section for name in _order for section in _sections.get(name, [])]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (site / "pages.js").write_text(f"const SECTIONS = {text};\n", encoding="utf-8")
    for name in _FOR_SERVERS:
        (site / name).unlink(missing_ok=True)
    shown = {
        (page.parent / target).resolve()
        for page in site.rglob("*.html")
        for target in re.findall(r'(?:src|href)="([^"#?:]+)"', page.read_text(encoding="utf-8"))
    }
    for picture in site.rglob("*"):
        if picture.suffix in _PICTURES and picture.resolve() not in shown:
            picture.unlink()
    for folder in sorted((one for one in site.rglob("*") if one.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


class _Reader(HTMLParser):
    """Reads a page's text, section by section.

    Args:
        address: of the page, from the guide's folder.
        title: of the page.
    """

    def __init__(self, address: str, title: str) -> None:
        super().__init__()
        self._address, self._title = address, title
        self._found: list[list[str]] = [[address, title, "", ""]]
        self._heading = False
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("h2", "h3") and given.get("id"):
            self._found.append([f"{self._address}#{given['id']}", self._title, "", ""])
            self._heading = True
        elif tag == "h1" or given.get("class") == "headerlink":
            self._skipped += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h2", "h3"):
            self._heading, self._skipped = False, 0
        elif tag == "h1":
            self._skipped = 0

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._found[-1][2 if self._heading else 3] += data

    def sections(self) -> list[Section]:
        """What was read; white space counts as one space."""
        joined = [[" ".join(text.split()) for text in section] for section in self._found]
        return [(address, title, heading, text) for address, title, heading, text in joined if heading or text]
