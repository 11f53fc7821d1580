"""The prior of the skeleton for somebody of an age: a child's proportions and size in place of an adult's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from native_runtime.mhr import Body
from native_runtime.mhr.ages import AgedBody

from .prior import PosePrior


def size_of(body: Body, aged: AgedBody) -> float:
    """How large somebody of an age is beside the body as it is by itself."""
    return aged.stature / float(np.ptp(body.rest_vertices[:, 1]))


def of_age(prior: PosePrior, body: Body, aged: AgedBody) -> PosePrior:
    """The prior for somebody of an age (``mhr.ages``): bone lengths lie about that age's, whatever the prior has for
    adults, and stray from them in proportion to the size; MHR's limits, which are an adult's, move along. Poses stay.
    """
    lengths = np.array([body.parameter_names[index].startswith("scale_") for index in prior.parameters])
    means = np.where(lengths, aged.parameters[prior.parameters], prior.means)
    first, second = prior.coupled.T
    coupled = lengths[first] & lengths[second]
    return replace(
        prior,
        means=means,
        deviations=np.where(lengths, min(size_of(body, aged), 1.0), 1.0) * prior.deviations,
        offsets=np.where(coupled, means[first] - prior.factors * means[second], prior.offsets),
        skeleton=aged.parameters,
    )
