"""From a character in the scene to a file for another program; the scene stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import bpy

from native_runtime.characters.exports.character import ExportCharacter, export_character_arrays
from native_runtime.characters.exports.correcting import NAME as POSE_CORRECTIVE
from native_runtime.characters.exports.glb import without_at_rest
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.characters.exports.vrm import add_vrm
from native_runtime.retarget.checks import sound_map
from native_runtime.retarget.maps import RetargetMap

from ..scene.provenance import record_of
from .formats import require
from .notes import notes_of
from .taking import Taken, take_character
from .unkeyed import unkeyed_kept
from .workshop import nothing_stays
from .writing import write_character


def export_character(
    rig: bpy.types.Object, path: str | Path, options: ExportOptions, folders: Iterable[str | Path] = ()
) -> list[str]:
    """Writes a character to a file for another program.

    What leaves is the person's own body: bones at the proportions and skin at the shape that the sliders say, in the
    rest pose and under the names that the options ask for, with all other meshes that the rig deforms or carries. The
    copy that is written is compared with what Blender shows, and the file is read again before it appears. The scene
    is the same afterwards, whatever happens.

    Args:
        rig: a character's armature; may be linked from another file.
        path: the file; its folder must exist.
        folders: where retarget maps are looked for besides ours.

    Returns:
        What the artist should know: what is left out or differs from what Blender shows among it.

    Raises:
        UsageError: the file's name or the retarget map does not fit.
        Sam3dbError: the exporter is not there or fails, the file cannot be written or does not hold what it should, or
            the character is none any more.
        NewerFormatError: a newer version of the program made the character.
    """
    record_of(rig)  # a newer version may mean something else by what the rig carries
    target = Path(path).absolute()
    options.check_path(target)
    kind = require(options.to)
    retarget = sound_map(options.names, folders)
    finish: Callable[[Path], None] | None = None
    if options.to == "glb":
        finish = partial(without_at_rest, prefix=POSE_CORRECTIVE)
    if options.is_vrm:
        finish = partial(add_vrm, name=target.stem, author=options.author, human_bones=tuple(retarget.by_name))
    with unkeyed_kept(), ExitStack() as lending, nothing_stays():
        taken = take_character(rig, options, kind.has_mesh)
        character = _arrays(taken, retarget, options)
        off = write_character(rig, taken, character, kind, target, options, finish, lending)
        return [*taken.notes, *notes_of(taken, character, options, retarget, off)]


def _arrays(taken: Taken, retarget: RetargetMap, options: ExportOptions) -> ExportCharacter:
    skins = [piece.skin for piece in taken.pieces]
    return export_character_arrays(taken.joints, skins, taken.world, taken.scale, retarget, options, taken.poses)
