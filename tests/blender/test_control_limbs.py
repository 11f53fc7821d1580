"""Limbs at the ends of what they can do: thighs lifted to the side, arms at full reach."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from native_runtime.mhr import Body
from sam3db_blender.controls.build import remove_controls
from sam3db_blender.controls.snapping import limbs_of, snap
from sam3db_blender.rig.control_pose import set_controls
from sam3db_blender.rig.pose import apply_parameters, read_parameters, read_settings
from sam3db_blender.rig.resting import rest, wake, wake_all
from tests.support.controlled import Controlled, random_parameters

TOLERANCE = 1e-4  # m: the bar of 0.1 mm


@pytest.fixture(scope="module")
def real_body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


@pytest.fixture
def actor(real_body: Body) -> Controlled:
    return Controlled(real_body)


def _thigh(body: Body, side: str, twist: float, lift: float, swing: float) -> np.ndarray:
    parameters = np.zeros(len(body.parameter_names))
    for name, value in (("upleg_twist", twist), ("upleg_ry", lift), ("upleg_rz", swing), ("knee_bend", 0.8)):
        parameters[body.parameter_names.index(f"{side}_{name}")] = value
    return parameters


@pytest.mark.parametrize("lift", [-1.566, -np.pi / 2, -1.6])
def test_a_thigh_lifted_to_the_side_keeps_its_twist(actor: Controlled, lift: float) -> None:
    """MHR's limits reach beyond a quarter turn, where a rotation alone does not say the twist."""
    body = actor.body
    for parameters in (_thigh(body, "r", -0.9, lift, -0.7), _thigh(body, "l", 0.7, lift, -1.5)):
        apply_parameters(actor.rig, body, parameters)
        for ik in (False, True):
            actor.switch(ik)
            assert actor.error(parameters) < TOLERANCE
            found = read_settings(actor.rig, body).model_parameters
            assert found[6:] == pytest.approx(parameters[6:], abs=1e-4)
        limbs, before = limbs_of(body), actor.turns()
        for ik in (False, True):
            snap(actor.rig, body, limbs, ik)
            chord = np.linalg.norm(actor.turns() - before, axis=(1, 2)).max()
            assert np.degrees(2 * np.arcsin(chord / np.sqrt(8))) < 0.05
            assert actor.error(parameters) < TOLERANCE


def test_a_thigh_goes_past_the_side_without_a_flip(actor: Controlled) -> None:
    """In FK by its angle, far beyond MHR's limit; what is read is what is seen, and stays when the controls go."""
    body = actor.body
    thigh = actor.controls.pose.bones["thigh_fk.R"]
    actor.switch(False)
    last = None
    for lift in np.linspace(1.4, 1.8, 9):
        thigh.rotation_euler = (0.4, 0.3, lift)
        actor.controls.update_tag()
        now = actor.vertices()
        assert last is None or np.linalg.norm(now - last, axis=1).max() < 0.06
        assert actor.error(read_settings(actor.rig, body).model_parameters) < TOLERANCE
        last = now
    remove_controls(actor.rig, body)
    assert np.linalg.norm(actor.vertices() - last, axis=1).max() < TOLERANCE


def test_a_thigh_that_turns_by_quaternions_keeps_its_twist(actor: Controlled) -> None:
    """An artist may give a control another rotation mode, and an estimate is shown in it."""
    body = actor.body
    thigh = actor.controls.pose.bones["thigh_fk.R"]
    thigh.rotation_mode = "QUATERNION"
    actor.controls.pose.bones["hand_fk.L"].rotation_mode = "QUATERNION"
    parameters = _thigh(body, "r", -0.9, -1.2, -0.7)
    parameters[body.parameter_names.index("l_lowarm_twist")] = -1.0
    parameters[body.parameter_names.index("l_wrist_ry")] = 0.8
    apply_parameters(actor.rig, body, parameters)
    actor.switch(False)
    assert actor.error(parameters) < TOLERANCE
    assert thigh.rotation_mode == "QUATERNION"
    thigh.rotation_quaternion = (1.0, 0.0, 0.0, 0.0)
    actor.controls.update_tag()
    straight = parameters.copy()
    for name in ("upleg_twist", "upleg_ry", "upleg_rz"):
        straight[body.parameter_names.index(f"r_{name}")] = 0.0
    assert actor.error(straight) < TOLERANCE


