"""What characters that nobody touches cost the rest of Blender.

    python -m bench.idle [--photo-results DIR] [--rounds 3] [--json FILE]

Another operator's work is timed in three scenes: an empty one, one with four plain skinned meshes of the same size
(the same bones, vertices and weights; no drivers, shape keys or handles), and one with four of our characters, each of
a photo of its own, with camera and handles. The work is Rigify's *Generate* on its human meta-rig, and what operators
are made of: adding and removing objects, updates, mode switches and undo steps. Times are the processor's, the best of
some rounds: other programs on the machine hardly change them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from native_runtime.characters.layout import bone_layout
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from sam3db_blender.handles.showing import show
from sam3db_blender.rig.armature import build_armature
from sam3db_blender.rig.arrays import polygon_mesh, set_vertex_groups
from sam3db_blender.scene.idle import rest_idle
from tests.support.photo_scenes import photo_scene

_CHARACTERS = 4


def empty(body: Body) -> None:
    """Nothing."""


def plain(body: Body) -> None:
    """Four skinned meshes as anybody might have them."""
    from native_runtime.camera import mhr_to_blender

    collection = bpy.context.scene.collection
    for number in range(_CHARACTERS):
        rig = build_armature(f"plain {number}", bone_layout(body), collection)
        mesh = polygon_mesh(f"plain {number}", mhr_to_blender(body.rest_vertices), body.face_sizes, body.face_vertices)
        obj = bpy.data.objects.new(mesh.name, mesh)
        collection.objects.link(obj)
        obj.parent = rig
        set_vertex_groups(obj, [str(name) for name in body.joint_names], body.skin_indices, body.skin_weights)
        modifier: Any = obj.modifiers.new("Armature", "ARMATURE")
        modifier.object = rig


def characters(body: Body) -> None:
    """Four of ours, each of a photo of its own, as an import in a window leaves them: the tool shows the handles."""
    for number in range(_CHARACTERS):
        show(photo_scene(body, name=f"photo {number}").characters[0].rig, False)


SCENES: dict[str, Callable[[Body], None]] = {"empty": empty, "plain": plain, "characters": characters}


def add_objects() -> None:
    """Adds fifty empties one by one, as a script does, and removes them."""
    made = []
    for _ in range(50):
        bpy.ops.object.empty_add()
        made.append(bpy.context.object)
    bpy.data.batch_remove(made)
    bpy.context.view_layer.update()


def update_relations() -> None:
    """Twenty rebuilds of the dependency graph."""
    obj = bpy.context.object
    for _ in range(20):
        constraint = obj.constraints.new("LIMIT_LOCATION")
        bpy.context.view_layer.update()
        obj.constraints.remove(constraint)
        bpy.context.view_layer.update()


def switch_modes() -> None:
    """Ten times into edit mode of an armature of its own and back."""
    bpy.ops.object.armature_add()
    for _ in range(10):
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.object.delete()


def push_undo() -> None:
    """Twenty undo steps."""
    for number in range(20):
        bpy.context.object.location.x = number
        bpy.ops.ed.undo_push(message="bench")


def generate() -> None:
    """Rigify's Generate on its human."""
    bpy.ops.object.armature_human_metarig_add()
    bpy.ops.pose.rigify_generate()


WORK: dict[str, Callable[[], None]] = {
    "add 50 objects": add_objects,
    "40 rebuilds of relations": update_relations,
    "20 switches of mode": switch_modes,
    "20 undo steps": push_undo,
    "Rigify's Generate": generate,
}


def measure(body: Body, scene: str, work: str) -> float:
    """Seconds of processor time that one piece of work takes in a new file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if work == "Rigify's Generate":
        bpy.ops.preferences.addon_enable(module="rigify")
    SCENES[scene](body)
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    own = bpy.data.objects.new("own", None)
    bpy.context.scene.collection.objects.link(own)
    bpy.context.view_layer.objects.active = own
    own.select_set(True)
    bpy.context.view_layer.update()
    rest_idle(bpy.context)
    bpy.context.view_layer.update()
    bpy.ops.ed.undo_push(message="before")
    start = time.process_time()
    WORK[work]()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default-lod1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs="*", default=list(WORK), choices=list(WORK))
    parser.add_argument("--scenes", nargs="*", default=list(SCENES), choices=list(SCENES))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    import sam3db_blender

    sam3db_blender.register()
    body = Body.load(body_path(arguments.body, None))
    found: dict[str, dict[str, float]] = {}
    for work in arguments.work:
        times: dict[str, list[float]] = {scene: [] for scene in arguments.scenes}
        for _ in range(arguments.rounds):
            for scene in arguments.scenes:
                times[scene].append(measure(body, scene, work))
        found[work] = {scene: min(values) for scene, values in times.items()}
        line = "  ".join(f"{scene} {seconds:.3f} s" for scene, seconds in found[work].items())
        over = found[work].get("characters", 0) / found[work].get("plain", 1) - 1
        print(f"{work}: {line}  characters over plain: {over:+.0%}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
    sys.stdout.flush()
    import os

    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
