"""From a character in the scene to its parts and to the body that it was made from."""

from __future__ import annotations

import contextlib
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.sliders import Slider, identity_sliders
from native_runtime.errors import ModelError, Sam3dbError
from native_runtime.mhr import Body
from native_runtime.models.store import BODIES_FOLDER, load_body

from ..files import bodies
from ..rig.mesh import BODY_PROPERTY
from .provenance import read_origin

if TYPE_CHECKING:
    import bpy

#: Bodies kept in memory: the one that is worked with and one more, for switching levels of detail and copying.
_KEPT = 2
#: How the keys of sliders begin that belong to ages alone.
_AGES = "Age: "
#: The official bodies' finest level of detail.
_SLOW = "mhr-lod0"
_LEVEL = re.compile(r"lod(\d+)$")


def body_mesh(rig: bpy.types.Object) -> bpy.types.Object:
    """The character's own mesh (not its clothes): a child of the rig, or a mesh whose Armature modifier names it.

    Raises:
        Sam3dbError: it was deleted.
    """
    for child in rig.children:
        if is_body(child):
            return child
    for scene in rig.users_scene:
        for obj in scene.objects:
            if is_body(obj) and obj.find_armature() == rig:
                return obj
    raise Sam3dbError(f"'{rig.name}' no longer has a body mesh.")


def is_body(obj: bpy.types.Object) -> bool:
    """Whether an object is the mesh of a body, or a part of one that was separated."""
    return obj.type == "MESH" and obj.get(BODY_PROPERTY) is not None


def body_of(rig: bpy.types.Object, exact: bool = False) -> Body:
    """The body that a character was made of, from the models folder.

    Args:
        exact: the very same body; otherwise a later build of it will do, as long as its numbers mean the same.

    Raises:
        ModelError: it is not installed, or is another build although ``exact``.
    """
    details = read_origin(rig).details
    body = fitting(rig, installed_body(details["body_name"]))
    if exact and body.hash != details["body_hash"]:
        raise ModelError(
            f"'{rig.name}' was made of another build of the body '{body.name}' than the one installed; "
            "switch its level of detail to rebuild the mesh."
        )
    return body


def fitting(rig: bpy.types.Object, body: Body) -> Body:
    """A body as a character knows it: those made before bodies knew ages have no sliders for them, and keep to the body
    without."""
    if body.ageless.all() or any(rig.get(slider.key) is not None for slider in _of_ages(body)):
        return body
    return _without_ages(body)


@lru_cache(maxsize=_KEPT)
def _of_ages(body: Body) -> tuple[Slider, ...]:
    """The sliders that belong to ages alone."""
    return tuple(slider for slider in identity_sliders(body) if not body.ageless[slider.index])


@lru_cache(maxsize=_KEPT)
def _without_ages(body: Body) -> Body:
    return body.without_ages()


def knows_ages(rig: bpy.types.Object) -> bool:
    """Whether a character has sliders of ages; it needs no body."""
    return any(key.startswith(_AGES) for key in tuple(rig.keys()))


def installed_body(name: str) -> Body:
    """A body of the models folder by name.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        return _load(*_version(name))
    except ModelError as error:
        raise ModelError(f"The body '{name}' is not installed: {error}", error.remedy) from error


def read_ahead(name: str) -> threading.Thread:
    """Begins to read an installed body, and what a rig needs to know of it, aside, so that it is at hand soon.

    Where it cannot be read, ``installed_body`` will say so.
    """
    thread = threading.Thread(target=_read_ahead, args=_version(name), name="read a body", daemon=True)
    thread.start()
    return thread


def _read_ahead(name: str, folder: Path, changed: int) -> None:
    from native_runtime.characters import edit_groups

    with contextlib.suppress(Sam3dbError):
        body = _load(name, folder, changed)
        RigMap.of(body)
        edit_groups.read_ahead(body)


def _version(name: str) -> tuple[str, Path, int]:
    """Which file a body's name means now."""
    folder = bodies.folder_with(name)
    path = folder / BODIES_FOLDER / f"{name}.npz"
    return name, folder, path.stat().st_mtime_ns if path.is_file() else 0


def levels_of(name: str) -> list[str]:
    """The names of the installed bodies that differ from the named one in their level of detail alone."""
    return [other for other in bodies.installed() if _family(other) == _family(name)]


def measured_level(name: str) -> str:
    """The name of the body that characters of a body are measured on: the finest installed level of detail.

    The official bodies' finest is left out: it is slow, and no measure needs it.
    """
    quick = [other for other in levels_of(name) if other != _SLOW]
    return min(quick or [name], key=_level)


def _level(name: str) -> int:
    found = _LEVEL.search(name)
    return 0 if found is None else int(found[1])


def _family(name: str) -> str:
    return re.sub(r"-?lod\d+$", "", name)


@lru_cache(maxsize=_KEPT)
def _load(name: str, folder: Path, changed: int) -> Body:
    """Verifies and reads a body file once for each version of it: both take a while for the fine ones."""
    return load_body(name, folder)
