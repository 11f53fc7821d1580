"""Footage: which frames come, when, how they stand, and what is said of what is wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from native_runtime.errors import PhotoError, UsageError
from native_runtime.takes.footage import FrameRange, natural_order, open_footage
from tests.support.videos import grey_levels, number_of, state_turn, stretch_interval, write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "a b.mp4", grey_levels(12))


def test_every_frame_comes_once_with_its_number_and_time(video: Path) -> None:
    footage = open_footage(video)
    frames = list(footage.frames(FrameRange()))
    assert (footage.fps, footage.frame_count, footage.size) == (30.0, 12, (64, 48))
    assert [frame.number for frame in frames] == list(range(12))
    assert [number_of(frame.photo.pixels) for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(12) / 30, atol=1e-6)
    assert footage.notes == []


@pytest.mark.parametrize(
    ("text", "every", "numbers"),
    [
        ("3:9", 1, range(3, 9)),
        (":5", 2, (0, 2, 4)),
        ("4:", 3, (4, 7, 10)),
        (":", 1, range(12)),
        ("8:99", 1, range(8, 12)),
    ],
)
def test_a_range_and_every_nth(video: Path, text: str, every: int, numbers: range) -> None:
    frames = list(open_footage(video).frames(FrameRange.parse(text, every)))
    assert [frame.number for frame in frames] == list(numbers)
    assert [number_of(frame.photo.pixels) for frame in frames] == list(numbers)


def test_frames_that_are_skipped_do_not_move_the_others(video: Path) -> None:
    frames = list(open_footage(video).frames(FrameRange(2, 8), frozenset((2, 3, 6))))
    assert [number_of(frame.photo.pixels) for frame in frames] == [4, 5, 7] == [frame.number for frame in frames]


@pytest.mark.parametrize("text", ["", "5", "a:b", "7:3", "4:4", "-1:3", "1:2:3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="range of frames"):
        FrameRange.parse(text)


def test_every_0th_frame_is_refused() -> None:
    with pytest.raises(UsageError, match="every 0th"):
        FrameRange.parse("0:9", 0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_telephones_video_stands_upright(tmp_path: Path, degrees: int) -> None:
    upright = np.zeros((48, 64, 3), np.uint8) if degrees == 180 else np.zeros((64, 48, 3), np.uint8)
    upright[:16, :16] = (255, 0, 0)  # red at the top left as it is to be seen
    stored = np.rot90(upright, degrees // 90)
    path = write_video(tmp_path / "x.mp4", [np.ascontiguousarray(stored)] * 3)
    state_turn(path, degrees)
    footage = open_footage(path)
    picture = next(iter(footage.frames(FrameRange()))).photo.pixels
    assert footage.size == picture.shape[1::-1] == upright.shape[1::-1]
    np.testing.assert_allclose(picture[8, 8], [255, 0, 0], atol=20)
    np.testing.assert_allclose(picture[-8, -8], [0, 0, 0], atol=20)


def test_a_rate_that_varies_is_kept_and_said(video: Path) -> None:
    stretch_interval(video, 4, 5)
    footage = open_footage(video)
    times = [frame.time for frame in footage.frames(FrameRange())]
    expected = np.arange(12) / 30
    expected[5:] += 4 / 30
    np.testing.assert_allclose(times, expected, atol=2e-3)
    assert any("varies" in note for note in footage.notes)


def test_a_stated_rate_overrules_the_file(video: Path) -> None:
    footage = open_footage(video, fps=10.0)
    assert footage.fps == 10.0
    np.testing.assert_allclose([frame.time for frame in footage.frames(FrameRange(0, 4))], np.arange(4) / 10)
    for wrong in (0.0, -5.0, float("nan"), 1e6):
        with pytest.raises(UsageError, match="frames a second"):
            open_footage(video, fps=wrong)


def test_of_a_video_that_breaks_off_the_beginning_is_used(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(30)]
    path = write_video(tmp_path / "x.avi", noise, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    footage = open_footage(path)
    frames = list(footage.frames(FrameRange()))
    assert 10 < len(frames) < 25
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert any("damaged after frame" in note and "30 frames" in note for note in footage.notes)
    assert not any("damaged" in note for note in _notes_of(path, FrameRange(0, 5)))


def _notes_of(path: Path, wanted: FrameRange) -> list[str]:
    footage = open_footage(path)
    assert list(footage.frames(wanted))
    return footage.notes


@pytest.mark.parametrize(
    "content", [b"", b"no video at all, but some text", b"\x00" * 5000], ids=["empty", "text", "0"]
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=r"x\.mp4: (this is not a video|the file is empty)"):
        open_footage(path)
    assert capfd.readouterr().err == ""


def test_a_video_without_its_end_part_is_refused(video: Path) -> None:
    video.write_bytes(video.read_bytes()[:-400])  # an MP4's index lies at its end
    with pytest.raises(PhotoError, match=r"not copied completely.*convert it"):
        open_footage(video)


@pytest.mark.parametrize("name", ["missing.mp4", "http://127.0.0.1:9/x.mp4", "x%03d.png"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "x000.png").write_bytes(b"")
    with pytest.raises(PhotoError, match="no such file"):
        open_footage(tmp_path / name)


def test_a_name_that_looks_like_a_pattern_is_refused(tmp_path: Path, video: Path) -> None:
    odd = video.rename(tmp_path / "x%03d.mp4")
    with pytest.raises(PhotoError, match="Rename it"):
        open_footage(odd)


# folders of pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shots"
    made.mkdir()
    for number, picture in enumerate(grey_levels(12)):
        cv2.imwrite(str(made / f"shot {number}.png"), picture)
    (made / "notes.txt").write_text("x")
    (made / ".hidden.png").write_bytes(b"")
    return made


def test_pictures_come_by_the_value_of_their_numbers(folder: Path) -> None:
    footage = open_footage(folder, fps=5.0)
    frames = list(footage.frames(FrameRange.parse("8:", 2)))
    assert [number_of(frame.photo.pixels) for frame in frames] == [8, 10]
    assert [frame.time for frame in frames] == [8 / 5, 10 / 5]
    assert footage.frame_count == 12
    assert footage.notes == []


def test_a_folder_without_a_rate_says_what_is_assumed(folder: Path) -> None:
    footage = open_footage(folder)
    assert footage.fps == 25.0
    assert any("25 frames a second" in note for note in footage.notes)


def test_a_damaged_picture_is_left_out_and_named(folder: Path) -> None:
    (folder / "shot 3.png").write_bytes(b"broken")
    footage = open_footage(folder, fps=25.0)
    assert [frame.number for frame in footage.frames(FrameRange(2, 6))] == [2, 4, 5]
    assert any("Frame 3 was left out" in note and "shot 3.png" in note for note in footage.notes)


def test_pictures_of_several_sizes_are_refused(folder: Path) -> None:
    cv2.imwrite(str(folder / "shot 5.png"), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(PhotoError, match=r"shot 5\.png.*30 x 20.*64 x 48"):
        list(open_footage(folder, fps=25.0).frames(FrameRange()))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no pictures"):
        open_footage(tmp_path)


def test_natural_order() -> None:
    names = ["b1", "a10", "A9", "a9b", "10", "9", "a"]
    assert sorted(names, key=natural_order) == ["9", "10", "a", "A9", "a9b", "a10", "b1"]
