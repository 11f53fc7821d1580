"""What people of a video look like: the frames that show them best, and the textures of these."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from native_runtime.errors import PhotoError
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.pipeline.reporting import Silent
from native_runtime.takes import texturing
from native_runtime.takes.footage import open_footage
from native_runtime.takes.showing import best_frames
from native_runtime.takes.take import LOOK, Take, TakeFootage
from native_runtime.takes.texturing import TextureMaker
from native_runtime.takes.tracks import Sighting
from native_runtime.texture.look import COLOURS
from tests.support.bodies import toy_body
from tests.support.painted import INTRINSICS, SIZE, Model, photograph, truth
from tests.support.videos import write_video

pytestmark = pytest.mark.models

_YAW = 4
FPS = 25.0
_TEXELS = 512


@pytest.fixture(scope="module")
def body(models: Path) -> Body:
    return load_body("default-lod2", models)


@pytest.fixture(scope="module")
def colours(body: Body) -> np.ndarray:
    """(V, 3) linear: the front is red, the back is blue."""
    front = np.clip(0.5 + body.rest_vertices[:, 2:3] / 8.0, 0.0, 1.0)
    return np.asarray(front * [0.5, 0.08, 0.05] + (1.0 - front) * [0.04, 0.08, 0.5])


def _turning(body: Body, turns: Sequence[float], distance: float = 3.8, **given: Any) -> Take:
    """Somebody who stands and is seen from these sides, degrees; 0 is the front."""
    count = len(turns)
    parameters = np.zeros((count, 204))
    parameters[:, _YAW] = np.radians(turns)
    rest: dict[str, Any] = {
        "frames": np.arange(count),
        "times": np.arange(count) / FPS,
        "image_size": np.array(SIZE),
        "camera_to_world": np.tile(np.eye(4), (count, 1, 1)),
        "ground": np.full(4, np.nan),
        "bbox": np.tile([0.0, 0.0, SIZE[0], SIZE[1]], (count, 1)),
        "seen": np.ones(count),
        "contacts": np.zeros((count, 4), bool),
        "engine": "truth",
        "footage": TakeFootage("turn.mp4", FPS, count, 0, count - 1),
    }
    return Take.from_states(
        body,
        parameters,
        np.zeros(body.identity_count),
        np.zeros((count, body.expression_count)),
        np.tile([0.0, 0.85, distance], (count, 1)),
        INTRINSICS,
        **rest | given,
    )


class Hears(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.warnings: list[str] = []

    def status(self, text: str) -> None:
        self.texts.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


class _MadeAgainError(Exception):
    pass


def _made_again(*given: Any) -> Any:
    raise _MadeAgainError


class TestBestFrames:
    def test_the_front_comes_first_and_other_sides_follow(self, body: Body) -> None:
        turns = [180.0, 180, 180, 90, 90, 90, 0, 0, 0]
        chosen = best_frames(_turning(body, turns), body)
        assert [turns[place] for place in chosen] == [0.0, 180.0, 90.0]

    def test_who_does_not_turn_has_one_frame(self, body: Body) -> None:
        assert len(best_frames(_turning(body, [10.0, 12, 14, 20, 25]), body)) == 1
        assert len(best_frames(_turning(body, [180.0] * 3), body)) == 1

    def test_a_hidden_or_cut_person_is_not_looked_at(self, body: Body) -> None:
        seen = np.array([0.0, 0.2, 0.9, 0.2])
        assert best_frames(_turning(body, [0.0] * 4, seen=seen), body) == [2]
        take = _turning(body, [0.0] * 3)
        aside = take.keypoints_2d + np.array([0.0, 300.0, 0.0])[:, None, None]
        assert best_frames(replace(take, keypoints_2d=aside), body)[0] != 1
        assert best_frames(_turning(body, [0.0] * 3, seen=np.zeros(3)), body) == []

    def test_larger_and_stiller_is_better(self, body: Body) -> None:
        take = _turning(body, [0.0] * 5)
        far = take.keypoints_2d.copy()
        far[:3] = 200.0 + 0.6 * (far[:3] - 200.0)
        assert best_frames(replace(take, keypoints_2d=far), body) == [4], "frame 3 comes nearer"
        moved = take.keypoints_2d.copy()
        moved[1] += 40.0  # there and back: frames 0 to 2 are blurred
        assert best_frames(replace(take, keypoints_2d=moved), body) == [3]

    def test_unknown_places_do_no_harm(self, body: Body) -> None:
        take = _turning(body, [0.0, 0.0])
        lost = take.keypoints_2d.copy()
        lost[0, :40] = np.nan
        assert best_frames(replace(take, keypoints_2d=lost), body) == [1]
        assert best_frames(replace(take, keypoints_2d=np.full_like(lost, np.nan)), body) == []


class TestTextures:
    def _film(self, body: Body, colours: np.ndarray, take: Take, path: Path) -> Path:
        pictures = [
            photograph([Model(body, take.estimate(place, body).vertices.astype(float), colours)])
            for place in range(len(take))
        ]
        return write_video(path, pictures, FPS)

    def test_both_sides_of_somebody_who_turns(
        self, body: Body, colours: np.ndarray, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take = _turning(body, [0.0, 180.0])
        footage = open_footage(self._film(body, colours, take, tmp_path / "turn.mp4"))
        stem, heard = tmp_path / "turn_person0_take", Hears()
        box = Sighting(take.bbox[0], np.zeros((0, 2)), np.zeros(0), np.zeros(96))
        maker = TextureMaker(footage, 0, [take], {0: [box], 1: [box]}, body, models, _TEXELS)
        made = maker.make(take, stem, heard)
        picture = cv2.imread(str(made.files.colour))[..., ::-1].astype(float)
        sure = cv2.imread(str(made.files.confidence), cv2.IMREAD_GRAYSCALE) >= 128
        true, skin = truth(body, colours, len(picture))
        off = np.abs(picture - true).mean(axis=2)[sure & skin]
        assert np.median(off) < 12.0
        for side in (true[..., 0] > true[..., 2] + 60.0, true[..., 2] > true[..., 0] + 60.0):
            assert (sure & skin & side).sum() > 0.2 * (skin & side).sum()
        record = json.loads(made.files.record.read_text())
        assert record["photos"] == [{"name": "turn.mp4", "frame": 0}, {"name": "turn.mp4", "frame": 1}]
        assert COLOURS in made.look
        assert (heard.texts, heard.warnings) == (["Making the texture of person 0"], [])

        before = made.files.colour.stat().st_mtime_ns
        again = maker.make(take, stem, heard)
        assert (again.look, again.files.colour.stat().st_mtime_ns) == (made.look, before)
        painted = np.zeros((8, 8, 3), np.uint8)
        cv2.imwrite(str(made.files.colour), painted)
        maker.make(take, stem, heard)
        assert (cv2.imread(str(made.files.colour)) == painted).all(), "what somebody painted is kept"
        assert len(heard.texts) == 1
        monkeypatch.setattr(texturing, "make_texture", _made_again)
        with pytest.raises(_MadeAgainError):
            maker.make(replace(take, identity=take.identity + 0.1), stem, heard)
        made.files.colour.write_bytes(b"broken")
        with pytest.raises(_MadeAgainError):
            maker.make(take, stem, heard)

    def test_nobody_who_can_be_seen(self, body: Body, models: Path, tmp_path: Path) -> None:
        take = _turning(body, [0.0, 0.0], seen=np.zeros(2))
        footage = open_footage(write_video(tmp_path / "turn.mp4", [np.zeros((*SIZE[::-1], 3), np.uint8)] * 2))
        with pytest.raises(PhotoError, match="no frame shows"):
            TextureMaker(footage, 0, [take], {}, body, models).make(take, tmp_path / "a", Silent())
        assert not list(tmp_path.glob("a_*"))


def test_an_estimate_of_a_frame_tells_the_look() -> None:
    body = toy_body()
    take = replace(_turning(body, [0.0, 5.0]), details={LOOK: {"hair": {"style": "short"}}})
    assert take.estimate(1, body).details["hair"] == {"style": "short"}
    assert take.estimate(1, body).details["frame"] == 1
    assert "hair" not in replace(take, details={LOOK: "damaged"}).estimate(0, body).details
