"""A network's model parameters within what MHR allows, with the joints where the network has them.

Moving each number to its limit would move the body: in a real answer of SAM 3D Body, from whose annotations the network
learns, the joints by 5 cm (``docs/figures.md``), most of it by parameters that MHR itself holds at 0
(``*_flexible``). So what can be said by other parameters is said by these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera
from native_runtime.fitting.hold import HELD, HoldTerm
from native_runtime.fitting.pins import AngleTerm
from native_runtime.fitting.problem import Problem, SeenPoints
from native_runtime.fitting.solver import minimise
from native_runtime.mhr import Body, PointSet, SparseRows
from native_runtime.mhr.state import PlacedState

Array = NDArray[np.float64]

_ROOT_PLACE = slice(0, 3)
_SIZES = slice(130, 204)
"""Where lengths and scales are; before them are angles."""

_BEYOND = 0.5
"""A size that lies beyond its limits by more than so much, and by more than half of their range, was not measured:
networks that are trained without bounds can answer anything (the publisher's own margin, `--scale-bound-margin`)."""

_JOINT = 0.005
_FREE = 0.3
"""Metres by which a joint may be off, and what a parameter (radians, or its unit) may change for that."""

_EVER = 1e6


@dataclass(frozen=True)
class Sound:
    """A network's answer that a body can have.

    Attributes:
        state: with root translation 0 and sizes that are possible.
        senseless: names of sizes that were far beyond what MHR allows, and are those of the mean body.
    """

    state: PlacedState
    senseless: tuple[str, ...]


class Bounds:
    """What MHR allows a body; made once for it. `sound` may be called by several threads at once."""

    def __init__(self, body: Body) -> None:
        self._body = body
        low, high = body.limit_min, body.limit_max
        self._held = (low == 0.0) & (high == 0.0)
        self._free = np.flatnonzero((high > low) & np.isfinite(low) & np.isfinite(high))

    @cached_property
    def _null(self) -> Array:
        """(204, 12) the directions of the parameters that move no joint: each ``*_flexible`` against its ``scale_*`` or
        spine partner.
        """
        matrix = self._body.parameterisation.matrix
        values, directions = np.linalg.eigh(matrix.T @ matrix)
        return np.asarray(directions[:, values < 1e-9 * values[-1]])

    @cached_property
    def _joints(self) -> SeenPoints:
        return SeenPoints(_points(self._body, list(HELD)))

    @cached_property
    def _root(self) -> PointSet:
        return _points(self._body, ["root"])

    def sound(self, state: PlacedState) -> Sound:
        """A finite state with its root's translation in the camera's, and without impossible sizes; all else as it
        is.
        """
        body, parameters = self._body, state.model_parameters.copy()
        low, high = body.limit_min[_SIZES], body.limit_max[_SIZES]
        margin = np.maximum(_BEYOND, (high - low) / 2.0)
        # what two sizes take from each other is none
        plain = self._plain(parameters)[_SIZES]
        wild = (plain < low - margin) | (plain > high + margin)
        if wild.any():
            parameters[_SIZES] = np.where(wild, np.clip(0.0, low, high), plain)
        names = tuple(str(name) for name in np.array(body.parameter_names[_SIZES])[wild])
        return Sound(self._without_root_place(replace(state, model_parameters=parameters)), names)

    def bounded(self, state: PlacedState) -> PlacedState:
        """A sound state within MHR's limits whose joints are, as near as these let them, where they were."""
        body = self._body
        if not body.parameterisation.violation(state.model_parameters).any():
            return state
        home = body.parameterisation.clamp(self._plain(state.model_parameters))
        places = self._joints.camera(body.pose(state.model_parameters), state)
        sigmas = np.full(len(places), _JOINT)
        terms = (
            HoldTerm(self._joints, places, sigmas, sigmas, np.full(len(places), _EVER)),
            AngleTerm(self._free, home, np.full(len(self._free), _FREE)),
        )
        problem = Problem(body, self._free, terms, home)
        start = replace(state, model_parameters=home)
        return minimise(start, problem.linearise, problem.cost, problem.retract, 10, 1e-3, 1e-3).state

    def _plain(self, parameters: Array) -> Array:
        """The same joints by other numbers (204,): least in the parameters that MHR holds at 0."""
        step, *_ = np.linalg.lstsq(self._null[self._held], -parameters[self._held], rcond=None)
        return np.asarray(parameters + self._null @ step)

    def _without_root_place(self, state: PlacedState) -> PlacedState:
        """The same body in the same place, with root translation 0."""
        parameters = state.model_parameters
        if not parameters[_ROOT_PLACE].any():
            return state
        still = parameters.copy()
        still[_ROOT_PLACE] = 0.0
        there, here = (
            mhr_to_camera(self._root.positions(self._body.pose(values)))[0] for values in (parameters, still)
        )
        return replace(state, model_parameters=still, camera_translation=state.camera_translation + there - here)


def _points(body: Body, names: Sequence[str]) -> PointSet:
    """Joints of a body."""
    rows = np.arange(len(names), dtype=np.int32)
    columns = np.array([body.vertex_count + body.joint_index(name) for name in names], np.int32)
    return PointSet.from_rows(body, SparseRows(len(names), rows, columns, np.ones(len(names))))
