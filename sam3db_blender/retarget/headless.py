"""An armature in a file, posed without a window: what the command line calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from native_runtime.errors import UsageError
from native_runtime.retarget.solve import missing

from ..files.blend import open_blend, save_blend
from ..scene.provenance import is_character
from .armature import PosingOptions, pose_armature
from .assignment import GUESS, assignment_for
from .ik_controls import control_rig
from .person import Person


def pose_in_file(
    blend: Path, name: str | None, person: Person, bones_by: str, options: PosingOptions, out: Path
) -> dict[str, Any]:
    """Poses an armature of a .blend file and writes the posed file; Blender's current file is replaced.

    Args:
        name: of the armature object; None for the only one that is no character of this extension.
        bones_by: the name or file of a map, or ``assignment.GUESS``.
        out: the file to write, which may be the same.

    Returns:
        ``blend``, ``object``, ``how`` (the bones were found), ``bones`` (MHR joint -> bone), ``missing`` (what a whole
        body has and the armature lacks), ``notes``.

    Raises:
        UsageError: there is no such armature or map, or the bones cannot be identified.
        Sam3dbError: the file cannot be read or written.
    """
    open_blend(blend)
    armature = _armature(name, blend)
    assigned, how = assignment_for(armature, bones_by)
    if options.controls == "ik":
        assigned = {**assigned, **control_rig(armature).assigned}
    if "root" not in assigned:
        kind = "could not be identified; give a map with --map" if bones_by == GUESS else "have no hips in this map"
        raise UsageError(f"The bones of '{armature.name}' {kind}.")
    notes = pose_armature(armature, person, assigned, options)
    target = out.absolute()
    save_blend(target)
    return {
        "blend": str(target),
        "object": armature.name,
        "how": how,
        "bones": assigned,
        "missing": missing(assigned),
        "notes": notes,
    }


def _armature(name: str | None, blend: Path) -> bpy.types.Object:
    scene = bpy.context.scene
    armatures = [obj for obj in scene.objects if obj.type == "ARMATURE"]
    if name is not None:
        found = [obj for obj in armatures if obj.name == name]
    else:
        found = [obj for obj in armatures if not is_character(obj)]
    if len(found) == 1 and not is_character(found[0]):
        return found[0]
    own = found or armatures
    if len(own) == 1 and is_character(own[0]) and name in (None, own[0].name):
        raise UsageError(
            f"'{own[0].name}' of {blend.name} is a character of this extension; this command poses other "
            "armatures. Make a new character from the photo instead (`sam3db character`)."
        )
    there = ", ".join(f"'{obj.name}'" for obj in armatures) or "none"
    if name is not None:
        raise UsageError(f"{blend.name} has no armature '{name}' in its scene; it has: {there}.")
    raise UsageError(f"Which armature is meant? Name one with --object; {blend.name} has: {there}.")
