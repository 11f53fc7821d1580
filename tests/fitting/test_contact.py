"""Hands that touch: which are taken to, and what it does to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from native_runtime.fitting.contact import ContactSettings, ContactTerm
from native_runtime.fitting.pins import AngleTerm, RootTether
from native_runtime.fitting.prior import PosePrior
from native_runtime.fitting.problem import Problem, SeenPoints
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from tests.support.derivatives import assert_gradient

BEFORE_CHEST = {"l_uparm_twist": 0.74, "l_uparm_ry": 0.08, "l_uparm_rz": 1.44, "l_elbow_bend": 1.56}
"""The left hand two centimetres before the chest."""
SEEN = {"l_hand": 1, "r_hand": 1}


@pytest.fixture(scope="module")
def body(default_body_path: Path) -> Body:
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def posed(body: Body, angles: dict[str, float]) -> PlacedState:
    parameters = PosePrior.load(body).natural_parameters(body)
    for name, value in angles.items():
        parameters[body.parameter_index(name)] = value
    return PlacedState(
        body.parameterisation.clamp(parameters),
        np.zeros(body.identity_count),
        np.zeros(body.expression_count),
        np.array([0.1, 1.0, 3.5]),
    )


def parts(term: ContactTerm) -> set[tuple[str, str]]:
    volume = term.volume
    return {(volume.parts[sphere], volume.capsule_parts[capsule]) for sphere, capsule in term.pairs}


def test_a_hand_just_before_the_chest_touches_it(body: Body) -> None:
    assert parts(ContactTerm(body, SEEN, posed(body, BEFORE_CHEST))) == {("l_hand", "trunk")}


@pytest.mark.parametrize(
    ("angles", "sight"),
    [
        (BEFORE_CHEST, {"l_hand": -1, "r_hand": -1}),
        (BEFORE_CHEST, {"l_hand": 0}),
        (BEFORE_CHEST | {"l_uparm_rz": 0.9}, SEEN),
        ({}, SEEN),
        ({"l_elbow_bend": -0.3, "r_elbow_bend": -0.3, "l_uparm_ry": -0.9, "r_uparm_ry": -0.9}, SEEN),
    ],
    ids=["hidden", "unknown", "far before it", "arms aside", "arms hang at the thighs"],
)
def test_others_do_not(body: Body, angles: dict[str, float], sight: dict[str, int]) -> None:
    assert parts(ContactTerm(body, sight, posed(body, angles))) == set()


def test_derivatives_equal_finite_differences(body: Body) -> None:
    state = posed(body, BEFORE_CHEST)
    assert_gradient(body, ContactTerm(body, SEEN, state), state)


def settled(body: Body, state: PlacedState, sigma: float) -> tuple[float, float]:
    """The gap before and after (m), of a body that its own angles hold, with a factor on their spread."""
    prior, term = PosePrior.load(body), ContactTerm(body, SEEN, state)
    near = AngleTerm(prior.parameters, state.model_parameters, sigma * prior.deviations)
    problem = Problem(body, prior.parameters, (term, near, RootTether(state, 1e-3, 1e-3)), state.model_parameters)
    moved = minimise(state, problem.linearise, problem.cost, problem.retract, 30).state
    seen = SeenPoints(term.volume.points)
    before, after = (
        term._gaps(seen.camera(body.pose(s.model_parameters), s), s, term.pairs).gap for s in (state, moved)
    )
    return float(before.max()), float(np.abs(after).max())


def test_what_touches_is_drawn_together_softly(body: Body) -> None:
    """Surface to surface where nothing opposes it; what does oppose it prevails."""
    before, after = settled(body, posed(body, BEFORE_CHEST), 1.0)
    assert before > 0.015
    assert after < 0.006
    before, after = settled(body, posed(body, BEFORE_CHEST), 0.01)
    assert after > 0.8 * before


def test_two_hands_touch_from_farther_off(body: Body) -> None:
    """Hands that cover each other in the photo."""
    angles = {
        f"{s}_{name}": v for s in "lr" for name, v in (("uparm_twist", 1.0), ("uparm_rz", 0.9), ("elbow_bend", 1.3))
    }
    found = set()
    for lift in np.linspace(-0.4, 0.4, 17):
        state = posed(body, angles | {"l_uparm_rz": 0.9 + lift, "l_uparm_ry": -0.38 + 0.4 * lift})
        found |= {
            pair for pair in parts(ContactTerm(body, SEEN, state, ContactSettings(reach=0.0))) if "hand" in pair[1]
        }
    assert found <= {("l_hand", "r_hand"), ("r_hand", "l_hand")}
    assert found
