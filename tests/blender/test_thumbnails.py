"""Small pictures of people for lists. Without a window they have pixels, but Blender gives them no icons."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import cv2
import numpy as np
import pytest

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.posing.handles import character_id
from sam3db_blender.scene.provenance import read_origin
from sam3db_blender.ui import thumbnails
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
def test_a_picture_shows_the_upper_part_of_the_person(small_body: Body, reduced: int) -> None:
    """From the photo in the file, whatever its size: red above, blue below, green beside."""
    size = (900, 1200)
    built = photo_scene(small_body, size=size)
    rig = built.characters[0].rig
    x0, y0, x1, y1 = (int(side) for side in read_origin(rig).arrays["bbox"])
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[..., 1] = 255
    middle = y0 + (x1 - x0) // 2
    picture[y0:middle, x0:x1] = (0, 0, 255)  # blue comes first
    picture[middle:y1, x0:x1] = (255, 0, 0)
    done, data = cv2.imencode(".png", cv2.resize(picture, (size[0] // reduced, size[1] // reduced)))
    assert done
    assert built.image is not None
    built.image.pack(data=data.tobytes(), data_len=data.size)
    thumbnails.make(rig)
    seen = _pixels(character_id(rig))
    assert seen[8:40, 8:-8].mean(axis=(0, 1)) == pytest.approx([1, 0, 0, 1], abs=0.05)
    assert seen[56:-8, 8:-8].mean(axis=(0, 1)) == pytest.approx([0, 0, 1, 1], abs=0.05)


def test_a_person_at_the_border_still_fills_the_picture() -> None:
    thumbnails.put("at the border", np.full((50, 40, 3), 128, np.uint8), [-20, -10, 15, 60])
    assert _pixels("at the border")[..., :3] == pytest.approx(128 / 255, abs=0.01)
    thumbnails.put("at the border", np.full((50, 40, 3), 255, np.uint8), [5, 5, 5, 5])
    assert _pixels("at the border").min() == 1.0


def test_without_a_photo_there_is_none(small_body: Body) -> None:
    built = photo_scene(small_body)
    assert built.image is not None
    bpy.data.images.remove(built.image)
    with pytest.raises(Sam3dbError, match="not behind its camera"):
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
