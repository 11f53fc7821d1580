"""Masks: which pixels of the photo show a person.

A mask is a PNG of the photo's size, white on the person, in the user's own folder; the rig's property ``MASK`` names
it. Its name identifies its content, so that undoing and other .blend files find what they knew. The .blend carries it
too, as the picture that is laid over the photo, and the file is written again from there where it is missing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PromptError, Sam3dbError
from native_runtime.files.atomic import write_atomically

from .. import places
from ..scene.camera import camera_of
from ..scene.lookup import require_own
from ..scene.photo import OVERLAY
from ..scene.provenance import character_id, read_origin
from ..scene.viewpoints import has_views

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: The custom property of a rig that names the file of its person's mask; empty: none.
MASK = "sam3db_mask"

_FOLDER = "masks"
_TINT = (60, 220, 90)  # RGB
_ALPHA = 0.45


# --- the mask of a person --------------------------------------------------------------------------------------------


def set_mask(rig: bpy.types.Object, mask: Mask) -> Path:
    """Gives a person a mask (H, W) of the photo's size, and shows it over the photo; returns its file.

    Raises:
        PromptError: it marks nothing, or has another size.
        Sam3dbError: the file cannot be written, or the character cannot be changed.
    """
    require_own(rig)
    if has_views(rig):
        raise Sam3dbError(
            "A person of several photos of one moment has no masks: the photos are fitted as the networks see them."
        )
    width, height = size_of(rig)
    if mask.shape != (height, width):
        raise PromptError(
            f"The mask has {mask.shape[1]} x {mask.shape[0]} pixels, but the photo has {width} x {height}."
        )
    if not mask.any():
        raise PromptError("The mask is empty: draw around the person, within the photo's frame.")
    path = _write(rig, mask)
    shown = overlay_shown(rig) or overlay_of(rig) is None
    _remove_overlay(rig)
    _add_overlay(rig, mask, shown)
    rig[MASK] = str(path)
    return path


def clear_mask(rig: bpy.types.Object) -> None:
    """Takes a person's mask away. Its file stays, for those who undo."""
    require_own(rig)
    _remove_overlay(rig)
    rig[MASK] = ""


def has_mask(rig: bpy.types.Object) -> bool:
    """Whether a person has a mask."""
    return bool(rig.get(MASK, ""))


def mask_file(rig: bpy.types.Object) -> Path | None:
    """The file of a person's mask, written again where it is missing; None where the person has none.

    Raises:
        Sam3dbError: the file is gone, and the .blend does not carry the mask either.
    """
    import cv2

    if not has_mask(rig):
        return None
    path = Path(bpy.path.abspath(str(rig[MASK])))
    if path.is_file():
        return path
    overlay = overlay_of(rig)
    packed = None if overlay is None else overlay.image.packed_file
    if packed is None:
        raise Sam3dbError(f"The mask {path} of '{rig.name}' is gone: clear the mask, or make another one.")
    picture = cv2.imdecode(np.frombuffer(bytes(packed.data), np.uint8), cv2.IMREAD_UNCHANGED)
    return _write(rig, np.asarray(picture[..., 3] > 0))


def read_own_mask(rig: bpy.types.Object) -> Mask:
    """A person's mask (H, W); nothing is marked where there is none.

    Raises:
        Sam3dbError: its file is gone or damaged.
    """
    from native_runtime.image.reading import read_mask

    width, height = size_of(rig)
    path = mask_file(rig)
    return np.zeros((height, width), np.bool_) if path is None else read_mask(path, (width, height))


def fitted(path: Path, size: tuple[int, int]) -> Mask:
    """A mask (H, W) out of a picture of the photo that may have other pixels than the original.

    Args:
        size: width, height of the original photo.

    Raises:
        PhotoError: the picture cannot be read.
    """
    import cv2

    from native_runtime.image.reading import read_photo

    grey = read_photo(path).pixels[..., 0]
    width, height = size
    if grey.shape != (height, width):
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grey >= 128)


def size_of(rig: bpy.types.Object) -> tuple[int, int]:
    """Width and height of a character's original photo, px."""
    width, height = (int(n) for n in read_origin(rig).arrays["image_size"])
    return width, height


def _write(rig: bpy.types.Object, mask: Mask) -> Path:
    import cv2

    done, data = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    assert done
    content = hashlib.sha256(data.tobytes()).hexdigest()
    path = places.user_folder(_FOLDER) / f"{character_id(rig)}-{content[:12]}.png"
    try:
        write_atomically(path, data.tobytes())
    except OSError as error:
        raise Sam3dbError(f"The mask cannot be written to {path} ({error.strerror or error}).") from error
    return path


# --- over the photo --------------------------------------------------------------------------------------------------


def overlay_of(rig: bpy.types.Object) -> Any:
    """The background entry of the photo's camera that shows a person's mask; None where there is none."""
    character = character_id(rig)
    entries = camera_of(rig).data.background_images
    return next((entry for entry in entries if entry.image is not None and entry.image.get(OVERLAY) == character), None)


def overlay_shown(rig: bpy.types.Object) -> bool:
    """Whether a person's mask is to be seen over the photo."""
    overlay = overlay_of(rig)
    return overlay is not None and bool(overlay.show_background_image)


def show_overlay(rig: bpy.types.Object, visible: bool) -> None:
    """Shows or hides a person's mask over the photo."""
    overlay = overlay_of(rig)
    if overlay is not None:
        overlay.show_background_image = visible


def _add_overlay(rig: bpy.types.Object, mask: Mask, visible: bool) -> None:
    import cv2

    picture = np.zeros((*mask.shape, 4), np.uint8)
    picture[mask] = (*_TINT[::-1], 255)
    done, encoded = cv2.imencode(".png", picture)
    assert done
    data: Any = encoded.tobytes()
    height, width = mask.shape
    image = bpy.data.images.new(f"{rig.name.removesuffix(' Rig')} Mask", width, height, alpha=True)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image[OVERLAY] = character_id(rig)
    entry = camera_of(rig).data.background_images.new()
    entry.image = image
    entry.frame_method = "FIT"
    entry.display_depth = "BACK"
    entry.alpha = _ALPHA
    entry.show_background_image = visible


def _remove_overlay(rig: bpy.types.Object) -> None:
    overlay = overlay_of(rig)
    if overlay is not None:
        image = overlay.image
        camera_of(rig).data.background_images.remove(overlay)
        bpy.data.images.remove(image)
