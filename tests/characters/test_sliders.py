"""Sliders, links between bones, and the numbers behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.characters.rig_map import RigMap
from native_runtime.characters.settings import parameters_of, solve_parameters
from native_runtime.characters.sliders import (
    character_sliders,
    expression_sliders,
    identity_sliders,
    is_length,
    label_of,
    parameter_sliders,
)
from native_runtime.characters.wiring import ParameterHomes, Wiring
from native_runtime.mhr import Body


def test_every_parameter_has_one_home(any_body: Body) -> None:
    homes = ParameterHomes.of(any_body)
    posed = np.flatnonzero(homes.rows >= 0)
    assert sorted([*posed, *homes.sliders]) == list(range(204))
    assert len(set(homes.rows[posed])) == len(posed)
    names = any_body.parameter_names
    assert {names[i] for i in homes.shared} == {
        f"spine_{move}{k}" for move in ("bend", "lean", "twist") for k in (0, 1)
    }
    assert {names[i] for i in homes.sliders if names[i].startswith("scale_")} == {
        name for name in names if name.startswith("scale_")
    }
    elbow = homes.rows[any_body.parameter_index("l_elbow_bend")]
    assert divmod(int(elbow), 7) == (any_body.joint_index("l_lowarm"), 5)


def test_links_say_what_the_transform_says(any_body: Body) -> None:
    """Wiring, evaluated by hand, gives every channel of every pose."""
    wiring, rig_map = Wiring.of(any_body), RigMap.of(any_body)
    parameters = np.random.default_rng(2).normal(0, 1, 204)
    joints = any_body.joint_parameters(parameters)
    wanted = rig_map.channels.channels(joints)
    # what an artist poses: each posed parameter's own share of its channel
    own = np.zeros_like(joints).reshape(-1)
    homes = rig_map.homes
    posed = np.flatnonzero(homes.rows >= 0)
    own[homes.rows[posed]] = parameters[posed] * homes.transform[homes.rows[posed], posed]
    posing = rig_map.channels.channels(own.reshape(joints.shape))
    index = any_body.joint_index
    location, rotation, scale = posing.location.copy(), posing.rotation.copy(), np.ones_like(posing.rotation)
    for link in (*wiring.links, *wiring.added):
        total = sum(
            factor * (posing.rotation[index(s.bone), s.axis] if s.bone else parameters[s.parameter])
            for factor, s in link.terms
        )
        if link.channel == "location":
            location[index(link.bone), link.axis] += total
        elif link.channel == "scale":
            scale[index(link.bone), link.axis] = 2**total
        else:
            rotation[index(link.bone), link.axis] += total
    assert location == pytest.approx(wanted.location, abs=1e-7)
    assert rotation == pytest.approx(wanted.rotation, abs=1e-9)
    assert scale == pytest.approx(np.repeat(wanted.scale[:, None], 3, axis=1))


def test_twist_helpers_follow_their_limbs(any_body: Body) -> None:
    links = {link.bone: link for link in Wiring.of(any_body).links if link.channel == "rotation_euler"}
    ((_, source),) = links["l_uparm_twist0_proc"].terms
    assert source.bone == "l_uparm"
    ((factor, _),) = links["r_uparm_twist2_proc"].terms
    assert factor == pytest.approx(-0.5)
    ((_, source),) = links["r_lowarm_twist1_proc"].terms
    assert source.bone == "r_wrist_twist"
    # the knee's second axis belongs to the skeleton
    ((_, source),) = links["l_lowleg"].terms
    assert any_body.parameter_names[source.parameter] == "scale_knee_knock"


def test_sliders_are_readable(any_body: Body) -> None:
    sliders = character_sliders(any_body)
    assert len({slider.key for slider in sliders}) == len(sliders)
    assert len(parameter_sliders(any_body)) == 80
    for slider in sliders:
        assert slider.key == f"{slider.group}: {slider.name}"
        assert len(slider.key.encode()) <= 63
        assert slider.floor <= slider.low < slider.high <= slider.ceiling
        assert slider.floor <= 0 <= slider.ceiling
        assert slider.description
        assert not slider.description.endswith(".")
    by_key = {slider.key: slider for slider in sliders}
    forearm = by_key["Arms: Forearm Length"]
    index = any_body.parameter_index("scale_lowarms")
    limits = any_body.limit_min[index], any_body.limit_max[index]
    assert (forearm.index, forearm.low, forearm.high) == (index, 10 * limits[0], 10 * limits[1])  # cm
    assert by_key["Legs: Knee Knock"].low < 0 < by_key["Legs: Knee Knock"].high
    assert len(identity_sliders(any_body)) == any_body.identity_count
    assert len(expression_sliders(any_body)) == any_body.expression_count


def test_solving_is_exact_and_prefers_the_whole_spine(any_body: Body) -> None:
    homes = ParameterHomes.of(any_body)
    rng = np.random.default_rng(5)
    parameters = rng.normal(0, 1, 204)
    sliders = parameters[list(homes.sliders)]
    found, beyond = solve_parameters(homes, any_body.joint_parameters(parameters), sliders, near=parameters)
    assert found == pytest.approx(parameters, abs=1e-9)
    assert np.abs(beyond).max() < 1e-9
    # what MHR allows: the joints' own parameters are 0, and need no hint
    allowed = np.clip(parameters, any_body.limit_min, any_body.limit_max)
    sliders = allowed[list(homes.sliders)]
    found, _ = solve_parameters(homes, any_body.joint_parameters(allowed), sliders, near=np.zeros(204))
    assert found == pytest.approx(allowed, abs=1e-9)
    # without a hint the numbers may differ, the pose may not
    found, beyond = solve_parameters(
        homes, any_body.joint_parameters(parameters), parameters[list(homes.sliders)], np.zeros(204)
    )
    assert any_body.joint_parameters(found) == pytest.approx(any_body.joint_parameters(parameters), abs=1e-9)
    # what no parameter moves comes back beside them
    joints = any_body.joint_parameters(parameters)
    joints[any_body.joint_index("c_jaw"), 4] += 0.5
    _, beyond = solve_parameters(homes, joints, parameters[list(homes.sliders)], parameters)
    assert beyond[any_body.joint_index("c_jaw"), 4] == pytest.approx(0.5)
    assert np.abs(beyond).sum() == pytest.approx(0.5)


def test_parts_share_the_parameters(any_body: Body) -> None:
    pose, skeleton = parameters_of(any_body, "pose"), parameters_of(any_body, "skeleton")
    assert (pose != skeleton).all()
    assert skeleton.sum() == 74
    assert pose[any_body.parameter_index("spine_bend0")]


def test_sliders_have_titles_and_units(any_body: Body) -> None:
    for slider in character_sliders(any_body):
        label = label_of(slider.key)
        assert "_" not in label
        assert label[0].isupper()
        assert len(label) <= 26, "the sidebar of the usual width cuts it off"
        assert label.endswith(" (cm)") == is_length(slider.key)
        assert "per unit" not in slider.description
    assert label_of("Torso: Shoulder Width") == "Shoulder Width (cm)"
    assert label_of("Body: weight_softness") == "Weight Softness"
    assert label_of("Face: eyeBlinkLeft") == "Eye Blink Left"
    assert label_of("Torso: Shoulder Width", in_cm=False) == "Shoulder Width"


def test_every_slider_of_the_default_body_says_what_it_does(default_body_path: Path) -> None:
    sliders = identity_sliders(Body.load(default_body_path))
    assert len({slider.description.partition(";")[0] for slider in sliders}) == len(sliders)