def test_a_wrist_that_bends_past_a_quarter_turn_keeps_the_forearm(actor: Controlled) -> None:
    """MHR's limits let it. Straightened again by hand, the forearm is not left half a turn twisted."""
    body = actor.body
    parameters = np.zeros(len(body.parameter_names))
    bend = body.parameter_names.index("l_wrist_rz")
    for name, value in (("l_lowarm_twist", -0.8), ("l_wrist_ry", 0.5), ("l_elbow_bend", 0.6)):
        parameters[body.parameter_names.index(name)] = value
    for angle in (-1.5, -1.5597, -1.572, -2.1):
        parameters[bend] = angle
        apply_parameters(actor.rig, body, parameters)
        for ik in (False, True):
            actor.switch(ik)
            assert actor.error(parameters) < TOLERANCE
        before = actor.turns()
        for ik in (False, True):
            snap(actor.rig, body, limbs_of(body), ik)
            chord = np.linalg.norm(actor.turns() - before, axis=(1, 2)).max()
            assert np.degrees(2 * np.arcsin(chord / np.sqrt(8))) < 0.05
    parameters[bend] = -1.2
    actor.switch(True)
    set_controls(actor.controls, body, body.joint_parameters(parameters), ["hand_ik.L"])
    assert actor.error(parameters) < TOLERANCE
    parameters[bend] = -2.1
    apply_parameters(actor.rig, body, parameters)
    actor.switch(False)
    hand = actor.controls.pose.bones["hand_fk.L"]
    sign = np.sign(hand.rotation_euler.x / parameters[bend])
    for angle in (-1.9, -1.2, 0.0):
        parameters[bend] = angle
        hand.rotation_euler.x = sign * angle
        actor.controls.update_tag()
        assert actor.error(parameters) < TOLERANCE


def _sweep(actor: Controlled, soft: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The target's distance as a part of the arm's length, the elbow's bend from straight, and how far the wrist is
    from the target, m, while the target moves outwards through the reach.
    """
    controls, rig = actor.controls, actor.rig
    controls["arm_soft.L"] = soft
    shoulder, elbow, wrist = (np.array(rig.data.bones[f"l_{n}"].head_local) for n in ("uparm", "lowarm", "wrist"))
    length = np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow)
    way = (wrist - shoulder) / np.linalg.norm(wrist - shoulder)
    target = controls.pose.bones["hand_ik.L"]
    shares, bends, missed = np.linspace(0.87, 1.03, 81), [], []
    for share in shares:
        moved = target.matrix.copy()
        moved.translation = (shoulder + share * length * way).tolist()
        target.matrix = moved
        bpy.context.view_layer.update()
        upper, lower, hand = (np.array(rig.pose.bones[f"l_{n}"].head) for n in ("uparm", "lowarm", "wrist"))
        above, below = lower - upper, hand - lower
        bends.append(np.arctan2(np.linalg.norm(np.cross(above, below)), above @ below))
        missed.append(np.linalg.norm(hand - np.array(moved.translation)))
    return shares, np.array(bends), np.array(missed)


@pytest.mark.parametrize("side", "LR")
def test_a_hand_twisted_back_and_forth_takes_the_forearm_along(actor: Controlled, side: str) -> None:
    """In IK, between snaps, which read what single precision leaves of the pose."""
    body, name = actor.body, f"hand_ik.{side}"
    arm = [limb for limb in limbs_of(body) if limb.target == name]
    parameters = random_parameters(body, np.random.default_rng(5)) / 4
    apply_parameters(actor.rig, body, parameters)
    snap(actor.rig, body, arm, False)  # keeps what it reads of the pose
    snap(actor.rig, body, arm, True)
    hand = actor.controls.pose.bones[name]
    rest = hand.rotation_quaternion.copy()
    for turn in (-1.2, 1.2, -1.2, 0.4):
        hand.rotation_quaternion = rest @ Quaternion((0, 1, 0), turn)
        actor.controls.update_tag()
        before = actor.vertices()
        found, _ = read_parameters(actor.rig, body)
        assert actor.error(found) < TOLERANCE
        for ik in (False, True):
            snap(actor.rig, body, arm, ik)
            assert np.linalg.norm(actor.vertices() - before, axis=1).max() < TOLERANCE


def test_a_soft_arm_straightens_evenly(actor: Controlled) -> None:
    """Otherwise the last thousandth of its reach straightens an elbow by several degrees."""
    actor.switch(True)
    shares, hard, _ = _sweep(actor, 0.0)
    _, soft, missed = _sweep(actor, 1.0)
    assert np.abs(np.diff(hard)).max() > np.radians(6)
    assert np.abs(np.diff(soft)).max() < np.radians(0.7)
    assert (np.diff(soft) < 1e-4).all()
    near = shares < 0.89
    assert soft[near] == pytest.approx(hard[near], abs=1e-4)
    reached = shares < 0.995
    assert missed[reached].max() < 1e-4
    # beyond its reach it is not longer than it is stretched at it
    assert (np.diff(missed[shares > 1.0]) > 0).all()


def test_twists_are_back_after_a_rest(actor: Controlled) -> None:
    """Drivers of the helpers follow the controls, not the rig that they lie on, also after they were put aside."""
    body = actor.body
    rest(actor.rig)
    wake_all()
    rest(actor.rig)
    wake(actor.rig)
    parameters = _thigh(body, "r", -0.9, -1.2, -0.7)
    apply_parameters(actor.rig, body, parameters)
    assert actor.error(parameters) < TOLERANCE
    assert all(curve.driver.is_valid for curve in actor.rig.animation_data.drivers)
