"""The reader of Momentum's model definitions: MHR's own file, the whole grammar, and files that are wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from native_runtime.errors import ModelError
from native_runtime.mhr import load_rig_facts
from native_runtime.mhr.official import parse_model
from native_runtime.mhr.official.limits import Ellipsoid, HalfPlane, Linear, LinearSegment, MinMaxJoint, UnknownLimit
from tests.support.official_release import model_text

JOINTS = ("root", "arm", "twist")
HEAD = "Momentum Model Definition V1.0\n"
TRANSFORM = HEAD + "[ParameterTransform]\nroot.tx = 10 * x\narm.rx = 1.0 * bend + 0.5*lean\narm.ry = 1 * lean\n"


def test_mhrs_own_file_equals_the_facts_exactly(shared: Path) -> None:
    facts = load_rig_facts()
    path = shared / "mhr" / "compact_v6_1.model"
    found = parse_model(path.read_text(), facts.joint_names, path.name)
    ours, known = found.parameterisation(127), facts.parameterisation
    assert ours.names == known.names
    np.testing.assert_array_equal(ours.matrix, known.matrix)
    np.testing.assert_array_equal(ours.limit_min, known.limit_min)
    np.testing.assert_array_equal(ours.limit_max, known.limit_max)
    np.testing.assert_array_equal(ours.limit_weight, known.limit_weight)
    assert found.sets == facts.parameter_sets
    assert len(found.limits) == 198
    assert found.pose_constraints["tpose"]["l_elbow_bend"] == -0.5
    assert not found.notes
    assert not found.constants


def test_made_up_file_round_trips() -> None:
    facts = load_rig_facts()
    found = parse_model(model_text(), facts.joint_names)
    assert found.parameter_names == facts.parameterisation.names
    np.testing.assert_array_equal(found.parameterisation(127).matrix, facts.parameterisation.matrix)


def test_products_sums_references_and_constants() -> None:
    text = TRANSFORM + "twist.rx = -0.5 * arm.rx + 2.0 * arm.rx + 0.25\ntwist.rx = 1 * bend\n"
    found = parse_model(text, JOINTS)
    assert found.parameter_names == ("x", "bend", "lean")
    matrix = found.parameterisation(3).matrix
    assert matrix[0, 0] == 10
    np.testing.assert_allclose(matrix[2 * 7 + 3], [0, 1.5 + 1, 0.75])  # lines for one channel add up
    assert found.constants == {2 * 7 + 3: 0.25}


def test_a_reference_to_a_channel_without_parameters_is_zero_with_a_note() -> None:
    found = parse_model(TRANSFORM + "twist.rx = 1.0 * twist.rz\n", JOINTS)
    assert "twist.rz" in found.notes[0]


def test_every_kind_of_limit() -> None:
    limits = """
    [Limits]
    limit bend minmax [-1, 1e0] 0.5   # comment
    limit bend minmax [-2, 0.5]
    limit arm.rx minmax [-1, 1]
    limit arm.rx minmax_passive [-1, 1] 2
    limit bend linear lean [-1, 3, -3] [1, -3, 0] [-2, -3] 4.0
    limit arm.rx linear twist.rx [0.5, 0.1]
    limit bend halfplane lean [3, 4] 10 0.1
    limit arm ellipsoid [1, 2, 3] root [0, 0, 1] [10, 20, 30] [4, 5, 6] 3
    limit bend wishful [1, 2]
    """
    text = TRANSFORM + "\n".join(line.strip() for line in limits.splitlines())
    found = parse_model(text, JOINTS, "rig.model")
    _, _, joint, passive, linear, of_joints, plane, ellipsoid, unknown = found.limits
    transform = found.parameterisation(3)
    assert (transform.limit_min[1], transform.limit_max[1]) == (-1, 0.5)  # both hold
    assert joint == MinMaxJoint("arm.rx", -1, 1)
    assert passive == MinMaxJoint("arm.rx", -1, 1, passive=True, weight=2)
    assert isinstance(linear, Linear)
    assert linear.segments == (LinearSegment(-1, 3, -3), LinearSegment(1, -3, 0), LinearSegment(-2, -3))
    assert isinstance(of_joints, Linear)
    assert of_joints.of_joints
    assert plane == HalfPlane("bend", "lean", (0.6, 0.8), 2.0, 0.1)
    assert ellipsoid == Ellipsoid("arm", (1, 2, 3), "root", (0, 0, 1), (10, 20, 30), (4, 5, 6), 3)
    assert isinstance(unknown, UnknownLimit)
    assert "wishful" in found.notes[0]


def test_sections_may_come_in_any_order_and_unknown_ones_are_skipped() -> None:
    text = HEAD + "[Limits]\nlimit bend minmax [0, 1]\n[Locators]\nanything = [goes\n" + TRANSFORM[len(HEAD) :]
    found = parse_model(text, JOINTS)
    assert len(found.limits) == 1
    assert "[Locators]" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "begins with"),
        ("Momentum Model Definition V2.0\n", 1, "begins with"),
        (HEAD + "root.tx = 1 * x\n", 2, "outside any section"),
        (TRANSFORM + "leg.rx = 1 * x\n", 6, "no joint 'leg'"),
        (TRANSFORM + "arm.rw = 1 * x\n", 6, "'rw' is not one of the channels"),
        (TRANSFORM + "arm.rz = 1 * 2 * x\n", 6, "a weight times one parameter"),
        (TRANSFORM + "arm.rz = bend * 1\n", 6, "'bend' is not a number"),
        (TRANSFORM + "arm.rz = nan * bend\n", 6, "plausible"),
        (TRANSFORM + "arm.rz = 1 * \n", 6, "cannot be the name"),
        (TRANSFORM + "arm.rz\n", 6, "expected 'joint.channel"),
        (TRANSFORM + "arm.rz = 1 * arm.rq\n", 6, "'rq'"),
        (TRANSFORM + "[ParameterSets]\nparameterset a nobody\n", 7, "'nobody'"),
        (TRANSFORM + "[ParameterSets]\nset a bend\n", 7, "expected 'parameterset"),
        (TRANSFORM + "[PoseConstraints]\nposeconstraints t bend\n", 7, "parameter=value"),
        (TRANSFORM + "[Limits]\nlimit bend minmax [0, 1\n", 7, "ends too early"),
        (TRANSFORM + "[Limits]\nlimit bend minmax [1, 0]\n", 7, "above its maximum"),
        (TRANSFORM + "[Limits]\nlimit bend minmax [0, 1] 1 2\n", 7, "behind the limit"),
        (TRANSFORM + "[Limits]\nlimit nobody minmax [0, 1]\n", 7, "'nobody'"),
        (TRANSFORM + "[Limits]\nlimit arm.rx linear twist.rx\n", 7, "at least one segment"),
        (TRANSFORM + "[Limits]\nlimit bend linear lean [1, 0, 1] [2, 0]\n", 7, "do not meet"),
        (TRANSFORM + "[Limits]\nlimit bend linear lean [1, 0] [2, 0]\n", 7, "rising ends"),
        (TRANSFORM + "[Limits]\nlimit bend halfplane lean [0, 0] 1\n", 7, "no length"),
        (TRANSFORM + "[Limits]\nlimit arm ellipsoid [1, 2] root [0, 0, 1]\n", 7, "expected 3 numbers"),
        (TRANSFORM + "[Limits]\nlimit bend minmax [0, 1] $\n", 7, "unexpected text '\\$'"),
    ],
)
def test_faults_name_file_and_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ModelError, match=rf"rig\.model, line {line}: .*{what}"):
        parse_model(text, JOINTS, "rig.model")


def test_endless_doubling_through_references_stays_small() -> None:
    lines = [f"{a}.rx = 1 * {b}.rx + 1 * {b}.rx\n" for _ in range(600) for a, b in (("arm", "twist"), ("twist", "arm"))]
    with pytest.raises(ModelError, match="not a number"):
        parse_model(TRANSFORM + "".join(lines), JOINTS)


def test_huge_files_are_refused() -> None:
    with pytest.raises(ModelError, match="far too large"):
        parse_model("#" * 2_000_000, JOINTS)
    many = "".join(f"arm.rx = 1 * p{i}\n" for i in range(2000))
    with pytest.raises(ModelError, match="more than"):
        parse_model(TRANSFORM + many, JOINTS)


def test_fuzzed_files_give_a_model_error_or_a_definition() -> None:
    text, joints = model_text(), load_rig_facts().joint_names
    rng = np.random.default_rng(3)
    for _ in range(150):
        spoiled = list(text[: rng.integers(len(text))] if rng.random() < 0.5 else text)
        for position in rng.integers(0, max(len(spoiled), 1), rng.integers(0, 4)):
            if spoiled:
                spoiled[position] = chr(rng.integers(1, 256))
        with contextlib.suppress(ModelError):
            parse_model("".join(spoiled), joints)
