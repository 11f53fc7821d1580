"""The poses that come with the extension as Pose Assets for the controls of a character.

An asset holds all controls but the root, those of FK and those of IK. Blender's own pose library applies, blends and
flips it. Angles fit every character; where IK hands and feet are is right for the lengths of the character that it was
made for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from native_runtime.characters.controls.pose import control_channels
from native_runtime.characters.preset_library import UPWARDS, Preset, library, with_pose
from native_runtime.errors import Sam3dbError

from ..rig.control_pose import controls_of, switches_of, write_channels
from ..rig.pose import read_settings
from .asset_catalogue import CATALOGUE
from .baking import is_posed, key_bones

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from native_runtime.mhr import Body

#: The custom property of an action that is such a pose: the preset's key.
POSE = "sam3db_pose"
_FOR = "sam3db_pose_of"


def make_pose_assets(
    rig: bpy.types.Object, body: Body, floor: float | None = None, up: ArrayLike = UPWARDS
) -> list[bpy.types.Action]:
    """Makes a Pose Asset of each preset, for a character where it stands and with its lengths. Those that the file has
    already for it are kept as they are, with what an artist changed in them.

    Args:
        floor, up: as for ``preset_library.with_pose``.

    Returns:
        The new ones.

    Raises:
        Sam3dbError: the character has no controls of its own.
    """
    controls = controls_of(rig)
    if controls is None:
        raise Sam3dbError(f"'{rig.name}' has no controls: add them first.")
    settings, switches = read_settings(rig, body), switches_of(controls, body)
    present = {action.get(POSE) for action in bpy.data.actions if action.get(_FOR) == controls.name}
    made = []
    with _stand_in(controls) as posed:
        for preset in library("poses"):
            if preset.key in present:
                continue
            goal = with_pose(body, settings, preset, floor=floor, up=up)
            write_channels(posed, control_channels(body, goal.joint_parameters(body), switches))
            action = bpy.data.actions.new(f"{preset.name} ({rig.name.removesuffix(' Rig')})")
            posed.animation_data_create().action = action
            names = [b.name for b in posed.pose.bones if is_posed(b) and b.name != "root"]
            key_bones(posed, names, 1)
            action[POSE], action[_FOR] = preset.key, controls.name
            _file(action, preset)
            made.append(action)
    return made


@contextmanager
def _stand_in(controls: bpy.types.Object) -> Iterator[Any]:
    """A copy of a control rig in no scene and without animation: posing and keying it changes nothing that stands."""
    copy: Any = controls.copy()
    try:
        animation = copy.animation_data
        if animation is not None:
            for track in list(animation.nla_tracks):
                animation.nla_tracks.remove(track)
            animation.action = None
        yield copy
    finally:
        bpy.data.objects.remove(copy)


def _file(action: bpy.types.Action, preset: Preset) -> None:
    """Marks an action as an asset, and says what it is."""
    action.asset_mark()
    entry: Any = action.asset_data
    entry.catalog_id, entry.description = CATALOGUE, preset.description
    picture = bpy.data.images.load(str(preset.picture))
    try:
        width, height = picture.size
        preview: Any = action.preview_ensure()
        preview.image_size = (width, height)
        pixels = np.empty(width * height * 4, np.float32)
        picture.pixels.foreach_get(pixels)
        preview.image_pixels_float.foreach_set(pixels)
    finally:
        bpy.data.images.remove(picture)
