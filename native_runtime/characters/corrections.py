"""MHR's pose correctives in given poses: offsets of vertices, and a few shapes that represent many frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender
from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    from native_runtime.mhr import Body


def corrections(body: Body, joint_parameters: NDArray[np.float64]) -> NDArray[np.float32]:
    """Offsets (V, 3) m, Blender axes, that the pose of (J, 7) joint parameters adds to the rest shape.

    Raises:
        Sam3dbError: the body has no correctives.
    """
    if body.correctives is None:
        raise Sam3dbError(
            f"The body '{body.name}' has no pose correctives; MHR's official bodies have them when they are imported "
            "with their corrective files."
        )
    return mhr_to_blender(body.correctives.offsets(joint_parameters)).astype(np.float32)


def compress(
    offsets: NDArray[np.float32], tolerance: float, most: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The fewest shapes whose weighted sums give offsets (F, V, 3) back within a tolerance for every vertex.

    They are the principal components about zero, the strongest first.

    Args:
        most: at most so many, the strongest, though offsets may then lie outside the tolerance.

    Returns:
        Shapes (k, V, 3) and weights (F, k) between -1 and 1; k is 0 where nothing moves.
    """
    frames = len(offsets)
    flat = offsets.reshape(frames, -1)
    # the frames' inner products hold all that is needed of the (much larger) shapes
    strength, courses = np.linalg.eigh((flat @ flat.T).astype(np.float64))
    courses = courses[:, ::-1][:, : int(np.sum(strength > strength.max(initial=0.0) * 1e-12))]

    def kept(count: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        basis = courses[:, :count]
        return (basis.T.astype(np.float32) @ flat).reshape(count, *offsets.shape[1:]), basis

    def error(count: int) -> float:
        shapes, weights = kept(count)
        worst = 0.0
        for frame in range(frames):
            rest = offsets[frame] - np.tensordot(weights[frame].astype(np.float32), shapes, 1)
            worst = max(worst, float(np.sqrt((rest * rest).sum(axis=1).max())))
        return worst

    low, high = 0, courses.shape[1] if most is None else min(most, courses.shape[1])
    while low < high:
        middle = (low + high) // 2
        if error(middle) <= tolerance:
            high = middle
        else:
            low = middle + 1
    shapes, weights = kept(low)
    reach = np.abs(weights).max(axis=0, initial=1e-30)
    return shapes * reach[:, None, None].astype(np.float32), weights / reach
