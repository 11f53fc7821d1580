"""Somebody in the photo who was not found: the artist draws around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from ..properties.import_options import OPTION_NAMES
from .draw_mask import Lasso

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class SAM3DB_OT_draw_person(Lasso, bpy.types.Operator):
    """Draw around somebody in the photo who was not found, with the left mouse button held; they become a character"""

    bl_idname = "sam3db.draw_person"
    bl_label = "Draw Around a Person"

    hint = "Draw around the person who was not found  |  Esc: cancel"

    def run(self, context: bpy.types.Context) -> None:
        make_of_outline(context, self.rig(context), self.drawn(self.rig(context)))


def make_of_outline(context: bpy.types.Context, rig: bpy.types.Object, outline: ArrayLike) -> None:
    """Starts the import of whoever is within an outline ((N, 2) px) on the photo of a character, with its lens and the
    panel's other options.

    Raises:
        Sam3dbError: the photo is gone, or the outline reaches behind its camera.
    """
    import numpy as np

    from native_runtime.camera import resize_intrinsics

    from ..scene.provenance import read_origin
    from ..scene.source import photo_of

    line = np.asarray(outline, dtype=np.float64)
    if not np.isfinite(line).all():
        raise Sam3dbError("Draw on the photo, in front of its camera.")
    arrays = read_origin(rig).arrays
    width, height = (int(side) for side in arrays["image_size"])
    source = photo_of(rig, (width, height))
    corners = source.pixels([line.min(axis=0), line.max(axis=0)]).ravel()
    state = context.window_manager.sam3db
    options = {name: getattr(state, name) for name in OPTION_NAMES if getattr(state, name) != ""}
    focal = float(resize_intrinsics(arrays["intrinsics"], *source.scale)[1, 1])
    options |= {"lens": "focal", "focal": focal, "turn": "0"}
    box = ",".join(f"{value:.1f}" for value in corners)
    try:
        bpy.ops.sam3db.import_character("EXEC_DEFAULT", filepath=str(source.path), box=box, **options)
    except RuntimeError as error:  # what it has reported, without a window
        raise Sam3dbError(str(error).removeprefix("Error: ").strip()) from error


CLASSES = (SAM3DB_OT_draw_person,)
