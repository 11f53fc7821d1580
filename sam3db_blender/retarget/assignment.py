"""Which bone of an armature corresponds to which joint of MHR: a list to correct, kept with the armature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import bpy

from native_runtime.errors import Sam3dbError, UsageError
from native_runtime.retarget.guess import assigned_by, fits, guess
from native_runtime.retarget.maps import RetargetMap, available_maps, load_map, save_map
from native_runtime.retarget.own import map_of
from native_runtime.retarget.roles import ASKED, EXPECTED, title_of

from .. import places
from .armature import skeleton_of

#: The choice to guess instead of naming a map.
GUESS = "guess"
_FOLDER = "retarget"


def own_maps_folder() -> Path:
    """Where the user's own maps lie."""
    return places.user_folder(_FOLDER)


def map_titles() -> dict[str, str]:
    """The names of all maps and what people read."""
    folder = own_maps_folder()
    return {name: _title(name, (folder / f"{name}.json").is_file()) for name in available_maps([folder])}


def map_source(name: str) -> str:
    """The file of a map of the user's own, for processes that do not know their folder; the name of one of ours."""
    path = own_maps_folder() / f"{name}.json"
    return str(path) if path.is_file() else name


def assignment_for(armature: bpy.types.Object, name: str = GUESS) -> tuple[dict[str, str], str]:
    """MHR joint -> bone by a map (its name or file) or by a guess, and in words how it was found.

    Raises:
        UsageError: there is no such map, or it fits none of the bones.
    """
    target = skeleton_of(armature)
    folders = [own_maps_folder()]
    if name == GUESS:
        found = guess(target, _readable_maps(folders))
        return dict(found.assigned), found.how
    retarget = load_map(name, folders)
    assigned = assigned_by(retarget, target.names)
    if not assigned:
        raise UsageError(
            f"No bone of '{armature.name}' matches the map '{retarget.title}'; choose another map, or "
            "let the bones be guessed."
        )
    whole = "fits" if fits(retarget, assigned) else "fits in part"
    return assigned, f"The map '{retarget.title}' {whole}"


def write_assignment(armature: bpy.types.Object, assigned: Mapping[str, str], how: str) -> None:
    """Puts an assignment into the armature's list: a row for each bone that a body may have, and for what is more."""
    rows = armature.sam3db_retarget
    rows.bones.clear()
    for joint in (*ASKED, *(joint for joint in assigned if joint not in ASKED)):
        row = rows.bones.add()
        row.name, row.joint, row.bone = title_of(joint), joint, assigned.get(joint, "")
    rows.how = how
    rows.active = 0


def read_assignment(armature: bpy.types.Object) -> dict[str, str]:
    """MHR joint -> bone, as the armature's list says; empty where it has none."""
    return {row.joint: row.bone for row in armature.sam3db_retarget.bones if row.bone}


def missing_bones(armature: bpy.types.Object) -> list[str]:
    """The titles of the rows without which a pose is not whole, and that no bone of the armature fills."""
    bones = armature.data.bones
    return [row.name for row in armature.sam3db_retarget.bones if row.joint in EXPECTED and row.bone not in bones]


def save_assignment(armature: bpy.types.Object, path: Path) -> None:
    """Writes the armature's list as a map.

    Raises:
        UsageError: it is empty or names bones that are not there, or the file cannot be written.
    """
    save_map(map_of(skeleton_of(armature), read_assignment(armature), path.stem), path)
    _title.cache_clear()


def _readable_maps(folders: list[Path]) -> list[RetargetMap]:
    """All maps; a damaged one of the user's own does not keep the others from being tried."""
    found = []
    for name in available_maps(folders):
        try:
            found.append(load_map(name, folders))
        except Sam3dbError:
            continue
    return found


@lru_cache(maxsize=64)
def _title(name: str, own: bool) -> str:
    """Panels ask at each redraw, so files are read once."""
    try:
        return load_map(name, [own_maps_folder()] if own else []).title
    except Sam3dbError:
        return f"{name} (damaged)"
