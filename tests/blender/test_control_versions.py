"""Control rigs that other versions of the extension made are brought up to date, or refused."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from native_runtime.characters.controls.making import control_plan
from native_runtime.characters.controls.plan import VERSION
from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body
from sam3db_blender.controls.renewal import is_old, renew_controls
from sam3db_blender.controls.snapping import limbs_of, snap
from sam3db_blender.rig.arrays import evaluated_vertices
from sam3db_blender.rig.control_pose import CONTROLS, controls_of
from sam3db_blender.rig.pose import apply_parameters, read_settings
from tests.support.controlled import Controlled
from tests.support.formats import ROOT
from tests.support.meshes import off_body

FIRST = ROOT / "tests" / "fixtures" / "controls_v1"
BODY = ROOT / "tests" / "fixtures" / "v0.1.0" / "body.npz"
TOLERANCE = 1e-4


class _Old:
    """The character of version 1."""

    def __init__(self) -> None:
        bpy.ops.wm.open_mainfile(filepath=str(FIRST / "character.blend"))
        self.body = Body.load(BODY)
        self.rig, self.mesh, self.controls = (bpy.data.objects[f"A {name}"] for name in ("Rig", "Body", "Controls"))

    def off(self) -> float:
        """How far the mesh is from where version 1 had it, over some frames, m."""
        found = []
        with np.load(FIRST / "vertices.npz") as kept:
            for name in kept.files:
                bpy.context.scene.frame_set(int(name.removeprefix("frame")))
                now = evaluated_vertices(self.mesh, bpy.context.evaluated_depsgraph_get())
                found.append(np.linalg.norm(now - kept[name], axis=1).max())
        assert len(found) == 4
        return float(max(found))


@pytest.fixture
def old() -> _Old:
    if bpy.app.version < (4, 5):
        pytest.skip("Blender 4.5 saved the file")
    return _Old()


def test_controls_of_the_first_version_still_work(old: _Old) -> None:
    assert is_old(old.controls)
    assert old.off() < 1e-5
    bpy.context.scene.frame_set(6)
    snap(old.rig, old.body, limbs_of(old.body), True)
    found = read_settings(old.rig, old.body).model_parameters
    assert off_body(old.mesh, old.body, found) < TOLERANCE


@pytest.mark.parametrize("hidden", [False, True])
def test_controls_of_the_first_version_are_renewed(old: _Old, hidden: bool) -> None:
    """With their keys and with what the artist added; they then do what new ones do."""
    action, keys = old.controls.animation_data.action, old.controls.animation_data.action.frame_range[:]
    if hidden:
        old.controls.hide_set(True)
    assert renew_controls(old.rig, old.body)
    assert old.controls.hide_get() == hidden
    assert controls_of(old.rig) == old.controls
    assert old.controls[CONTROLS] == VERSION
    assert not renew_controls(old.rig, old.body)
    assert old.off() < 1e-5
    assert old.controls.animation_data.action == action
    assert action.frame_range[:] == keys
    assert old.controls["my note"] == "keep me"
    assert "the artist's" in old.controls.pose.bones["hand_ik.R"].constraints
    assert old.controls["arm_stretch.R"] == 0.5
    plan = control_plan(old.body)
    assert {bone.name for bone in old.controls.pose.bones} == set(plan.names)
    fresh = Controlled(old.body)
    for name, other in ((bone.name, fresh.controls.pose.bones[bone.name]) for bone in old.controls.pose.bones):
        extra = 1 if name == "hand_ik.R" else 0
        assert len(old.controls.pose.bones[name].constraints) == len(other.constraints) + extra
    both = (old.controls, fresh.controls)
    drivers = [{(c.data_path, c.array_index): c.driver.expression for c in o.animation_data.drivers} for o in both]
    assert drivers[0] == drivers[1]
    assert all(curve.is_valid for curve in old.controls.animation_data.drivers)
    hidden_bones = [{bone.name for bone in o.data.bones if bone.hide_select} for o in both]
    assert hidden_bones[0] == hidden_bones[1]

    old.controls.animation_data.action = None
    lifted = np.zeros(len(old.body.parameter_names))
    lifted[old.body.parameter_names.index("r_upleg_ry")] = -1.6
    lifted[old.body.parameter_names.index("r_upleg_twist")] = -0.8
    apply_parameters(old.rig, old.body, lifted)
    for ik in (0.0, 1.0):
        old.controls["leg_ik.R"] = ik
        old.controls.update_tag()
        assert off_body(old.mesh, old.body, lifted) < TOLERANCE


def test_the_twists_that_are_kept_are_keyed(old: _Old) -> None:
    """The first version keyed nothing there; IK now goes by it where the rotation does not say the twist."""
    assert renew_controls(old.rig, old.body)
    arm = limbs_of(old.body, ["arm_ik.L"])[0]
    kept = old.controls.pose.bones[arm.part("reach")]
    twist = []
    for frame in (1, 11, 21):
        bpy.context.scene.frame_set(frame)
        twist.append(kept.location[1])
        shown = old.controls.pose.bones[arm.part("twist")].location[0]
        assert kept.location[1] == pytest.approx(shown, abs=1e-4)
    assert np.ptp(twist) > 0.1


def test_controls_of_a_newer_version_are_left_alone(small_body: Body) -> None:
    actor = Controlled(small_body)
    actor.controls[CONTROLS] = VERSION + 1
    before = actor.vertices()
    turned = np.full(len(small_body.parameter_names), 0.1)
    for change in (
        lambda: renew_controls(actor.rig, small_body),
        lambda: apply_parameters(actor.rig, small_body, turned),
        lambda: snap(actor.rig, small_body, limbs_of(small_body), True),
    ):
        with pytest.raises(Sam3dbError, match=r"update the extension\. Nothing was changed"):
            change()
        assert np.abs(actor.vertices() - before).max() == 0.0


def test_controls_of_another_file_are_renewed_there(old: _Old) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(FIRST / "character.blend"), link=True) as (_, wanted):
        wanted.objects = ["A Rig"]
    linked = wanted.objects[0]
    bpy.context.scene.collection.objects.link(linked)
    with pytest.raises(Sam3dbError, match="another file"):
        renew_controls(linked, old.body)
