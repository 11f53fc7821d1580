"""Draws the pictures of the presets into ``rig_templates/presets/pictures``, and all of them on one sheet to look at.

    python -m bench.preset_pictures [--sheet SHEET.png] [--models DIR]

To be run again after a change of ``rig_templates/presets/*.json``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.preset_library import Preset, library, preset_named, with_body, with_pose
from native_runtime.characters.settings import CharacterSettings
from native_runtime.mhr import Body
from native_runtime.models import store
from native_runtime.render.colour import encode_srgb, over
from native_runtime.render.framing import studio_view
from native_runtime.render.raster import Surface
from native_runtime.render.studio import TINTS, backdrop, lit

Pixels = NDArray[np.uint8]

_SIDE, _QUALITY = 160, 88
_STANDING = "relaxed"
_BODY_VIEW, _RISE = 0.3, 0.1
_TALLEST = 1.85  # m
_WARM = TINTS[1]


def draw(body: Body, preset: Preset) -> Pixels:
    """The picture of a preset, square; of a body in a pose in which it shows."""
    settings = CharacterSettings.neutral(body)
    if preset.kind == "bodies":
        settings = with_pose(body, with_body(body, settings, preset)[0], preset_named("poses", _STANDING))
        view = _BODY_VIEW
    else:
        settings, view = with_pose(body, settings, preset, floor=0.0), preset.view
    points = body.vertices(settings.model_parameters, settings.identity)
    points = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1) / 100
    points[:, 2] -= points[:, 2].min() - preset.lift / 100
    # all bodies at one scale, so that their heights show
    top = _TALLEST if preset.kind == "bodies" else points[:, 2].max()
    return _square(_studio(body, points, view, top))


def _studio(body: Body, points: NDArray[np.float64], turn: float, top: float) -> Pixels:
    triangles = np.asarray(body.triangles, np.int32)
    edges = np.ones((len(triangles), 3), np.bool_)
    surface = Surface(points, triangles, np.tile(_WARM, (len(points), 1)), edges, np.zeros(len(triangles), np.bool_))
    x, y, lowest = (*points[:, :2].mean(axis=0), points[:, 2].min())
    view = studio_view(np.concatenate([points, [[x, y, 0.0], [x, y, top]]]), turn, _RISE, 2 * _SIDE)
    return encode_srgb(over(lit(surface, view), backdrop(surface, view, shadow=lowest < 0.01)))[..., :3]


def _square(picture: Pixels) -> Pixels:
    """A picture with its borders continued to a square, at the size of the presets' pictures."""
    height, width = picture.shape[:2]
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    borders = (above, side - height - above, left, side - width - left)
    full = cv2.copyMakeBorder(picture, *borders, cv2.BORDER_REPLICATE)
    return cv2.resize(full, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheet", type=Path, help="where a sheet with all pictures goes")
    parser.add_argument("--models", type=Path, help="the models folder")
    given = parser.parse_args(arguments)
    body = Body.load(store.body_path("default", given.models))
    rows = []
    for kind in ("bodies", "poses"):
        pictures = [draw(body, preset) for preset in library(kind)]
        for preset, picture in zip(library(kind), pictures):
            cv2.imwrite(str(preset.picture), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        rows += [np.hstack(pictures[start : start + 6]) for start in range(0, len(pictures), 6)]
    if given.sheet:
        cv2.imwrite(str(given.sheet), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # bpy does not end by itself
