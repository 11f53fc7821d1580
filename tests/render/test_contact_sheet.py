"""Contact sheets: every photo in its order, whatever it is called, on a page that needs nothing but itself."""

from __future__ import annotations

import base64
import itertools
import os
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from native_runtime.render.contact_sheet import Entry, write_contact_sheet
from native_runtime.render.contact_sheet.lettering import draw, shortened, spelt, width_of, wrapped

HOSTILE = (
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>.jpg',
    "</style></main>&amp;&lt;.jpg",
    "javascript:alert(1)",
    "a b#1?x=%20&y.jpg",
    "写真 Größe 한국 صورة.jpg",
    "new\nline\ttab.jpg",
    "'{quotes}' `$(rm)`.jpg",
)


class _Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.folder = page.parent
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def images(self) -> list[np.ndarray]:
        sources = [str(image["src"]) for image in self.all("img")]
        assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
        data = [base64.b64decode(source.partition(",")[2]) for source in sources]
        return [cv2.imdecode(np.frombuffer(part, np.uint8), cv2.IMREAD_COLOR) for part in data]


def _picture(path: Path, colour: tuple[int, int, int] = (90, 120, 150), size: tuple[int, int] = (80, 60)) -> Path:
    done, data = cv2.imencode(".png", np.full((size[1], size[0], 3), colour, np.uint8))
    assert done
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
    return path


def _colour(number: int) -> tuple[int, int, int]:
    """A strong colour of its own for each of a few dozen numbers."""
    hue = np.uint8([[[number * 7 % 180, 255, 200 if number % 2 else 120]]])
    blue, green, red = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    preview = _picture(tmp_path / "a.png")
    entries = [Entry(name, preview, {name: preview}, (name,), error=name) for name in HOSTILE]
    (html,) = write_contact_sheet(entries, tmp_path / "sheet.html", None, HOSTILE[0])
    page = _Page(html)
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("main")) == 1
    assert [image["alt"] for image in page.all("img")] == list(HOSTILE)
    assert all(set(image) == {"src", "alt", "loading", "decoding"} for image in page.all("img"))
    assert len(page.all("article")) == len(HOSTILE)
    for name in HOSTILE:
        assert page.texts.count(name) >= 4  # heading, caption, error, link


def test_the_page_needs_no_other_file(tmp_path: Path) -> None:
    entries = [Entry("a", _picture(tmp_path / "a.png"), {"character": tmp_path / "a.blend"})]
    (html,) = write_contact_sheet(entries, tmp_path / "sheet.html", None, "t")
    page = _Page(html)
    assert not any("src" in attributes for tag, attributes in page.elements if tag != "img")
    assert not page.all("link")
    assert "http://" not in html.read_text()
    assert "https://" not in html.read_text()
    (policy,) = (meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["plain.png", "a b#1?x=%20&y.png", "javascript:alert(1).png", "写真'\"<>.png"])
