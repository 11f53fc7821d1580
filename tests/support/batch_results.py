"""What the results of a batch hold, as values that compare; times and ids of single runs aside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from native_runtime.batch.manifest import read_records

_OF_RUNS = {"seconds", "changed", "mtime_ns", "sha256", "size"}
"""Keys whose values differ from run to run: files hold times."""


def results_of(out: Path) -> dict[str, Any]:
    """Every visible file below an output folder, and the records of the manifest with how often each is listed.

    Needs bpy for .blend files; opens them, so that Blender's current file is lost.
    """
    content: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(out).parts):
            content[name] = _READERS.get(path.suffix, _digest_of)(path)
    return content


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(entry) for key, entry in value.items() if key not in _OF_RUNS}
    return [_without_times(entry) for entry in value] if isinstance(value, list) else value


def _read_json(path: Path) -> Any:
    return _without_times(json.loads(path.read_text()))


def _read_npz(path: Path) -> dict[str, str]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: _digest(archive[name]) for name in archive.files if name != "about"}


def _read_manifest(path: Path) -> list[Any]:
    photos = [json.loads(line).get("photo") for line in path.read_text().splitlines()[1:]]
    assert photos == list(dict.fromkeys(photos)), "a photo is listed twice"
    records = read_records([path])
    return [_without_times(records[photo].to_json()) for photo in photos]


def _read_blend(path: Path) -> dict[str, Any]:
    """Objects and where they are, meshes, shapes, poses, pictures, and the record that each character carries."""
    import bpy

    from sam3db_blender.scene.provenance import is_character, read_origin

    bpy.ops.wm.open_mainfile(filepath=str(path))
    content: dict[str, Any] = {
        "objects": {
            obj.name: (obj.type, _digest(np.round(obj.matrix_world, 5)), obj.parent.name if obj.parent else None)
            for obj in bpy.data.objects
        },
        "images": {
            image.name: hashlib.sha256(image.packed_file.data).hexdigest()
            for image in bpy.data.images
            if image.packed_file
        },
        "resolution": [bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y],
    }
    for mesh in bpy.data.meshes:
        points = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", points)
        shapes = mesh.shape_keys.key_blocks if mesh.shape_keys else []
        content[f"mesh {mesh.name}"] = _digest(points), [(key.name, round(key.value, 5)) for key in shapes]
    for obj in bpy.data.objects:
        if obj.type == "ARMATURE":
            matrices = np.array([np.array(bone.matrix) for bone in obj.pose.bones])
            content[f"pose {obj.name}"] = _digest(np.round(matrices, 4))
            if not is_character(obj):  # its controls
                continue
            origin = read_origin(obj)
            content[f"origin {obj.name}"] = _without_times(origin.details)
            content[f"numbers {obj.name}"] = {name: _digest(array) for name, array in origin.arrays.items()}
    return content


def _digest(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


_READERS: dict[str, Callable[[Path], Any]] = {
    ".blend": _read_blend,
    ".json": _read_json,
    ".jsonl": _read_manifest,
    ".npz": _read_npz,
}
