"""The pages of README and docs: their width, their words, and that what they name exists."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from bench import package_picture

ROOT = Path(__file__).resolve().parents[2]
ROOT_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "THIRD_PARTY.md")
PAGES = [*(ROOT / name for name in ROOT_PAGES), *sorted((ROOT / "docs").rglob("*.md"))]
WIDTH = 100
FILMS = ("photo_to_character.webp", "drag_a_handle.webp")
PICTURE_BYTES, FILM_BYTES, PICTURES_BYTES = 120_000, 1_500_000, 4_000_000
# Always wrong in these pages, whatever the sentence; other habits of the same kind need an eye.
NEVER = re.compile(
    r"\banew\b|the depths|stands? in question|(?:gone|goes?|going) over to|cannot be told about|\bout of account\b"
    r"|\bwish(?:es|ed)? for\b|\bin the place of\b|\bof wh(?:om|ich) (?:only|nothing|there|too)\b|\bwringing\b",
    re.IGNORECASE,
)
SOURCES = sorted(path for folder in ("native_runtime", "sam3db_blender") for path in (ROOT / folder).rglob("*.py"))
# Folders that the short names of modules in these pages start from.
PLACES = ("", "native_runtime", "sam3db_blender", "native_runtime/build/sam3d_body", "native_runtime/mhr", "tests")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def _prose(page: Path) -> list[tuple[int, str]]:
    """Numbered lines that are neither code, table nor heading."""
    lines, fenced = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not (fenced or line.startswith(("    ", "|", "#"))):
            lines.append((number, line))
    return lines


def _spans(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", text))


@cache
def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_lines_are_wrapped(page: Path) -> None:
    long = [f"{page.name}:{number}" for number, line in _prose(page) if len(line) > WIDTH and " " in line.strip()]
    assert not long


@pages
def test_no_phrase_that_is_never_right(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [(number, f"{first} {second}") for number, (first, second) in enumerate(pairwise(text.splitlines()), 1)]
    found = [f"{page.name}:{number}: {match[0]}" for number, line in lines if (match := NEVER.search(line))]
    assert not found


def test_no_such_phrase_in_code() -> None:
    """Messages, labels and docstrings are read as well."""
    lines = [(path, line) for path in SOURCES for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 10_000
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path, line in lines if (match := NEVER.search(line))]
    assert not found


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            name, _, anchor = target.partition("#")
            other = page.parent / name if name else page
            assert other.exists(), target
            assert not anchor or anchor in _anchors(other), target


def test_every_picture_is_shown_somewhere() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = [path for path in (ROOT / "docs" / "pictures").rglob("*") if path.is_file()]
    assert len(pictures) > 20
    assert [path.name for path in pictures if path.name not in text] == []


def test_pictures_of_the_guide_are_small() -> None:
    """They come with the extension, and a page shows several of them."""
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "pictures" / "guide").iterdir()}
    films = {name: sizes.pop(name) for name in FILMS}
    assert {name: size for name, size in sizes.items() if size > PICTURE_BYTES} == {}
    assert {name: size for name, size in films.items() if size > FILM_BYTES} == {}
    assert sum(sizes.values()) < PICTURES_BYTES


@pages
def test_modules_and_tests_that_are_named_exist(page: Path) -> None:
    missing = []
    for span in _spans(page):
        path, _, test = span.partition("::")
        if re.fullmatch(r"(?:native_runtime|sam3db_blender)(?:\.[a-z]\w*)+", path):
            name = ROOT / path.replace(".", "/")  # a module, or something in one
            if not (name.is_dir() or name.with_suffix(".py").exists() or name.parent.with_suffix(".py").exists()):
                missing.append(span)
        elif re.fullmatch(r"[\w/]+/\w+\.py|(?:native_runtime|sam3db_blender|rig_templates)/[a-z0-9_/]+", path):
            files = [ROOT / place / path for place in PLACES]
            file = next((file for file in files if file.exists()), None)
            if file is None or (test and f"def {test}(" not in file.read_text(encoding="utf-8")):
                missing.append(span)
    assert not missing


def test_the_picture_of_the_packages_shows_the_contracts() -> None:
    drawn = package_picture.PICTURE.read_text("utf-8")
    assert drawn == package_picture.draw(package_picture.settings()), "run python -m bench.package_picture"
