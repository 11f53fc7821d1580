"""Draws the pictures of handles straight into a region."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import gpu
from gpu_extras.batch import batch_for_shader

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from .look import Colour, Picture

#: Two triangles from corner to corner of a square of side 2.
_SQUARE = ((-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1))


def draw_pictures(spots: Iterable[tuple[Picture, Colour, NDArray[np.float64], float]]) -> None:
    """Draws pictures in their colours: each with its centre (2,) and radius, px of the region."""
    import numpy as np

    square = np.array(_SQUARE, np.float32)
    alike: dict[tuple[Picture, Colour], list[NDArray[np.float32]]] = {}
    for picture, colour, centre, radius in spots:
        alike.setdefault((picture, colour), []).append((square * radius + centre).astype(np.float32))
    shader = gpu.shader.from_builtin("IMAGE_COLOR")
    gpu.state.blend_set("ALPHA")
    for (picture, colour), squares in alike.items():
        corners: Any = {"pos": np.concatenate(squares), "texCoord": np.tile((square + 1) / 2, (len(squares), 1))}
        batch = batch_for_shader(shader, "TRIS", corners)
        shader.uniform_sampler("image", _texture(picture))
        shader.uniform_float("color", colour)
        batch.draw(shader)
    gpu.state.blend_set("NONE")


@cache
def _texture(picture: Picture) -> gpu.types.GPUTexture:
    import numpy as np

    from .look import draw

    full = draw(picture)[::-1]
    # halved, since the spots are small and textures made here are not filtered down
    half = full.reshape(len(full) // 2, 2, len(full) // 2, 2, 4).mean(axis=(1, 3))
    types: Any = gpu.types
    pixels = types.Buffer("FLOAT", half.size, np.ascontiguousarray(half, np.float32).ravel())
    texture: gpu.types.GPUTexture = types.GPUTexture(half.shape[:2], format="RGBA16F", data=pixels)
    return texture


def detach() -> None:
    """Frees what was made for drawing."""
    _texture.cache_clear()
