"""Small pictures of people for lists. Without a window they have pixels, but Blender gives them no icons."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import cv2
import numpy as np
import pytest

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from native_runtime.render import portraits
from sam3db_blender.previews import thumbnails
from sam3db_blender.scene.provenance import character_id, read_origin
from tests.support.photo_scenes import photo_scene


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    thumbnails.detach()


def _pixels(key: str) -> np.ndarray:
    """(96, 96, 4), top row first."""
    preview = thumbnails._previews[key]
    values = np.empty(96 * 96 * 4, np.float32)
    preview.image_pixels_float.foreach_get(values)
    return values.reshape(96, 96, 4)[::-1]


@pytest.mark.parametrize("reduced", [1, 2, 6])
def test_a_picture_shows_head_and_shoulders(small_body: Body, reduced: int) -> None:
    """From the photo in the file, whatever its size: red about the head, blue below, green beside."""
    size = (900, 1200)
    built = photo_scene(small_body, size=size)
    rig = built.characters[0].rig
    arrays = read_origin(rig).arrays
    x0, y0, x1, y1 = arrays["bbox"]
    head = arrays["keypoints_2d"][:5].mean(axis=0)
    left, top, side, whole = portraits.shown_square(arrays["bbox"], head)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[..., 1] = 255
    if whole:
        middle, bottom, beside = (y0 + y1) / 2, y1, (x0, x1)
    else:
        middle, bottom, beside = top + side / 2, top + side, (left, left + side)
    picture[max(int(top), 0) : int(middle), int(beside[0]) : int(beside[1])] = (0, 0, 255)  # blue comes first
    picture[int(middle) : int(bottom), int(beside[0]) : int(beside[1])] = (255, 0, 0)
    done, data = cv2.imencode(".png", cv2.resize(picture, (size[0] // reduced, size[1] // reduced)))
    assert done
    assert built.image is not None
    built.image.pack(data=data.tobytes(), data_len=data.size)
    thumbnails.make(rig)
    seen = _pixels(character_id(rig))
    assert seen[8:40, 40:56].mean(axis=(0, 1)) == pytest.approx([1, 0, 0, 1], abs=0.05)
    assert seen[56:-8, 40:56].mean(axis=(0, 1)) == pytest.approx([0, 0, 1, 1], abs=0.05)


def _red_share(box: list[float], head: list[float] | None) -> float:
    """Which share of what is not transparent shows the box, in a photo that is red there and grey elsewhere."""
    photo = np.full((400, 300, 3), 90, np.uint8)
    photo[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = (255, 0, 0)
    thumbnails.put("somebody", photo, box, head)
    pixels = _pixels("somebody")
    seen = pixels[..., 3] > 0.5
    return float(np.mean(pixels[seen][:, 0] > 0.9))


@pytest.mark.parametrize("head", [[299.0, 60.0], None])
def test_somebody_at_the_edge_is_no_picture_of_what_is_behind_them(head: list[float] | None) -> None:
    """They lean out of the photo: the upper part of their box is the bus behind them."""
    assert _red_share([240, 50, 300, 350], head) > 0.9


def test_a_person_at_the_border_still_fills_the_picture() -> None:
    thumbnails.put("at the border", np.full((50, 40, 3), 128, np.uint8), [-20, -10, 15, 60])
    seen = _pixels("at the border")
    assert seen[..., :3][seen[..., 3] > 0.5] == pytest.approx(128 / 255, abs=0.01)
    thumbnails.put("at the border", np.full((50, 40, 3), 255, np.uint8), [5, 5, 25, 45], [15, 12])
    assert _pixels("at the border").min() == 1.0
    thumbnails.put("at the border", np.full((50, 40, 3), 255, np.uint8), [5, 5, 5, 5])  # an empty box is no error


def test_without_a_photo_there_is_none(small_body: Body) -> None:
    built = photo_scene(small_body)
    assert built.image is not None
    bpy.data.images.remove(built.image)
    with pytest.raises(Sam3dbError, match="no longer in its camera's background"):
        thumbnails.make(built.characters[0].rig)
    assert thumbnails.icon_of(built.characters[0].rig) == 0


def test_they_are_forgotten() -> None:
    for key in ("a", "b"):
        thumbnails.put(key, np.zeros((9, 9, 3), np.uint8), [0, 0, 9, 9])
    thumbnails.forget(["a", "c"])
    assert set(thumbnails._previews) == {"b"}
    thumbnails.detach()
    assert thumbnails.icon("b") == 0
    assert thumbnails._previews is None
