"""Which photos are taken, which part they belong to, and what their results are called."""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from native_runtime.batch.manifest import Head, Manifest, manifest_path
from native_runtime.batch.names import LONGEST_NAME, clean_name, has_room, result_names
from native_runtime.batch.photos import Shard, find_photos, look_through, same_text
from native_runtime.errors import UsageError
from tests.support import hostile_photos as hostile


def found(folder: Path, *patterns: str, **options: object) -> list[str]:
    return [photo.relative for photo in find_photos(folder, patterns, **options)]  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path, add_photo: Callable[..., Path]) -> Path:
    for name in ("10.jpg", "2.JPG", "b/1.png", "b/c/3.webp", ".hidden.jpg", ".trash/4.jpg", "a.jpg"):
        add_photo(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("just words")
    return tmp_path / "in"


def test_photos_come_in_the_order_of_a_person(folder: Path) -> None:
    assert found(folder) == ["2.JPG", "10.jpg", "a.jpg", "b/1.png", "b/c/3.webp"]
    assert found(folder, recursive=False) == ["2.JPG", "10.jpg", "a.jpg"]


def test_patterns_are_of_names_or_of_paths(folder: Path) -> None:
    assert found(folder, "*.jpg") == ["2.JPG", "10.jpg", "a.jpg"]
    assert found(folder, "B/*") == ["b/1.png", "b/c/3.webp"]
    assert found(folder, "1*", "*.webp") == ["10.jpg", "b/1.png", "b/c/3.webp"]


def test_photos_are_known_by_their_bytes(tmp_path: Path) -> None:
    jpeg = hostile.encode(hostile.quarters(), "JPEG")
    for name in ("a.jfif", "b.jpe", "c.mpo", "no ending", "e.bak"):
        (tmp_path / name).write_bytes(jpeg)
    (tmp_path / "f.avif").write_bytes(hostile.encode(hostile.quarters(), "AVIF"))
    (tmp_path / "f2").write_bytes(hostile.encode(hostile.quarters(), "AVIF"))
    (tmp_path / "g.hif").write_bytes(b"")  # reading it will tell
    (tmp_path / "h.gif").write_bytes(hostile.encode(hostile.quarters(), "GIF"))
    content = look_through(tmp_path)
    assert [photo.relative for photo in content.photos] == [
        "a.jfif", "b.jpe", "c.mpo", "e.bak", "f2", "f.avif", "g.hif", "h.gif", "no ending"
    ]  # fmt: skip
    assert content.passed_over == ()
    assert content.others == 0


def test_pictures_that_cannot_be_read_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    files = {
        "a.psd": b"8BPS" + bytes(40),
        "b.jxl": b"\xff\x0a" + bytes(40),
        "c.CR2": b"II*\0" + bytes(40),
        "notes.txt": b"just words",
        "film.mov": b"\0\0\0\x14ftypqt  " + bytes(40),
        "empty": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "pipe") if hasattr(os, "mkfifo") else (tmp_path / "pipe").touch()
    content = look_through(tmp_path)
    assert content.photos == ()
    assert [str(passed) for passed in content.passed_over] == [
        "a.psd (a Photoshop document)",
        "b.jxl (a JPEG XL picture)",
        "c.CR2 (a camera raw file)",
    ]
    assert content.others == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("patterns", [(), ("*.jpg",)])
def test_pipes_are_passed_over_though_they_are_called_like_photos(folder: Path, patterns: tuple[str, ...]) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to(folder / "pipe.jpg")
    (folder / "good.jpg").symlink_to(folder / "10.jpg")
    content = look_through(folder, patterns, recursive=False)
    assert [photo.relative for photo in content.photos] == ["2.JPG", "10.jpg", "a.jpg", "good.jpg"]
    assert [str(passed) for passed in content.passed_over] == [
        "link.jpg (not an ordinary file)",
        "pipe.jpg (not an ordinary file)",
    ]


def test_one_folder_that_may_not_be_read_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(place: str) -> object:
        if str(place).endswith("b"):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)
    content = look_through(folder)
    assert [photo.relative for photo in content.photos] == ["2.JPG", "10.jpg", "a.jpg"]
    assert [str(passed) for passed in content.passed_over] == ["b (cannot be read: Permission denied)"]


