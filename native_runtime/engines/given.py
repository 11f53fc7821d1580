"""What engines are given, checked before anything is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.errors import NoPersonError, PromptError, UsageError


def check_person(person: int, count: int) -> None:
    """Refuse the number of somebody who is not among the `count` people of a photo.

    Raises:
        NoPersonError: there is no such person.
    """
    if not 0 <= person < count:
        raise NoPersonError(f"There is no person {{person}} in this photo; {count} were found.", person=person)


def check_mask(mask: NDArray[np.bool_] | None, size: tuple[int, int]) -> None:
    """Refuse a mask (H, W) that is empty, or not of the photo's size (width, height) px; None is none.

    Raises:
        PromptError: the mask cannot be used.
    """
    width, height = size
    if mask is not None and (mask.shape != (height, width) or not mask.any()):
        raise PromptError("The mask must have the photo's size and must not be empty.")


def check_intrinsics(intrinsics: NDArray[np.float64]) -> None:
    """Refuse what is no camera (3, 3).

    Raises:
        UsageError: it has another shape, is not finite, or a focal length is not above zero.
    """
    if intrinsics.shape != (3, 3) or not np.isfinite(intrinsics).all() or min(intrinsics[0, 0], intrinsics[1, 1]) <= 0:
        raise UsageError("Intrinsics are a (3, 3) matrix with focal lengths above zero.")


def checked_boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    """Boxes of people as an array (N, 4), x0 y0 x1 y1 px.

    Raises:
        UsageError: one is not finite, or empty.
    """
    array = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not np.isfinite(array).all() or (array[:, 2:] <= array[:, :2]).any():
        raise UsageError("A person's box is x0, y0, x1, y1 in pixels, with x0 < x1 and y0 < y1.")
    return array
