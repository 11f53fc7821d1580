"""Corrections of an imported motion: pinned poses, smoother stretches, feet that stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.compat import animation_curves
from sam3db_blender.rig.control_pose import controls_of
from sam3db_blender.takes.build import TakeOptions, build_take_scene
from sam3db_blender.takes.editing import RAMP, fix_foot, pin_here, smooth_here
from tests.support.takes import moving_take

COUNT = 40


def _rig(body: Body, jitter: float = 0.0, **options: object) -> bpy.types.Object:
    take = moving_take(body, COUNT)
    parameters = take.model_parameters.copy()
    parameters[:, 130:136] = parameters[0, 130:136]  # lengths that may change; no leg is held while its own do
    take = replace(take, model_parameters=parameters)
    if jitter:
        elbow = body.parameter_index("l_elbow_bend")
        parameters[:, elbow] = -0.6 + jitter * (-1.0) ** np.arange(COUNT)
        take = replace(take, model_parameters=parameters)
    chosen = TakeOptions(rate="video", light=False, **options)  # type: ignore[arg-type]
    return build_take_scene(bpy.context.scene, [take], body, chosen).built.characters[0].rig


def _heads(rig: bpy.types.Object, bone: str) -> NDArray[np.float64]:
    """(COUNT, 3) m, where a bone is seen on each frame from 1 on."""
    found = []
    for frame in range(1, COUNT + 1):
        bpy.context.scene.frame_set(frame)
        seen = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append(np.array(seen.matrix_world @ seen.pose.bones[bone].head))
    return np.array(found)


@pytest.mark.parametrize("bound", [0.0, 2.0])
def test_neighbours_follow_a_pinned_pose(small_body: Body, bound: float) -> None:
    rig = _rig(small_body, bound_mm=bound)
    before = _heads(rig, "l_wrist")
    bpy.context.scene.frame_set(20)
    controls = controls_of(rig)
    assert controls is not None
    controls.pose.bones["upper_arm_fk.L"].rotation_euler[0] += 0.5
    assert pin_here(rig, 20, 8) == 1
    moved = np.linalg.norm(_heads(rig, "l_wrist") - before, axis=1)
    assert moved[19] > 0.03
    assert (moved[[19, 22, 25]] > moved[[22, 25, 28]]).all()
    np.testing.assert_allclose(moved[:11], 0.0, atol=2e-3 if bound else 1e-5)
    np.testing.assert_allclose(moved[29:], 0.0, atol=2e-3 if bound else 1e-5)
    bpy.context.scene.frame_set(20)
    assert pin_here(rig, 20, 8) == 0


def test_a_stretch_is_smoothed_and_its_surroundings_are_not(small_body: Body) -> None:
    rig = _rig(small_body, jitter=0.1)
    before = _heads(rig, "l_wrist")
    assert smooth_here(rig, 20, 8, 2.0) > 10
    after = _heads(rig, "l_wrist")

    def roughness(points: NDArray[np.float64], part: slice) -> float:
        return float(np.linalg.norm(np.diff(points[part], n=2, axis=0), axis=1).mean())

    assert roughness(after, slice(16, 23)) < 0.35 * roughness(before, slice(16, 23))
    np.testing.assert_allclose(after[:11], before[:11], atol=1e-6)
    np.testing.assert_allclose(after[29:], before[29:], atol=1e-6)
    assert np.linalg.norm(after - before, axis=1).max() < 0.05  # no lag: the way stays


def test_chosen_bones_alone_are_smoothed(small_body: Body) -> None:
    rig = _rig(small_body, jitter=0.1)
    assert smooth_here(rig, 20, 8, 2.0, {"forearm_fk.L"}) <= 3


def test_a_foot_is_held_and_let_go(default_body_path: Path) -> None:
    rig = _rig(Body.load(default_body_path.with_name("default-lod2.npz")))
    before = _heads(rig, "l_foot")
    held = fix_foot(rig, "L", 20, 0.06)
    assert 20 in held
    assert 2 <= len(held) < COUNT - 2 * RAMP
    after = _heads(rig, "l_foot")
    stands = after[held.start - 1 : held.stop - 1]
    slide = np.linalg.norm(stands - stands[0], axis=1).max()
    slid = np.linalg.norm(before[held.start - 1 : held.stop - 1] - before[held.start - 1], axis=1).max()
    assert slide < 2e-3 < slid
    outside = [i for i in range(COUNT) if i + 1 < held.start - RAMP or i + 1 >= held.stop + RAMP]
    np.testing.assert_allclose(after[outside], before[outside], atol=1e-4)
    steps = np.linalg.norm(np.diff(after, axis=0), axis=1)
    assert steps.max() < 3.0 * np.linalg.norm(np.diff(before, axis=0), axis=1).max()  # no pop


def _keys(rig: bpy.types.Object) -> dict[tuple[str, int], list[tuple[float, float, str]]]:
    controls = controls_of(rig)
    assert controls is not None
    return {
        (curve.data_path, curve.array_index): [(*point.co, point.interpolation) for point in curve.keyframe_points]
        for _, curve in animation_curves(controls)
    }


@pytest.mark.parametrize("distance", [1e-6, 0.06], ids=["one frame", "some frames"])
@pytest.mark.parametrize("frame", [20, 1, COUNT])
def test_a_foot_that_is_held_stays_as_it_is(small_body: Body, frame: int, distance: float) -> None:
    rig = _rig(small_body)
    held = fix_foot(rig, "L", frame, distance)
    before = _keys(rig)
    switch = before['["leg_ik.L"]', 0]
    assert 1.0 in [value for _, value, _ in switch]
    for number in {held.start, frame, held.stop - 1}:
        assert fix_foot(rig, "L", number, distance) == held
    assert _keys(rig) == before
    controls = controls_of(rig)
    assert controls is not None
    assert tuple(controls.animation_data.action.frame_range) == (1.0, COUNT)
    if len(held) < COUNT - 2 * RAMP - 2:  # a hold over the first one, whose switches lie within
        wider = fix_foot(rig, "L", min(held.stop + 1, COUNT) if frame < COUNT else held.start - 2, 10.0)
        assert wider == range(1, COUNT + 1)
        assert {value for _, value, _ in _keys(rig)['["leg_ik.L"]', 0]} == {1.0}


@pytest.mark.parametrize("frame", [0, COUNT + 1, -30])
def test_frames_beyond_the_motion_are_refused(small_body: Body, frame: int) -> None:
    rig = _rig(small_body)
    before = _keys(rig)
    for act in (lambda: smooth_here(rig, frame, 3, 1.0), lambda: fix_foot(rig, "L", frame, 0.1)):
        with pytest.raises(Sam3dbError, match=f"goes from frame 1 to frame {COUNT}, and frame {frame} is not"):
            act()
    assert _keys(rig) == before


def test_who_has_no_motion_is_told(small_body: Body) -> None:
    rig = _rig(small_body, strip=True)
    for act in (lambda: pin_here(rig, 5, 3), lambda: smooth_here(rig, 5, 3, 1.0), lambda: fix_foot(rig, "L", 5, 0.1)):
        with pytest.raises(Sam3dbError, match="No action plays"):
            act()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig = _rig(small_body, controls=False)
    with pytest.raises(Sam3dbError, match="has no controls"):
        fix_foot(rig, "L", 5, 0.1)
