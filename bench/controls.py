"""Do controls show the pose, in FK and in IK, and how fast do they move?

    python -m bench.controls [--body NAME|FILE] [--poses 50] [--estimates FOLDER] [--seed 0] [--rigify] [--json]

* exactness: the evaluated mesh against ``Body.vertices``, in FK and in IK, and the jump of vertices and bones when all
  limbs are snapped from one to the other, over random poses within MHR's limits, or over estimates of a folder;
* speed: processor time of Blender's update after a hand was moved under IK and after a finger was turned, and frames a
  second of a character whose controls are keyed on every frame; with ``--rigify`` the same motion on a Rigify rig.

Times are of this process alone, so that other work on the machine counts less. It runs with any bpy from 4.2 on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import numpy as np
from mathutils import Matrix

from native_runtime.engines.estimate import Estimate
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from sam3db_blender.controls.build import build_controls, remove_controls
from sam3db_blender.controls.snapping import limbs_of, snap
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.control_pose import set_controls
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_parameters, set_shape
from tests.support.meshes import off_body

FRAMES = 120
_MOVES = 60


def poses(body: Body, count: int, seed: int, estimates: Path | None) -> Iterator[np.ndarray]:
    """(204,) parameters, of the estimates of a folder or at random within the limits."""
    if estimates is not None:
        files = sorted(estimates.rglob("*.npz"))
        found = (Estimate.load(file) for file in files)
        yield from (each.model_parameters for each in found if each.body_hash in ("", body.hash))
        return
    rng = np.random.default_rng(seed)
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5)
    for _ in range(count):
        parameters = rng.uniform(low, high)
        parameters[:3] = rng.uniform(-20, 20, 3)
        parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
        yield parameters


def exactness(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body, given: Iterator[np.ndarray]) -> dict[str, Any]:
    """Largest distances, mm, and turns, degrees."""
    controls: Any = build_controls(rig, body)
    limbs = limbs_of(body)
    off: dict[str, list[float]] = {"fk_mm": [], "ik_mm": [], "snap_mm": [], "snap_degrees": []}
    for parameters in given:
        apply_parameters(rig, body, parameters)
        for kind in ("fk", "ik"):
            for limb in limbs:
                controls[limb.switch] = float(kind == "ik")
            controls.update_tag()
            off[f"{kind}_mm"].append(off_body(mesh, body, parameters) * 1000)
        for ik in (False, True):  # from IK to FK and back
            before, turned = _points(mesh), _turns(rig)
            snap(rig, body, limbs, ik)
            off["snap_mm"].append(_largest(_points(mesh) - before) * 1000)
            chord = np.linalg.norm(_turns(rig) - turned, axis=(1, 2)).max()
            off["snap_degrees"].append(float(np.degrees(2 * np.arcsin(chord / np.sqrt(8)))))
    if not off["fk_mm"]:
        raise SystemExit(
            f"No estimate there is of the body '{body.name}' as it is installed: estimate the photos again."
        )
    remove_controls(rig, body)
    return {"poses": len(off["fk_mm"])} | {name: round(max(values), 4) for name, values in off.items()}


def _points(mesh: bpy.types.Object) -> np.ndarray:
    return evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())


def _turns(rig: bpy.types.Object) -> np.ndarray:
    return np.array([bone.matrix.normalized().to_3x3() for bone in rig.pose.bones], dtype=np.float64)


def _largest(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=1).max())


def speed(rig: bpy.types.Object, body: Body) -> dict[str, float]:
    """Milliseconds of processor time for an update, and frames per second of processor time."""
    controls: Any = build_controls(rig, body)
    for limb in limbs_of(body):
        controls[limb.switch] = 1.0
    hand, finger = (controls.pose.bones[name] for name in ("hand_ik.L", "f_index.01.L"))

    def to(step: int) -> None:
        hand.location[0] = 0.001 * step

    def curl(step: int) -> None:
        finger.rotation_euler[0] = 0.01 * step

    found = {"ik_hand_ms": _update(to), "finger_ms": _update(curl)}
    _key_motion(rig, body, lambda joints: set_controls(controls, body, joints), controls)
    found["frames_per_second"] = _playback()
    controls.animation_data.action = None
    remove_controls(rig, body)
    return found


def rigify_speed(rig: bpy.types.Object, body: Body) -> float:
    """Frames per second of the same motion on a Rigify rig."""
    from sam3db_blender.rig.rigify_pose import pose_controls
    from sam3db_blender.rigify import add_on
    from sam3db_blender.rigify.making import make_rigify

    add_on.enable()
    rigify = make_rigify(rig, body)
    _key_motion(rig, body, lambda joints: pose_controls(rigify, body, joints), rigify)
    return _playback()


def _update(move: Callable[[int], None]) -> float:
    times = []
    for step in range(_MOVES):
        move(step)
        started = time.process_time()
        bpy.context.view_layer.update()
        times.append(time.process_time() - started)
    return round(float(np.median(times)) * 1000, 2)


def _key_motion(rig: bpy.types.Object, body: Body, pose: Callable[[Any], None], armature: bpy.types.Object) -> None:
    """Keys all controls on every frame of a swing between two poses."""
    first, second = (next(poses(body, 1, seed, None)) * 0.3 for seed in (1, 2))
    first[136:] = second[136:] = 0.0
    locked = {True}
    for frame in range(FRAMES):
        share = 0.5 - 0.5 * np.cos(4 * np.pi * frame / FRAMES)
        pose(body.joint_parameters(first + share * (second - first)))
        for bone in armature.pose.bones:
            if bone.bone.hide_select or bone.name.startswith(("MCH-", "ORG-", "DEF-")):
                continue
            turn = "rotation_quaternion" if bone.rotation_mode == "QUATERNION" else "rotation_euler"
            bone.keyframe_insert(turn, frame=frame + 1)
            if set(bone.lock_location) != locked:
                bone.keyframe_insert("location", frame=frame + 1)


def _playback() -> float:
    scene: Any = bpy.context.scene
    scene.frame_set(1)
    started = time.process_time()
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)
    return round(FRAMES / (time.process_time() - started), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default-lod2", help="a name, or a file (default: default-lod2)")
    parser.add_argument("--poses", type=int, default=50)
    parser.add_argument("--estimates", type=Path, help="a folder with estimates of this body, instead of random poses")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rigify", action="store_true", help="also play the motion on a Rigify rig")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    given = Path(arguments.body)
    body = Body.load(given if given.is_file() else body_path(arguments.body))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage = bpy.context.scene.collection
    rig = build_rig("bench Rig", body, stage)
    mesh = build_mesh("bench Body", body, rig, stage, [bpy.data.materials.new(n) for n in body.material_names])
    rig.matrix_world = Matrix.Identity(4)
    set_shape(rig, body, np.zeros(body.identity_count), np.zeros(body.expression_count))
    result: dict[str, Any] = {"bpy": bpy.app.version_string, "body": body.name}
    result |= exactness(rig, mesh, body, poses(body, arguments.poses, arguments.seed, arguments.estimates))
    apply_parameters(rig, body, np.zeros(len(body.parameter_names)))
    result |= speed(rig, body)
    if arguments.rigify:
        result["rigify_frames_per_second"] = rigify_speed(rig, body)
    if arguments.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:28} {value}" for name, value in result.items()))
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy crash on leaving


if __name__ == "__main__":
    main()