def test_results_are_no_photos(folder: Path, add_photo: Callable[..., Path]) -> None:
    """Neither those of this batch nor those that an earlier one left somewhere in the folder."""
    add_photo(folder / "out" / "a_person0.png")
    assert found(folder, leave_out=folder / "out") == found(folder, leave_out=None)[:-1]
    add_photo(folder / "older" / "a_person0.png")
    Manifest(manifest_path(folder / "older", 2, 3), Head("", {}, "")).close()
    assert "older/a_person0.png" not in found(folder)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder"):
        find_photos(tmp_path / "nowhere")


def test_every_photo_belongs_to_one_part() -> None:
    photos = [f"day {n % 7}/{n}.jpg" for n in range(1000)]
    for count in (1, 2, 5):
        parts = [Shard(number, count) for number in range(1, count + 1)]
        sizes = [sum(part.has(photo) for photo in photos) for part in parts]
        assert sum(sizes) == len(photos)
        assert all(sum(part.has(photo) for part in parts) == 1 for photo in photos)
        assert min(sizes) > 0.8 * len(photos) / count
    assert Shard(1, 3).has("A/ä.jpg") == Shard(1, 3).has(unicodedata.normalize("NFD", "a/Ä.jpg"))


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/2/3", "", "٣/٣"])
def test_impossible_parts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="K/N"):
        Shard.parse(text)


def test_names_follow_the_photos() -> None:
    photos = ["a.jpg", "a.png", "A.webp", "b/a.jpg", "B/a.jpg", "x_person0.jpg", "x.jpg", "a-2.jpg"]
    assert result_names(photos, {}) == {
        "a.jpg": "a",
        "a.png": "a-2",
        "A.webp": "A-3",
        "b/a.jpg": "b/a",
        "B/a.jpg": "B/a-2",
        "x_person0.jpg": "x_person0-1",
        "x.jpg": "x",
        "a-2.jpg": "a-2-2",
    }


def test_names_stay_when_photos_come_and_go() -> None:
    known = result_names(["a.jpg", "a.png"], {})
    assert result_names(["a.bmp", "a.png"], known) == {"a.bmp": "a-3", "a.png": "a-2"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("a:b*c", "a_b_c"), ("con", "_con"), ("LPT1.x", "_LPT1.x"), ("dots. .", "dots"), (" ", "photo"), ("ä😀", "ä😀")],
)
def test_names_are_fit_for_every_system(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_what_some_file_system_takes_for_one_is_one() -> None:
    assert same_text("Straße/É.JPG") == same_text(unicodedata.normalize("NFD", "strasse/é.jpg"))


LONG = ["x" * 237, "Ä" * 118 + "b", "Ä" * 118 + "c", "😀" * 63, "e\u0301" * 84]


@pytest.mark.parametrize("text", LONG)
def test_long_names_are_cut_by_bytes_and_stay_text(text: str) -> None:
    name = clean_name(text)
    assert len(name.encode()) <= LONGEST_NAME
    assert text.startswith(name.rpartition("-")[0][:-1])
    assert has_room(name)
    assert not has_room(f"folder/{text}")


def test_long_names_that_differ_at_their_ends_stay_two() -> None:
    names = result_names([f"sub/{text}.jpg" for text in LONG], {})
    assert len(set(names.values())) == len(LONG)


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert clean_name("x" * LONGEST_NAME) == "x" * LONGEST_NAME


def test_bytes_that_are_no_text_do_not_reach_the_names_of_results() -> None:
    assert clean_name(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf_"
