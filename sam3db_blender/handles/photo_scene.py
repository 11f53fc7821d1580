"""The people of a photo in a scene, with handles on the photo: what every import makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..scene import edits
from ..scene.character import PhotoScene, build_people
from .handles import by_keypoint
from .making import ensure_handles
from .pins import note_judgement, prompts_of, say
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
    prompted: bool = True,
) -> PhotoScene:
    """Adds the characters of one photo to a scene (``scene.character.build_people``), and handles on the photo.

    Args:
        handles: lay them where the photo is at hand, those of the first person being visible.
        controls: give the characters control rigs.
        prompted: have the handles say what was said with the estimates' prompts, so that later answers hear of it, too.
    """
    built = build_people(scene, estimates, photo, body, light, name, controls)
    if handles and built.image is not None:
        for character, estimate in zip(built.characters, estimates):
            ensure_handles(character.rig)
            if prompted and estimate.prompts.keypoints:
                _say_prompts(character.rig, estimate, body)
        show_only(built.characters[0].rig)
    return built


def _say_prompts(rig: bpy.types.Object, estimate: Estimate, body: Body) -> None:
    """Makes handles say what an estimate was made with. It counts as heard: what is edited from now on is newer."""
    handles = by_keypoint(rig)
    say(handles, estimate.prompts.keypoints)
    note_judgement(handles, estimate.details)
    edits.remember(rig, body, replace(edits.recall(rig, body), said=tuple(prompts_of(handles))))
