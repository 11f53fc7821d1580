"""Draws the pictures of the engines for the model shelf into ``rig_templates/shelf/pictures``.

    python -m bench.shelf_pictures --photo runner.png --result runner_full.json [--out DIR] [--models DIR]

The same person by each engine of which a real answer is at hand, through the same lens, from the front and from the
side, drawn by this project's rasteriser: ``landmarks`` from the photo, here and now; SAM 3D Body as somebody published
its answer about that photo (vertices and faces). Nothing of the photo is in the pictures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import intrinsics_for
from native_runtime.engines import open_engine
from native_runtime.image.reading import read_photo
from native_runtime.render.colour import encode_srgb, over
from native_runtime.render.framing import studio_view
from native_runtime.render.raster import Surface
from native_runtime.render.studio import TINTS, backdrop, lit

Pixels = NDArray[np.uint8]

_PLACE = Path(__file__).parents[1] / "rig_templates" / "shelf" / "pictures"
_SIDE, _SAMPLES, _QUALITY = 320, 2, 90
#: Radians about the vertical from the photo's camera, and from above.
_TURNS, _RISE = (0.0, -1.2), 0.05
_SHOWN_M = 1.8  # from the floor up: everybody at one scale


def draw(vertices: NDArray[np.float64], triangles: NDArray[np.int32], tint: int) -> Pixels:
    """The picture of a body, square: from the photo's side, and from the left of it.

    Args:
        vertices: (V, 3) m, camera axes.
        triangles: (T, 3).
        tint: number of its colour.
    """
    points = np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)
    points -= [*points[:, :2].mean(axis=0), points[:, 2].min()]
    edges, two_sided = np.ones((len(triangles), 3), np.bool_), np.zeros(len(triangles), np.bool_)
    colours = np.tile(TINTS[tint], (len(points), 1))
    return np.concatenate(
        [_half(Surface(_centred(points, turn), triangles, colours, edges, two_sided), turn) for turn in _TURNS], axis=1
    )


def _centred(points: NDArray[np.float64], turn: float) -> NDArray[np.float64]:
    """The points (N, 3) with the middle of what is seen of them above the origin."""
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    across = points @ right
    return np.asarray(points - (across.min() + across.max()) / 2 * right)


def _half(surface: Surface, turn: float) -> Pixels:
    height, width = _SAMPLES * _SIDE, _SAMPLES * _SIDE // 2
    frame = np.concatenate([surface.vertices, [[0.0, 0.0, 0.0], [0.0, 0.0, _SHOWN_M]]])
    view = studio_view(frame, turn, _RISE, height)
    picture = encode_srgb(over(lit(surface, view), backdrop(surface, view)))[..., :3]
    # the frame is made half as wide as it is high, about the middle
    missing = max(0, width - picture.shape[1])
    picture = cv2.copyMakeBorder(picture, 0, 0, missing // 2, missing - missing // 2, cv2.BORDER_REPLICATE)
    left = (picture.shape[1] - width) // 2
    part = np.ascontiguousarray(picture[:, left : left + width])
    return np.asarray(cv2.resize(part, (_SIDE // 2, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Draws what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True, help="JSON with faces, and people with vertices")
    parser.add_argument("--out", type=Path, default=_PLACE)
    parser.add_argument("--models", type=Path)
    given = parser.parse_args()
    result = json.loads(given.result.read_text(encoding="utf-8"))
    person = result["people"][0]
    photo = read_photo(given.photo)
    lens = intrinsics_for(photo.original_size, focal_px=person["focal_length"])
    engine = open_engine("landmarks", given.models)
    estimate = engine.read(photo, lens).estimate(0)
    pictures = {
        "landmarks": draw(estimate.vertices, np.asarray(engine.body.triangles, np.int32), 1),
        "sam3d_body": draw(np.array(person["mesh"]["vertices"]), np.array(result["faces"], np.int32), 1),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        path = given.out / f"{name}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
