"""A person's mask on the photo: the networks' small picture of a crop, mapped back to its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.image.reading import Photo

#: From here on a pixel belongs to the person.
SURE = 0.5


def mask_on_photo(person: PersonLandmarks, photo: Photo) -> NDArray[np.bool_]:
    """(H, W): which pixels of the original photo show a person.

    The networks' mask is far coarser than a photo: between its pixels it is interpolated, so that the outline is
    smooth; nothing finer than a crop's 256th part is in it.

    Args:
        person: found in ``photo.pixels``.
    """
    width, height = photo.original_size
    # a pixel's centre is a whole number in original pixels, working pixels and those of the mask
    scale = np.array(photo.scale)
    to_working = np.column_stack([np.diag(scale), 0.5 * scale - 0.5])
    to_mask = person.mask_from_photo[:, :2] @ to_working
    to_mask[:, 2] += person.mask_from_photo[:, 2]
    flags: Any = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    values = cv2.warpAffine(
        np.asarray(person.mask, np.float32), to_mask, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(values >= SURE)
