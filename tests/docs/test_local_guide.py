"""The guide that ships in the extension: pages that a browser opens as files, the same from the same sources."""

from __future__ import annotations

import json
import re
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sam3db_blender import local_guide

LARGEST = 7 << 20
"""Bytes that the guide may take in the zip."""
LARGEST_PICTURE = 1536 << 10


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's folder."""
    pytest.importorskip("mkdocs", reason="requirements/docs.txt is not installed")
    return local_guide.write_guide(tmp_path_factory.mktemp("stage"))


class _Page(HTMLParser):
    """What a page refers to, and what may be referred to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.without_text: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif tag in ("img", "script", "link"):
            self.loaded.append(given.get("src") or given.get("href") or "")
        if tag == "img" and not given.get("alt"):
            self.without_text.append(self.loaded[-1])


@pytest.fixture(scope="module")
def pages(guide: Path) -> dict[Path, _Page]:
    """Every page of the guide."""
    return {path.resolve(): _Page(path) for path in guide.rglob("*.html")}


def test_every_link_leads_somewhere(pages: dict[Path, _Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            name, _, anchor = urllib.parse.unquote(link).partition("#")
            if "://" in name or name.startswith("mailto:"):
                continue
            target = (path.parent / name).resolve() if name else path
            if target not in pages or (anchor and anchor not in pages[target].ids):
                broken.append(f"{path.name}: {link}")
    assert broken == []


def test_nothing_is_fetched_and_every_picture_is_there(pages: dict[Path, _Page]) -> None:
    missing = [
        f"{path.name}: {name}"
        for path, page in pages.items()
        for name in page.loaded
        if not (path.parent / urllib.parse.unquote(name)).is_file()
    ]
    assert missing == []
    assert [name for page in pages.values() for name in page.without_text] == []


def test_every_page_is_two_clicks_from_the_front(guide: Path, pages: dict[Path, _Page]) -> None:
    seen = {(guide / "index.html").resolve()}
    for _ in range(2):
        seen |= {
            (path.parent / link.partition("#")[0]).resolve()
            for path in seen
            for link in pages[path].links
            if "://" not in link and link.partition("#")[0]
        }
    assert set(pages) <= seen


def test_anchors_are_unique(pages: dict[Path, _Page]) -> None:
    assert [path.name for path, page in pages.items() if len(page.ids) != len(set(page.ids))] == []


def test_the_search_knows_every_page(guide: Path, pages: dict[Path, _Page]) -> None:
    text = (guide / "pages.js").read_text(encoding="utf-8")
    sections = json.loads(re.fullmatch(r"const SECTIONS = (.*);\n", text, re.DOTALL)[1])  # type: ignore[index]
    found = {(guide / address.partition("#")[0]).resolve() for address, *_ in sections}
    assert found == set(pages)
    for address, _, heading, _ in sections:
        name, _, anchor = address.partition("#")
        assert not anchor or anchor in pages[(guide / name).resolve()].ids, heading


def test_it_is_small(guide: Path) -> None:
    sizes = {path.relative_to(guide).as_posix(): path.stat().st_size for path in guide.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < LARGEST
    assert {name: size for name, size in sizes.items() if size > LARGEST_PICTURE} == {}


def test_the_same_sources_give_the_same_guide(guide: Path, tmp_path: Path) -> None:
    again = local_guide.write_guide(tmp_path / "elsewhere")
    first, second = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (guide, again)
    )
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
