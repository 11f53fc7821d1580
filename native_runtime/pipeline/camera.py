"""An engine's reading of a photo together with the photo's camera, which the people in it help to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from native_runtime.engines.base import Engine, Reading, TakesCamera
    from native_runtime.image.reading import Photo
    from native_runtime.lens.estimate import LensEstimate


def read_with_camera(
    engine: Engine,
    photo: Photo,
    intrinsics: NDArray[np.float64] | None = None,
    up: ArrayLike | None = None,
    boxes: ArrayLike | None = None,
) -> tuple[Reading, LensEstimate]:
    """A photo as an engine reads it, and the photo's camera; with the people in it where the engine can wait for that.

    Args:
        intrinsics: (3, 3) px, the lens by somebody's word.
        up: (3,) against gravity, camera axes, by somebody's word.
        boxes: as for ``Engine.read``.

    Raises:
        What ``Engine.read`` raises.
    """
    from native_runtime.lens.estimate import estimate_lens

    if not engine.capabilities.takes_camera:
        lens = estimate_lens(photo, (), intrinsics, up)
        return engine.read(photo, lens.intrinsics, boxes), lens
    reading = engine.read(photo, intrinsics, boxes)
    seen = [person.landmarks for person in reading.people if person.landmarks is not None]
    lens = estimate_lens(photo, seen, intrinsics, up)
    cast("TakesCamera", reading).take_camera(lens.intrinsics, lens.gravity)
    return reading, lens
