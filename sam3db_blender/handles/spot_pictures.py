"""Draws the pictures of handles straight into a region."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from .look import Colour, Picture, draw

#: Two triangles from corner to corner of a square of side 2, and the same in the picture.
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)], np.float32)
_UVS = (_SQUARE + 1) / 2


def draw_pictures(spots: Iterable[tuple[Picture, Colour, NDArray[np.float64], float]]) -> None:
    """Draws pictures in their colours: each with its centre (2,) and radius, px of the region."""
    alike: dict[tuple[Picture, Colour], list[NDArray[np.float32]]] = {}
    for picture, colour, centre, radius in spots:
        alike.setdefault((picture, colour), []).append((_SQUARE * radius + centre).astype(np.float32))
    shader = gpu.shader.from_builtin("IMAGE_COLOR")
    gpu.state.blend_set("ALPHA")
    for (picture, colour), squares in alike.items():
        corners: Any = {"pos": np.concatenate(squares), "texCoord": np.tile(_UVS, (len(squares), 1))}
        batch = batch_for_shader(shader, "TRIS", corners)
        shader.uniform_sampler("image", _texture(picture))
        shader.uniform_float("color", colour)
        batch.draw(shader)
    gpu.state.blend_set("NONE")


@cache
def _texture(picture: Picture) -> gpu.types.GPUTexture:
    full = draw(picture)[::-1]
    # halved, since the spots are small and textures made here are not filtered down
    half = full.reshape(len(full) // 2, 2, len(full) // 2, 2, 4).mean(axis=(1, 3))
    types: Any = gpu.types
    pixels = types.Buffer("FLOAT", half.size, np.ascontiguousarray(half, np.float32).ravel())
    texture: gpu.types.GPUTexture = types.GPUTexture(half.shape[:2], format="RGBA16F", data=pixels)
    return texture


def forget_textures() -> None:
    """Frees what was made for drawing."""
    _texture.cache_clear()
