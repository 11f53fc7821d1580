"""How well are other people's armatures posed?

    python -m bench.retarget [--estimates FOLDER] [--people 50] [--armature FILE.blend|.glb|.fbx ...] [--body NAME|FILE]

Poses armatures in Blender as many people and compares what is then seen with the people: a Mixamo skeleton that rests
in a T (bones rolled at random, 100 units a metre, Y up), Rigify's human metarig, and the armatures of files. The
people are those of a folder of ``.npz`` files with ``model_parameters``, or drawn from the fit's prior.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import numpy as np

from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from native_runtime.retarget.skeletons import SourcePose, standing_frame
from sam3db_blender.retarget.armature import pose_armature, skeleton_of
from sam3db_blender.retarget.assignment import assignment_for
from sam3db_blender.retarget.person import Person
from sam3db_blender.retarget.seen import seen_bones
from tests.support.armatures import Y_UP, bone_names, build_armature, relaid, stretched_arms
from tests.support.likeness import likeness
from tests.support.poses import likely_poses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimates", type=Path)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--armature", type=Path, nargs="*", default=[])
    parser.add_argument("--body", default="default-lod2")
    arguments = parser.parse_args()
    body = Body.load(body_path(arguments.body))
    people = [Person("", source, np.eye(4)) for source in _people(body, arguments.estimates, arguments.people)]
    print(f"{len(people)} people; angles in degrees: the largest (the mean)")
    for name, make in _armatures(body, arguments.armature).items():
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _report(name, make(), people)
    sys.stdout.flush()
    os._exit(0)  # some releases of bpy crash or wait for ever while the interpreter winds down


def _people(body: Body, folder: Path | None, count: int) -> list[SourcePose]:
    if folder is None:
        poses = likely_poses(body, count)
    else:
        files = sorted(folder.glob("*.npz"))[:count]
        poses = np.array([np.load(file)["model_parameters"].reshape(-1)[:204] for file in files])
    return [SourcePose.of(body, body.joint_parameters(parameters)) for parameters in poses]


def _armatures(body: Body, files: list[Path]) -> dict:
    def mixamo() -> bpy.types.Object:
        rest, names = body.joint_parameters(stretched_arms(body)), bone_names("mixamo", "mixamorig:")
        return build_armature(relaid(body, rest, names, np.random.default_rng(0), scale=100.0, axes=Y_UP))

    def metarig() -> bpy.types.Object:
        import addon_utils

        addon_utils.enable("rigify", default_set=True)
        bpy.ops.object.armature_human_metarig_add()
        return bpy.context.object

    return {"Mixamo, T, random rolls": mixamo, "Rigify metarig": metarig} | {
        file.name: (lambda file=file: _loaded(file)) for file in files
    }


def _loaded(file: Path) -> bpy.types.Object:
    if file.suffix == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(file))
    elif file.suffix == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(file))
    else:
        bpy.ops.import_scene.gltf(filepath=str(file))
    armature = next(obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE")
    armature.animation_data_clear()
    return armature


def _report(name: str, armature: bpy.types.Object, people: list[Person]) -> None:
    assigned, how = assignment_for(armature)
    target = skeleton_of(armature)
    standing = standing_frame(target, {joint: target.index[bone] for joint, bone in assigned.items()})
    found: dict[str, list[float]] = {"limbs": [], "hinges": [], "palms": [], "twists": []}
    seconds, notes = [], set()
    for person in people:
        start = time.perf_counter()
        notes.update(pose_armature(armature, person, assigned))
        seconds.append(time.perf_counter() - start)
        seen = seen_bones(armature)
        matrices = np.array([seen[bone].matrix for bone in target.names], dtype=np.float64)
        axes = matrices[:, :3, :3] / np.linalg.norm(matrices[:, :3, :3], axis=1, keepdims=True)
        alike = likeness(
            person.source, target.turned(standing), assigned, matrices[:, :3, 3] @ standing.T, standing @ axes
        )
        for kind, values in found.items():
            values.extend(getattr(alike, kind).values())
    figures = ", ".join(
        f"{kind} {max(values):.2g} ({np.mean(values):.2g}) of {len(values)}" for kind, values in found.items() if values
    )
    print(f"{name}: {figures}; {1000 * np.median(seconds):.0f} ms each; {how}, {len(assigned)} bones")
    for note in sorted(notes):
        print(f"  {note}")


if __name__ == "__main__":
    main()
