"""How far animated characters lie, when an export is read again, from what Blender showed.

    python -m bench.animated_exports [--body NAME] [--clips walk,sit] [--targets mhr,mixamo] [--formats glb,fbx,usd]
        [--correctives N] [--each 7]

Animates a character by its controls (``bench.control_clips``), exports it, reads the file by Blender's own importer,
and compares each vertex, found again by its place at rest, at every n-th frame. A table in Markdown: the shape keys
that hold what bones cannot, the file's size, the distance of the skin on average and at most, what the export said
about it, and the processor seconds of the export.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import numpy as np
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from bench.control_animation import CLIPS
from bench.control_clips import Actor
from native_runtime.characters.exports.character import ExportCharacter
from native_runtime.characters.exports.options import ExportOptions
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from sam3db_blender.exports import export
from sam3db_blender.exports.export import export_character
from sam3db_blender.rig.arrays import evaluated_vertices, take
from tests.support.reimport import open_again

Array = NDArray[np.float64]
_arrays = export.export_character_arrays
_MESSAGE = re.compile(r"([\d.]+) mm at most")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--targets", default="mhr,mixamo,unreal")
    parser.add_argument("--formats", default="", help="default: the target's own")
    parser.add_argument("--correctives", type=int, help="the most shape keys that hold what bones cannot")
    parser.add_argument("--each", type=int, default=7, help="compare each n-th frame")
    arguments = parser.parse_args()
    given = Path(arguments.body)
    body = Body.load(given if given.is_file() else body_path(arguments.body))
    print(f"Blender {bpy.app.version_string}, {body.name}")
    print("| clip | target | format | keys | MB | skin off, mean / largest, mm | it says, mm | CPU s |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for clip in arguments.clips.split(","):
            for target in arguments.targets.split(","):
                preset = ExportOptions.for_target(target)
                if arguments.correctives is not None:
                    preset = replace(preset, correctives=arguments.correctives)
                for to in arguments.formats.split(",") if arguments.formats else [preset.to]:
                    print(_row(body, clip, replace(preset, to=to), Path(folder), arguments.each), flush=True)
    os._exit(0)  # some versions of bpy crash on leaving


def _row(body: Body, name: str, options: ExportOptions, folder: Path, each: int) -> str:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    actor = Actor(body)
    clip = CLIPS[name](actor)
    scene: Any = bpy.context.scene
    scene.frame_set(1)
    path = folder / f"{options.names}{options.suffix}"
    kept: list[ExportCharacter] = []
    options = replace(options, frames=f"1:{clip.last}")
    with (
        mock.patch.object(export, "record_of"),  # nobody in a photo is meant
        mock.patch.object(export, "export_character_arrays", lambda *given: kept.append(_arrays(*given)) or kept[-1]),
    ):
        started = time.process_time()
        notes = export_character(actor.rig, path, options)
        seconds = time.process_time() - started
    frames = range(1, clip.last + 1, each)
    shown = []
    for frame in frames:
        scene.frame_set(frame)
        shown.append(evaluated_vertices(actor.mesh, bpy.context.evaluated_depsgraph_get()))
    rate = scene.render.fps
    skin = kept[0].skins[0]
    off = _off(path, skin.points, shown, frames, rate)
    said = next((found[1] for note in notes if (found := _MESSAGE.search(note))), "nothing")
    keys = sum(key.name.startswith("Pose Corrective") for key in skin.keys)
    size = path.stat().st_size / 1e6
    return (
        f"| {name} | {options.names} | {options.to} | {keys} | {size:.1f} | {1e3 * off.mean():.2f} / "
        f"{1e3 * off.max():.2f} | {said} | {seconds:.0f} |"
    )


def _off(path: Path, rest: Array, shown: list[Array], frames: range, rate: int) -> Array:
    """(F, V) m."""
    if path.suffix == ".glb":
        _open_gltf(path, rate)
    else:
        open_again(path)
    scene: Any = bpy.context.scene
    mesh = next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.modifiers)
    first = min(action.frame_range[0] for action in bpy.data.actions)
    data: Any = mesh.data
    basis = (
        take(data.vertices, "co", 3) if data.shape_keys is None else take(data.shape_keys.reference_key.points, "co", 3)
    )
    world = np.array(mesh.matrix_world, np.float64)
    places = basis @ world[:3, :3].T + world[:3, 3]
    tree = KDTree(len(rest))
    for i, point in enumerate(rest.tolist()):
        tree.insert(point, i)
    tree.balance()
    found = [tree.find(point) for point in places.tolist()]
    assert max(hit[2] for hit in found) < 1e-3, "the mesh at rest is another"
    order = np.array([hit[1] for hit in found])
    off = []
    for frame, points in zip(frames, shown):
        at = first + frame - 1
        scene.frame_set(int(np.floor(at)), subframe=float(at % 1))
        here = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        off.append(np.linalg.norm(here - points[order], axis=1))
    return np.array(off)


def _open_gltf(path: Path, rate: int) -> None:
    """Imports a glTF file into an empty Blender file of a frame rate, by which its seconds become frames."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    scene.render.fps = rate
    bpy.ops.import_scene.gltf(filepath=str(path))


if __name__ == "__main__":
    main()
