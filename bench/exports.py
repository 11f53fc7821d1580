"""Round trips of all exports: how far joints and skin lie from what they should be when a file is read again.

    python -m bench.exports ESTIMATE.npz [--body NAME] [--formats fbx,glb] [--targets mixamo,unreal]

A table in Markdown: for each target and format the seconds of an export; the largest distance of a joint and of a
vertex between the file, as Blender's own importer reads it, and what was to be written; and, where the pose is in the
file, how far the skin lies from the character's own because of rest pose, folded bones and left out influences.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import bpy
import numpy as np
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from native_runtime.characters.exports.character import ExportCharacter
from native_runtime.characters.exports.options import SUFFIXES, ExportOptions
from native_runtime.characters.exports.skinning import blend, spread
from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from native_runtime.retarget.maps import available_maps
from sam3db_blender.exports import export
from sam3db_blender.exports.export import export_character
from sam3db_blender.scene.character import build_character
from sam3db_blender.scene.materials import body_materials
from tests.support.reimport import import_again

Array = NDArray[np.float64]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("estimate", metavar="ESTIMATE.npz")
    parser.add_argument("--body", default="default")
    parser.add_argument("--formats", default=",".join(SUFFIXES))
    parser.add_argument("--targets", default=",".join(available_maps()))
    arguments = parser.parse_args()
    estimate = Estimate.load(arguments.estimate)
    body = Body.load(body_path(arguments.body))
    rows = ["| target | format | s | joints, mm | skin, mm | off the character's skin, mean / largest, mm |"]
    rows.append("| --- | --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for target in arguments.targets.split(","):
            for to in arguments.formats.split(","):
                options = replace(ExportOptions.for_target(target), to=to)
                rows.append(_row(estimate, body, options, Path(folder)))
    print("\n".join(rows))


def _row(estimate: Estimate, body: Body, options: ExportOptions, folder: Path) -> str:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    character = build_character("person", estimate, body, body_materials(body), bpy.context.scene.collection)
    character.rig.location = (1.0, 2.0, 0.5)
    bpy.context.view_layer.update()
    path = folder / f"{options.names}{options.suffix}"
    kept: list[ExportCharacter] = []
    with mock.patch.object(export, "export_character_arrays", lambda *given: kept.append(_arrays(*given)) or kept[-1]):
        start = time.perf_counter()
        export_character(character.rig, path, options)
        seconds = time.perf_counter() - start
    meant, found = kept[0], import_again(path)
    frames = meant.skeleton.pose if meant.posed else meant.skeleton.rest
    # USD knows no other letters
    names = ["".join(c if c.isalnum() else "_" for c in n) if options.to == "usd" else n for n in meant.skeleton.names]
    joints = max(float(np.linalg.norm(found.posed[name] - frame[:3, 3])) for name, frame in zip(names, frames))
    skin = "" if found.vertices is None else f"{1e3 * _distance(found.vertices, _skin(meant)):.3f}"
    away = meant.skins[0].deviation if meant.skins else np.zeros(1)
    off = f"{1e3 * away.mean():.2f} / {1e3 * away.max():.1f}" if meant.posed and skin else ""
    return f"| {options.names} | {options.to} | {seconds:.1f} | {1e3 * joints:.3f} | {skin} | {off} |"


_arrays = export.export_character_arrays


def _skin(meant: ExportCharacter) -> Array:
    """(V, 3) the mesh as the file should show it."""
    skin = meant.skins[0]
    values = [key.values[0] if meant.posed and len(key.values) else key.value for key in skin.keys]
    points = skin.points + sum(value * key.offsets for value, key in zip(values, skin.keys))
    table = spread(skin.bones, skin.shares, len(meant.skeleton.names))
    return blend(points, table, meant.skeleton.motion) if meant.posed else points


def _distance(found: Array, expected: Array) -> float:
    """The largest distance; importers may have vertices split at seams, which are matched by their place."""
    if len(found) == len(expected):
        return float(np.linalg.norm(found - expected, axis=1).max())
    trees = []
    for points in (found, expected):
        trees.append(KDTree(len(points)))
        for i, point in enumerate(points.tolist()):
            trees[-1].insert(point, i)
        trees[-1].balance()
    pairs = ((trees[1], found), (trees[0], expected))
    return max(tree.find(point)[2] for tree, points in pairs for point in points.tolist())


if __name__ == "__main__":
    main()
