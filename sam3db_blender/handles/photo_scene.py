"""The people of a photo in a scene, with handles on the photo: what every import makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..scene.character import PhotoScene, build_people
from .making import ensure_handles
from .showing import show_only

if TYPE_CHECKING:
    import bpy

    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body


def build_photo_scene(
    scene: bpy.types.Scene,
    estimates: Sequence[Estimate],
    photo: Photo | None,
    body: Body,
    light: bool = True,
    name: str = "",
    handles: bool = True,
    controls: bool = False,
) -> PhotoScene:
    """Adds the characters of one photo to a scene (``scene.character.build_people``), and handles on the photo.

    Args:
        handles: lay them where the photo is at hand, those of the first person being visible.
        controls: give the characters control rigs.
    """
    built = build_people(scene, estimates, photo, body, light, name, controls)
    if handles and built.image is not None:
        for character in built.characters:
            ensure_handles(character.rig)
        show_only(built.characters[0].rig)
    return built
