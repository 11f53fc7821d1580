"""MHR's parameterisation: which joints there are and how 204 model parameters move them.

The facts (names, parents, rest axes, coefficients, limits) are those of the Momentum Human Rig's
``compact_v6_1.model``; they are read from ``rig_templates/mhr/parameterisation.json``. A body file carries its own
copy, so that a loaded body stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from native_runtime.files.templates import load_json

CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz", "sc")
"""The seven joint parameters: translations in cm, Euler angles in radians, log2 of the scale."""

RIGID = slice(0, 6)
POSE = slice(6, 136)
SCALE = slice(136, 204)


@dataclass(frozen=True)
class Parameterisation:
    """A sparse linear map from model parameters to joint parameters, with limits.

    Attributes:
        names: model parameter names (P,).
        rows, columns, values: (n,) entries; row = joint * 7 + channel.
        limit_min, limit_max: (P,), infinite where MHR sets no limit.
        limit_weight: (P,) MHR's weights of the soft limits (1 where none is given).
        joint_count: number of joints J.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    limit_min: NDArray[np.float64]
    limit_max: NDArray[np.float64]
    limit_weight: NDArray[np.float64]
    joint_count: int

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """The dense transform (J * 7, P)."""
        dense = np.zeros((self.joint_count * 7, len(self.names)))
        np.add.at(dense, (self.rows, self.columns), self.values)
        return dense

    @cached_property
    def _by_row(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Entries sorted by row: (order, the rows that occur, where each begins)."""
        order = np.argsort(self.rows, kind="stable")
        rows, starts = np.unique(self.rows[order], return_index=True)
        return order, rows, starts

    def joint_parameters(self, model_parameters: NDArray) -> NDArray[np.float64]:
        """Joint parameters (..., J, 7) of model parameters (..., P)."""
        p = np.asarray(model_parameters, dtype=np.float64)
        if p.ndim == 1:
            sums = np.bincount(self.rows, p[self.columns] * self.values, self.joint_count * 7)
            return sums.astype(np.float64, copy=False).reshape(self.joint_count, 7)
        order, rows, starts = self._by_row
        # The batch is kept innermost: forward kinematics wants it there.
        rows_first = p.reshape(-1, p.shape[-1]).T
        out = np.zeros((self.joint_count * 7, rows_first.shape[1]))
        out[rows] = np.add.reduceat(rows_first[self.columns[order]] * self.values[order, None], starts, axis=0)
        joints_last = out.reshape(self.joint_count, 7, -1).transpose(2, 0, 1)
        return joints_last.reshape((*p.shape[:-1], self.joint_count, 7))

    def clamp(self, model_parameters: NDArray) -> NDArray[np.float64]:
        """Model parameters (..., P) moved to the nearest values inside the limits."""
        return np.clip(np.asarray(model_parameters, dtype=np.float64), self.limit_min, self.limit_max)

    def violation(self, model_parameters: NDArray) -> NDArray[np.float64]:
        """How far (..., P) each parameter lies outside its limits; 0 inside."""
        p = np.asarray(model_parameters, dtype=np.float64)
        return np.maximum(np.maximum(self.limit_min - p, p - self.limit_max), 0.0)


@dataclass(frozen=True)
class RigFacts:
    """What MHR fixes for every body: joints, their tree and rest axes, and the parameterisation.

    Attributes:
        joint_names: (127,) a parent always stands before its children.
        joint_parents: (127,) -1 for the first.
        rest_axes: (127, 3, 3) global rotation of each joint at zero parameters (columns x, y, z), MHR axes.
        parameterisation: the 204 model parameters.
        parameter_sets: MHR's named groups of parameters.
    """

    joint_names: tuple[str, ...]
    joint_parents: NDArray[np.int32]
    rest_axes: NDArray[np.float64]
    parameterisation: Parameterisation
    parameter_sets: dict[str, tuple[str, ...]]


def load_rig_facts() -> RigFacts:
    """Read MHR's facts from the project's data."""
    data = load_json("mhr", "parameterisation.json")
    joints = tuple(j["name"] for j in data["joints"])
    joint_index = {name: i for i, name in enumerate(joints)}
    parents = np.array([-1 if j["parent"] is None else joint_index[j["parent"]] for j in data["joints"]], np.int32)
    axes = np.array([j["rest_axes"] for j in data["joints"]]).transpose(0, 2, 1)
    # The file holds five decimals; the nearest rotation removes what rounding left.
    u, _, vt = np.linalg.svd(axes)
    parameters = data["parameters"]
    parameter_index = {p["name"]: i for i, p in enumerate(parameters)}
    entries = [
        (joint_index[target.split(".")[0]] * 7 + CHANNELS.index(target.split(".")[1]), parameter_index[name], value)
        for target, terms in data["transform"].items()
        for name, value in terms.items()
    ]
    rows, columns, values = zip(*entries, strict=True)
    parameterisation = Parameterisation(
        names=tuple(p["name"] for p in parameters),
        rows=np.array(rows, np.int32),
        columns=np.array(columns, np.int32),
        values=np.array(values, np.float64),
        limit_min=np.array([p.get("min", -np.inf) for p in parameters]),
        limit_max=np.array([p.get("max", np.inf) for p in parameters]),
        limit_weight=np.array([p.get("weight", 1.0) for p in parameters]),
        joint_count=len(joints),
    )
    sets = {name: tuple(members) for name, members in data["parameter_sets"].items()}
    return RigFacts(joints, parents, u @ vt, parameterisation, sets)
