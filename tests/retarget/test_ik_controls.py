"""Names of IK controls, and poles that do not flip."""

from __future__ import annotations

import numpy as np
import pytest

from native_runtime.files.templates import load_json
from native_runtime.mhr import load_rig_facts
from native_runtime.retarget.control_rigs import control_rig_of, makes, titles
from native_runtime.retarget.poles import bend_direction, turn_about

START, END, HINT = np.zeros(3), np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.2])


def _names(make: str, version: int) -> list[str]:
    """The bones of a rig of a make; of names that have several versions, an early or the last one."""
    content, found = load_json("control_rigs", f"{make}.json"), []
    for limb in content["limbs"]:
        lists = [*limb["chain"], limb["shown"], limb["target"], limb["pole"], limb["swivel"]]
        found += [given[version] for given in lists if given]
        found += [*limb["rest"], *(name for pair in limb["after"] for side in pair.values() for name in side)]
    return found + [given[version] for given in content["bones"].values()]


@pytest.mark.parametrize("make", makes())
@pytest.mark.parametrize("version", [0, -1])
def test_a_rig_is_known_by_its_names(make: str, version: int) -> None:
    rig = control_rig_of(_names(make, version))
    assert rig is not None
    assert rig.title in titles()
    assert [limb.title for limb in rig.limbs] == ["left arm", "left leg", "right arm", "right leg"]
    assert all(limb.pole for limb in rig.limbs)
    assert {"l_uparm", "r_foot"} <= set(rig.assigned)
    assert set(rig.assigned) <= set(load_rig_facts().joint_names)
    assert {limb.target for limb in rig.limbs}.isdisjoint(rig.assigned.values())


def test_others_are_not_known() -> None:
    assert control_rig_of(["Hips", "LeftArm", "hand_ik.L"]) is None
    assert control_rig_of([]) is None
    # one limb alone may belong to anything
    assert control_rig_of([name for name in _names("rigify", 0) if "arm" in name or "hand" in name][:7]) is None


def test_a_bent_limb_says_where_it_bends() -> None:
    middle = np.array([0.3, 0.0, -0.5])
    found = bend_direction(START, middle, END, HINT)
    np.testing.assert_allclose(found, [1.0, 0.0, 0.0], atol=1e-12)


def test_towards_a_straight_limb_it_becomes_the_hint_without_a_leap() -> None:
    before = None
    for bend in np.linspace(0.2, -0.03, 47):
        # bends to the side of the hint, then a little the other way
        found = bend_direction(START, np.array([0.2 * bend, -bend, -0.5]), END, HINT)
        np.testing.assert_allclose([np.linalg.norm(found), found @ END], [1.0, 0.0], atol=1e-12)
        assert found[1] < -0.9
        if before is not None:
            assert np.linalg.norm(found - before) < 0.1
        before = found
    np.testing.assert_allclose(before, [0.0, -1.0, 0.0], atol=1e-12)


def test_nothing_is_told_by_nothing() -> None:
    assert np.isfinite(bend_direction(START, START, START, HINT)).all()
    assert np.isfinite(bend_direction(START, np.array([0.0, 0.0, -0.5]), END, END)).all()


@pytest.mark.parametrize("angle", [-2.0, -0.3, 0.0, 1.0, 3.0])
def test_turns_about_a_line(angle: float) -> None:
    line = np.array([0.0, 0.0, 2.0])
    one, other = np.array([1.0, 0.0, 0.7]), np.array([np.cos(angle), np.sin(angle), -4.0])
    assert turn_about(line, one, other) == pytest.approx(angle)
