"""The characters of saved .blend files, with what artists said about them: for `sam3db dataset export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

from native_runtime.corrections.folder import SavedCharacter
from native_runtime.corrections.person import CorrectedPerson
from native_runtime.corrections.photos import CarriedPhoto
from native_runtime.errors import Sam3dbError

from ..files.blend import open_blend
from ..handles.pins import prompts_in
from ..masks.store import has_mask, read_own_mask
from ..scene.bodies import body_of
from ..scene.edits import notice
from ..scene.provenance import is_character, read_origin
from ..scene.readback import estimate_of
from ..scene.source import image_of
from ..scene.viewpoints import has_views
from ..takes.record import read_record


def read_corrections(blend: Path, tell: Callable[[str], None]) -> list[SavedCharacter]:
    """See ``native_runtime.corrections.folder.CharacterReader``. Blender's current file is replaced."""
    changed = blend.stat().st_mtime_ns
    open_blend(blend)
    saved = []
    for scene, rig in _characters():
        bpy.context.window.scene = scene  # type: ignore[union-attr]
        try:
            saved.append(_saved(rig, changed))
        except Sam3dbError as error:
            tell(f"{blend}, '{rig.name}': {error}")
    return saved


def _characters() -> Iterator[tuple[bpy.types.Scene, bpy.types.Object]]:
    """All characters, each once, with a scene that it is in."""
    known: set[str] = set()
    for scene in bpy.data.scenes:
        for obj in sorted((obj for obj in scene.objects if is_character(obj)), key=lambda obj: obj.name):
            if obj.name not in known:
                known.add(obj.name)
                yield scene, obj


def _saved(rig: bpy.types.Object, changed: int) -> SavedCharacter:
    """A character as it is in the current scene.

    Raises:
        Sam3dbError: it cannot become a row.
    """
    if read_record(rig) is not None:
        raise Sam3dbError("it is of a video, whose frames have poses of their own; it is left out.")
    if has_views(rig):
        raise Sam3dbError("it is of several photos at one moment; it is left out.")
    body = body_of(rig)
    estimate = estimate_of(rig, body)
    said = prompts_in(rig) or read_origin(rig).estimate(body).prompts.keypoints
    mask = read_own_mask(rig) if has_mask(rig) else None
    person = CorrectedPerson(estimate, tuple(said), mask, bool(notice(rig, body).mine), changed)
    return SavedCharacter(person, _photo(rig))


def _photo(rig: bpy.types.Object) -> CarriedPhoto | None:
    try:
        packed = image_of(rig).packed_file
    except Sam3dbError:
        return None
    return None if packed is None else CarriedPhoto(bytes(packed.data))
