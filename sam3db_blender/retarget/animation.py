"""The whole motion of a character on another armature, with keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import bpy

from native_runtime.errors import Sam3dbError

from ..controls.baking import posed_frames
from ..rig.followed import followed
from .armature import PosingOptions, pose_armature
from .person import person_of_character


def animated_frames(rig: bpy.types.Object) -> range:
    """The frames over which keys or strips pose a character, by its own bones or by what these follow.

    Raises:
        Sam3dbError: nothing does.
    """
    leader = followed(rig)
    parts = [frames for armature in (rig, leader) if armature is not None and (frames := posed_frames(armature))]
    if not parts:
        raise Sam3dbError(f"'{rig.name}' is not animated: choose one that is, or pose the armature on single frames.")
    return range(min(part.start for part in parts), max(part.stop for part in parts))


def follow_motion(
    armature: bpy.types.Object,
    rig: bpy.types.Object,
    assigned: Mapping[str, str],
    options: PosingOptions,
    frames: Iterable[int] | None = None,
) -> list[str]:
    """Poses an armature as a character on each of some frames, and keys it there.

    Each frame is posed on top of the one before, so that angles run on without whole turns.

    Args:
        assigned: MHR joint -> name of the bone that stands for it.
        options: ``keyframe`` does not matter.
        frames: those of ``animated_frames`` where they are not given.

    Returns:
        What the artist should know, each note once.

    Raises:
        UsageError: the bones are not assigned rightly.
        Sam3dbError: the character is not animated, or the armature cannot be posed.
    """
    wanted = list(animated_frames(rig) if frames is None else frames)
    notes: dict[str, None] = {}
    with _time_kept() as scene:
        for frame in wanted:
            scene.frame_set(frame)
            person = person_of_character(rig)
            notes |= dict.fromkeys(pose_armature(armature, person, assigned, replace(options, keyframe=float(frame))))
    return list(notes)


@contextmanager
def _time_kept() -> Iterator[bpy.types.Scene]:
    """The current scene, which is on the same frame afterwards."""
    scene = bpy.context.scene
    assert scene is not None
    before = scene.frame_current, scene.frame_subframe
    try:
        yield scene
    finally:
        scene.frame_set(before[0], subframe=before[1])