def test_links_lead_to_the_files(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and set(name) & set('?:"<>'):
        pytest.skip("Windows has no such names")
    preview = _picture(tmp_path / "out" / "sub" / name)
    entries = [Entry("a", preview, {"preview": preview, "photo": _picture(tmp_path / "photos" / name)})]
    (html,) = write_contact_sheet(entries, tmp_path / "out" / "sheet.html", None, "t")
    page = _Page(html)
    links = [str(link["href"]) for link in page.all("a")]
    assert all(link.startswith("./") for link in links)
    found = [(page.folder / unquote(link)).resolve() for link in links]
    assert found == [preview.resolve(), preview.resolve(), (tmp_path / "photos" / name).resolve()]


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9\xff.png")
    preview = _picture(tmp_path / name)
    entries = [Entry(name, preview, {"picture": preview})]
    html, _ = write_contact_sheet(entries, tmp_path / "sheet.html", tmp_path / "sheet.png", name)
    link = str(_Page(html).all("a")[0]["href"])
    assert unquote(link, encoding="utf-8", errors="surrogateescape") == f"./{name}"


def test_pictures_keep_their_order_and_shape(tmp_path: Path) -> None:
    entries = [Entry(f"{n}", _picture(tmp_path / f"{n}.png", _colour(n), (800, 200))) for n in range(20)]
    html, png = write_contact_sheet(reversed(entries), tmp_path / "sheet.html", tmp_path / "sheet.png", "t")
    expected = [_colour(n) for n in reversed(range(20))]
    images = _Page(html).images()
    assert [image.shape[1] / image.shape[0] for image in images] == pytest.approx([4.0] * 20, rel=0.05)
    found = [image.reshape(-1, 3).mean(axis=0) for image in images]
    np.testing.assert_allclose(found, expected, atol=6)

    # row by row from the left: where each colour is in the picture
    canvas = cv2.imread(str(png))
    places = [np.argwhere(cv2.inRange(canvas, colour, colour)).mean(axis=0) for colour in expected]
    rows = np.round(np.array([y for y, _ in places])).astype(int)
    assert (np.diff(rows) >= 0).all()
    assert all(left < right for (y, left), (z, right) in itertools.pairwise(places) if abs(y - z) < 1)
    assert len(np.unique(rows)) > 1


def test_failed_photos_are_told_apart(tmp_path: Path) -> None:
    entries = [
        Entry("good.jpg", _picture(tmp_path / "a.png")),
        Entry("bad.jpg", error="The photo is damaged."),
        Entry("gone.jpg", tmp_path / "missing.png"),
    ]
    html, png = write_contact_sheet(entries, tmp_path / "sheet.html", tmp_path / "sheet.png", "t")
    page = _Page(html)
    assert [article.get("class") for article in page.all("article")] == [None, "failed", None]
    assert "The photo is damaged." in page.texts
    assert "3 photos, 1 failed" in page.texts
    assert "No preview" in page.texts
    assert len(page.all("input")) == 1
    reddish = cv2.imread(str(png)).astype(int)
    assert (reddish[..., 2] - reddish[..., 0] > 100).any()

    html, png = write_contact_sheet(entries[:1], tmp_path / "sheet.html", tmp_path / "sheet.png", "t")
    assert not _Page(html).all("input")
    reddish = cv2.imread(str(png)).astype(int)
    assert not (reddish[..., 2] - reddish[..., 0] > 100).any()


def test_people_of_one_photo_count_as_one(tmp_path: Path) -> None:
    (html,) = write_contact_sheet([Entry("a"), Entry("a"), Entry("b")], tmp_path / "s.html", None, "t")
    assert "2 photos" in _Page(html).texts


def test_pages_of_the_picture(tmp_path: Path) -> None:
    png = tmp_path / "sheet.png"
    stranger = tmp_path / "sheet-old.png"
    stranger.write_bytes(b"not ours")
    entries = [Entry(f"{n}") for n in range(125)]
    written = write_contact_sheet(entries, None, png, "t")
    assert written == [png, tmp_path / "sheet-2.png", tmp_path / "sheet-3.png"]
    sizes = [cv2.imread(str(path)).shape for path in written]
    assert sizes[0] == sizes[1]
    assert sizes[2][0] < sizes[0][0]
    assert max(max(size) for size in sizes) < 4096
    assert write_contact_sheet(entries[:5], None, png, "t") == [png]
    assert sorted(tmp_path.iterdir()) == [stranger, png]


def test_no_photo_at_all(tmp_path: Path) -> None:
    html, png = write_contact_sheet([], tmp_path / "sheet.html", tmp_path / "sheet.png", "Nothing")
    assert "0 photos" in _Page(html).texts
    assert cv2.imread(str(png)) is not None


def test_many_photos_get_smaller_pictures(tmp_path: Path) -> None:
    preview = _picture(tmp_path / "a.png", size=(500, 375))
    widths = []
    for count in (2, 201):
        (html,) = write_contact_sheet([Entry(f"{n}", preview) for n in range(count)], tmp_path / "s.html", None, "t")
        widths.append({image.shape[1] for image in _Page(html).images()})
    assert widths == [{480}, {300}]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain_01.jpg", "plain_01.jpg"),
        ("Größe Ærø Łódź.jpg", "Grosse Aero Lodz.jpg"),
        ("Фото ЩУКА.jpg", "Foto ShchUKA.jpg"),
        ("Ελένη.jpg", "Eleni.jpg"),
        ("ダンス.jpg", "dansu.jpg"),
        ("한국.jpg", "hangug.jpg"),
        ("صورة ١٢.jpg", "swrt 12.jpg"),
        ("写真.jpg", "u5199u771f.jpg"),
        ("ﬁlm ½ ＡＢ①", "film 1/2 AB1"),
        ("what?.jpg", "what?.jpg"),
    ],
)
def test_spelling(name: str, expected: str) -> None:
    assert spelt(name) == expected


def test_any_text_is_spelt_in_ascii(rng: np.random.Generator) -> None:
    for _ in range(200):
        codes = rng.integers(1, sys.maxunicode, 30)
        text = "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
        plain = spelt(text)
        assert plain.isascii()
        assert plain.isprintable() or not plain
        assert "?" not in plain or "?" in text


@pytest.mark.parametrize("width", [20, 60, 150, 400])
def test_long_names_lose_their_middle(width: int) -> None:
    name = "a_very_long_name_of_a_picture_of_a_series_0042.jpg"
    short = shortened(name, 10, width)
    assert width_of(short, 10) <= width
    if short != name:
        begin, _, end = short.partition("...")
        assert name.startswith(begin)
        assert name.endswith(end)
        assert 0 <= len(end) - len(begin) <= 1
    assert shortened("short", 10, 400) == "short"


def test_messages_are_wrapped() -> None:
    text = "The photo is damaged and ends after twelve of its four hundred and eighty rows of pixels."
    lines = wrapped(text, 10, 160, 20)
    assert " ".join(lines) == text
    assert max(width_of(line, 10) for line in lines) <= 160
    few = wrapped(text, 10, 160, 2)
    assert len(few) == 2
    assert "..." in few[1]


def test_letters_are_drawn_where_they_are_meant(tmp_path: Path) -> None:
    canvas = np.full((60, 200, 3), 255, np.uint8)
    draw(canvas, "HEH", 40, 20, 12, (0, 0, 0))
    dark = np.argwhere(canvas.min(axis=2) < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    assert (top, bottom) == pytest.approx((20, 32), abs=1.5)
    assert (left, right) == pytest.approx((40, 40 + width_of("HEH", 12)), abs=3)
    for place in ((-5, 5), (190, 55), (10, -8)):
        draw(canvas, "over the edge of the picture", *place, 12, (0, 0, 0))
