"""What an imported take is good for: files for other programs, and other armatures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from native_runtime.characters.exports.options import ExportOptions
from native_runtime.cli import main
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.builder.takes import write_take_scene
from sam3db_blender.compat import animation_curves
from sam3db_blender.exports.export import export_character
from sam3db_blender.retarget.animation import follow_motion
from sam3db_blender.retarget.armature import PosingOptions, pose_armature
from sam3db_blender.retarget.assignment import assignment_for
from sam3db_blender.retarget.person import person_of_character
from sam3db_blender.takes.build import TakeOptions, TakeScene, build_take_scene
from tests.support.armatures import bone_names, build_armature, relaid, stretched_arms
from tests.support.reimport import import_again
from tests.support.takes import moving_take

COUNT = 6
#: Lengths that MHR lets change with the pose; BVH has no such thing.
FLEXIBLE = slice(130, 136)


def build(body: Body, count: int = COUNT, **options: object) -> TakeScene:
    take = moving_take(body, count)
    parameters = take.model_parameters.copy()
    parameters[:, FLEXIBLE] = parameters[0, FLEXIBLE]
    take = replace(take, model_parameters=parameters)
    chosen = TakeOptions(rate="video", light=False, **options)  # type: ignore[arg-type]
    return build_take_scene(bpy.context.scene, [take], body, chosen)


def heads(rig: bpy.types.Object) -> dict[str, np.ndarray]:
    """Bone -> where its head is seen, world (m)."""
    seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone.name: np.array(seen.matrix_world @ bone.head) for bone in seen.pose.bones}


@pytest.mark.parametrize(("to", "strip"), [("glb", False), ("fbx", True), ("bvh", False)])
def test_the_motion_leaves_with_the_character(small_body: Body, tmp_path: Path, to: str, strip: bool) -> None:
    made = build(small_body, strip=strip)
    rig = made.built.characters[0].rig
    expected = []
    for frame in made.motion.frames:
        bpy.context.scene.frame_set(frame)
        expected.append(heads(rig))
    file = tmp_path / f"walk.{to}"
    export_character(rig, file, replace(ExportOptions.for_target("mhr"), to=to))
    again = import_again(file)
    if to == "glb":  # its importer counts seconds in frames of the scene
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.context.scene.render.fps = 25
        bpy.ops.import_scene.gltf(filepath=str(file.with_suffix(".again.glb")))
        found = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    else:
        found = again.rig
    first = round(min(action.frame_range[0] for action in bpy.data.actions))
    ways = []
    for number, truth in enumerate(expected):
        bpy.context.scene.frame_set(first + number)
        now = heads(found)
        shared = [name for name in truth if name in now and name != "body_world"]
        assert len(shared) > 100
        assert max(np.linalg.norm(now[name] - truth[name]) for name in shared) < 1e-3
        ways.append(now["root"])
    assert np.linalg.norm(ways[-1] - ways[0]) > 0.5


def _mixamo(body: Body) -> bpy.types.Object:
    names = bone_names("mixamo", "mixamorig:")
    rest = body.joint_parameters(stretched_arms(body))
    return build_armature(relaid(body, rest, names, np.random.default_rng(3)))


def test_another_armature_moves_as_the_character(default_body_path: Path) -> None:
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    made = build(body)
    rig = made.built.characters[0].rig
    armature = _mixamo(body)
    assigned, _ = assignment_for(armature)
    bpy.context.scene.frame_set(3)
    notes = follow_motion(armature, rig, assigned, PosingOptions())
    assert notes == []
    assert bpy.context.scene.frame_current == 3
    other = _mixamo(body)
    for frame in made.motion.frames:
        bpy.context.scene.frame_set(frame)
        pose_armature(other, person_of_character(rig), assigned, PosingOptions())
        one, two = heads(armature), heads(other)
        assert max(np.linalg.norm(one[name] - two[name]) for name in one) < 1e-4
    counts = {len(curve.keyframe_points) for _, curve in animation_curves(armature)}
    assert counts == {COUNT}
    for _, curve in animation_curves(armature):
        assert np.abs(np.diff([point.co[1] for point in curve.keyframe_points])).max() < 0.8


def test_takes_become_a_blend_file(default_body_path: Path, tmp_path: Path) -> None:
    body = Body.load(default_body_path.with_name("default-lod2.npz"))
    file = moving_take(body, COUNT).save(tmp_path / "walk_person0_take")[0]
    notes = write_take_scene([file], None, tmp_path / "walk_take.blend")
    assert notes == []
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "walk_take.blend"))
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1, COUNT, 25)
    assert any(obj.get("sam3db_take") for obj in scene.objects)
    assert {action.name for action in bpy.data.actions} == {"walk Take", "walk Sliders"}


def test_a_blend_file_that_is_wanted_needs_blender(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["take", "missing.mp4", "-o", str(tmp_path / "out"), "--blend"], extensions=[]) == 2
    assert "needs the package sam3db_blender" in capsys.readouterr().err


def test_a_character_that_stands_still_has_no_motion_to_copy(small_body: Body) -> None:
    made = build(small_body, count=1)
    rig = made.built.characters[0].rig
    for obj in (rig, *rig.children):
        obj.animation_data_clear()
    with pytest.raises(Sam3dbError, match="not animated"):
        follow_motion(_mixamo(small_body), rig, {}, PosingOptions())
