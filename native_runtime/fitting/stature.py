"""How tall somebody is expected to be, and what bone lengths follow.

A photo does not show how large anybody is: somebody taller may stand farther away. So the size of the body is what is
known about people's statures, and everything that is measured in metres, its distance included, is off by as much as
that is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json
from native_runtime.mhr import Body

from .prior import PosePrior
from .shape_prior import Sex

_UP = 1
_BONES = {
    "scale_spine_length": ("root", "c_neck"), "scale_neck_length": ("c_neck", "c_head"),
    "scale_uparms": ("l_uparm", "l_lowarm"), "scale_lowarms": ("l_lowarm", "l_wrist"),
    "scale_uplegs": ("l_upleg", "l_lowleg"), "scale_lowlegs": ("l_lowleg", "l_foot"),
}  # fmt: skip
"""The lengths that a stature decides: parameter -> the joints between which it moves."""
_ROUNDS = 6


def expected_stature(sex: Sex = "neutral", certainty: float = 1.0) -> float:
    """The mean stature of adults, cm.

    Args:
        sex: which sex somebody is most likely of.
        certainty: 0..1, how sure that is.
    """
    means = load_json("fit", "shape_prior.json")["statures"]
    return float((1.0 - certainty) * means["neutral"] + certainty * means[sex])


def standing_height(body: Body, model_parameters: NDArray) -> float:
    """From the soles to the crown, cm, of a body whose legs and spine are straight; identity aside."""
    rest, joints = body.skeleton.rest.translations[:, _UP], body.pose(model_parameters).translations[:, _UP]
    crown, soles = float(body.rest_vertices[:, _UP].max()), float(body.rest_vertices[:, _UP].min())
    head, foot = body.joint_index("c_head"), body.joint_index("l_foot")
    return float((crown - rest[head]) + (joints[head] - joints[foot]) + (rest[foot] - soles))


def of_stature(prior: PosePrior, body: Body, stature: float) -> PosePrior:
    """The prior for somebody of a stature (cm): the means of its bone lengths are the rest body's, all made larger or
    smaller by one factor.

    Spreads and couplings stay. What MHR's limits do not allow is left out: nobody becomes smaller than the body can be.
    """
    zero = np.zeros(len(body.parameter_names))
    index = np.array([body.parameter_index(name) for name in _BONES])
    slopes = np.array([_growth(body, name, *ends) for name, ends in _BONES.items()])
    low, high = body.limit_min[index], body.limit_max[index]

    def scaled(factor: float) -> NDArray[np.float64]:
        out = zero.copy()
        out[index] = np.clip((factor - 1.0) / slopes, low, high)
        return out

    # the head keeps its size, so that the factor is not that of the statures; linear but for the limits
    factor, height, slope = (
        1.0,
        standing_height(body, zero),
        (standing_height(body, scaled(1.01)) - standing_height(body, zero)) / 0.01,
    )
    for _ in range(_ROUNDS):
        factor += (stature - height) / slope
        height = standing_height(body, scaled(factor))
    slots = [int(np.flatnonzero(prior.parameters == parameter)[0]) for parameter in index]
    means = prior.means.copy()
    means[slots] = scaled(factor)[index]
    first, second = prior.coupled.T
    return replace(prior, means=means, offsets=means[first] - prior.factors * means[second])


def _growth(body: Body, name: str, start: str, end: str) -> float:
    """By what part of itself a bone of the rest body grows for one unit of a parameter; lengths are linear in it."""
    longer = np.zeros(len(body.parameter_names))
    longer[body.parameter_index(name)] = 0.1
    lengths = []
    for values in (np.zeros_like(longer), longer):
        joints = body.pose(values).translations
        lengths.append(float(np.linalg.norm(joints[body.joint_index(end)] - joints[body.joint_index(start)])))
    return (lengths[1] / lengths[0] - 1.0) / 0.1
