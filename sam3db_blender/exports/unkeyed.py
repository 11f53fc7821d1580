"""Changes of keyed properties that are not keyed yet: Blender undoes them whenever a scene is shown again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from .. import compat


@contextmanager
def unkeyed_kept() -> Iterator[None]:
    """The values of all keyed properties are the same after the block, whatever scenes and frames were shown in it."""
    before = {
        (block, path, index): _value(block, path, index) for block in _animated() for path, index in _keyed_paths(block)
    }
    try:
        yield
    finally:
        bpy.context.view_layer.update()  # what Blender has put off would take back what follows
        changed = [key for key, value in before.items() if value is not None and _value(*key) != value]
        for key in changed:
            _put(*key, before[key])
        if changed:
            bpy.context.view_layer.update()


def _animated() -> Iterator[Any]:
    for kind in bpy.data.bl_rna.properties:
        if kind.type == "COLLECTION":
            for block in getattr(bpy.data, kind.identifier):
                if getattr(block, "animation_data", None) is not None and block.library is None:
                    yield block


def _keyed_paths(block: Any) -> set[tuple[str, int]]:
    strips = [strip for track in block.animation_data.nla_tracks for strip in track.strips]
    curves = [curve for _, curve in compat.animation_curves(block)]
    curves += [curve for strip in strips for curve in compat.strip_curves(strip)]
    return {(curve.data_path, curve.array_index) for curve in curves}


def _value(block: Any, path: str, index: int) -> Any:
    """A property's value; None where the path leads nowhere."""
    try:
        value = block.path_resolve(path)
    except ValueError:
        return None
    return value[index] if hasattr(value, "__len__") and not isinstance(value, str) else value


def _put(block: Any, path: str, index: int, value: Any) -> None:
    found = block.path_resolve(path)
    if hasattr(found, "__len__") and not isinstance(found, str):
        found[index] = value
    elif path.endswith("]"):  # a custom property
        owner, name = path[: path.rindex("[")], path[path.rindex("[") + 1 : -1]
        (block.path_resolve(owner) if owner else block)[json.loads(name)] = value
        block.update_tag()
    else:
        owner, _, name = path.rpartition(".")
        setattr(block.path_resolve(owner) if owner else block, name, value)
