"""Is the rig that Blender evaluates the body, and how fast does it move?

    python -m bench.rig [--body NAME|FILE] [--vectors 200] [--seed 0] [--json]

* exactness: the evaluated mesh against ``Body.vertices`` and the numbers read back against those written, over random
  parameter vectors (pose, skeleton, identity and expression at once, the parameters that MHR fixes at 0 included);
* speed: Blender's update after one bone was posed, after one slider was moved, and the playback of a character of which
  every bone is keyed on every frame.

It runs with any bpy from 4.2 on; `bench/rig.py` needs nothing but the project beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bpy
import numpy as np

from native_runtime.camera import mhr_to_blender
from native_runtime.characters.driven_correctives import drivable
from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.settings import CharacterSettings
from native_runtime.mhr import Body
from native_runtime.models.store import body_path
from sam3db_blender.rig.armature import build_rig
from sam3db_blender.rig.arrays import evaluated_vertices, fill, take
from sam3db_blender.rig.mesh import build_mesh
from sam3db_blender.rig.pose import apply_settings, read_settings

FRAMES = 120


def random_settings(body: Body, rng: np.random.Generator) -> CharacterSettings:
    """Parameters anywhere within their limits (0.1 around 0 where MHR fixes them), coefficients over 1.5 deviations."""
    low = np.where(np.isfinite(body.limit_min), body.limit_min, -0.5)
    high = np.where(np.isfinite(body.limit_max), body.limit_max, 0.5)
    fixed = low == high
    parameters = rng.uniform(np.where(fixed, low - 0.1, low), np.where(fixed, high + 0.1, high))
    parameters[:3] = rng.uniform(-20, 20, 3)
    parameters[3:6] = rng.uniform(-np.pi, np.pi, 3)
    identity = rng.normal(0, 1.5, body.identity_count)
    return CharacterSettings(parameters, identity, rng.uniform(-0.5, 1, body.expression_count))


def exactness(rig: bpy.types.Object, mesh: bpy.types.Object, body: Body, count: int, seed: int) -> dict[str, float]:
    """Largest distances (mm) and largest differences of numbers over ``count`` random characters."""
    rng = np.random.default_rng(seed)
    distances, numbers, coefficients = [], [], []
    for _ in range(count):
        settings = random_settings(body, rng)
        apply_settings(rig, body, settings)
        found = evaluated_vertices(mesh, bpy.context.evaluated_depsgraph_get())
        expected = body.vertices(
            settings.model_parameters, settings.identity, settings.expression, correctives=drivable(body)
        )
        distances.append(np.linalg.norm(found - mhr_to_blender(expected), axis=1).max() * 1000)
        again = read_settings(rig, body)
        numbers.append(np.abs(again.model_parameters - settings.model_parameters).max())
        coefficients.append(
            max(np.abs(again.identity - settings.identity).max(), np.abs(again.expression - settings.expression).max())
        )
    return {
        "mesh_mm_max": float(max(distances)),
        "mesh_mm_median_of_max": float(np.median(distances)),
        "parameters_max": float(max(numbers)),
        "coefficients_max": float(max(coefficients)),
    }


def update_times(rig: bpy.types.Object, body: Body, repeats: int = 60) -> dict[str, float]:
    """Milliseconds of a scene update after the edits an artist makes: median and best.

    The best is what the work takes where nothing else runs on the machine.
    """
    layer, key = bpy.context.view_layer, "Arms: Forearm Length"
    angles = take(rig.pose.bones, "rotation_euler", 3)
    arm = rig.pose.bones.find("l_uparm")
    shape = RigMap.of(body).section("shape")[0].key

    def turn(value: float) -> None:
        # written past RNA and tagged as Blender's own transform operators do it
        angles[arm, 0] = value
        fill(rig.pose.bones, "rotation_euler", angles)
        rig.update_tag(refresh={"DATA"})

    def stretch(value: float) -> None:
        rig[key] = value
        rig.update_tag()

    def fatten(value: float) -> None:
        rig[shape] = value
        rig.update_tag()

    times = {}
    for name, edit in (("pose_one_bone", turn), ("skeleton_slider", stretch), ("shape_slider", fatten)):
        taken = []
        for i in range(repeats):
            edit(0.3 * np.sin(i))
            start = time.perf_counter()
            layer.update()
            taken.append(time.perf_counter() - start)
        times[f"{name}_ms"] = float(np.median(taken) * 1000)
        times[f"{name}_best_ms"] = float(min(taken) * 1000)
    return times


def playback(rig: bpy.types.Object, body: Body) -> float:
    """Frames per second when every bone has keys on every frame."""
    rng = np.random.default_rng(1)
    start, end = (random_settings(body, rng).model_parameters * 0.3 for _ in range(2))
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, FRAMES
    for frame in range(1, FRAMES + 1):
        share = 0.5 - 0.5 * np.cos(2 * np.pi * frame / FRAMES)
        settings = CharacterSettings(
            (1 - share) * start + share * end, np.zeros(body.identity_count), np.zeros(body.expression_count)
        )
        apply_settings(rig, body, settings)
        for bone in rig.pose.bones:
            bone.keyframe_insert("rotation_euler", frame=frame)
        rig.pose.bones["root"].keyframe_insert("location", frame=frame)
    scene.frame_set(1)
    begin = time.perf_counter()
    for frame in range(1, FRAMES + 1):
        scene.frame_set(frame)
    return FRAMES / (time.perf_counter() - begin)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--body", default="default", help="name or file of the body")
    parser.add_argument("--vectors", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()

    bpy.ops.wm.read_factory_settings(use_empty=True)
    body = Body.load(body_path(arguments.body))
    begin = time.perf_counter()
    rig = build_rig("Rig", body, bpy.context.scene.collection)
    mesh = build_mesh("Body", body, rig, bpy.context.scene.collection, [])
    result: dict[str, Any] = {
        "blender": bpy.app.version_string,
        "body": body.name,
        "vertices": body.vertex_count,
        "drivers": len(rig.animation_data.drivers) + len(mesh.data.shape_keys.animation_data.drivers),
        "build_s": time.perf_counter() - begin,
    }
    result |= exactness(rig, mesh, body, arguments.vectors, arguments.seed)
    result |= {f"all_shapes_{name}": value for name, value in update_times(rig, body).items()}
    # A character as a photo gives it: its own build, a neutral face.
    rng = np.random.default_rng(arguments.seed)
    drawn = random_settings(body, rng)
    apply_settings(
        rig, body, CharacterSettings(drawn.model_parameters, drawn.identity, np.zeros(body.expression_count))
    )
    result |= update_times(rig, body)
    result["playback_fps"] = playback(rig, body)
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:24} {value:.6g}" if isinstance(value, float) else f"{name:24} {value}")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    # some bpy modules fall over while Python shuts down; everything is written by now
    os._exit(code)
