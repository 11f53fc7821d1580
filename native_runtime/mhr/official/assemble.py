"""A body from the parts of the MHR release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.mhr.body import Body
from native_runtime.mhr.correctives import PoseCorrectives
from native_runtime.mhr.parameterisation import Parameterisation, RigFacts, load_rig_facts
from native_runtime.mhr.skeleton import Skeleton
from native_runtime.mhr.sparse import SparseRows

from . import points
from .fbx_rig import Rig
from .momentum_model import ModelDefinition

IDENTITY_GROUPS = ("body",) * 20 + ("head",) * 20 + ("hands",) * 5
"""The blend shapes ``shape_0..44``; source: facebookresearch/MHR, README."""
IDENTITY_RANGE = 3.0
"""MHR's coefficients are in standard deviations; its README gives -3 to 3 as the usual range."""
EXPRESSION_COUNT = 72
INFLUENCES = 8
LICENCE = "Apache-2.0 (Meta Platforms, Momentum Human Rig)"

_OFFSET_TOLERANCE = 1e-3
_TURN_TOLERANCE = 1e-5


def body_name(level: int) -> str:
    """What the body of a level of detail is called."""
    return f"mhr-lod{level}"


def check_skeleton(skeleton: Skeleton, source: str) -> RigFacts:
    """Make sure that the joints are the ones that this program knows how to drive.

    Raises:
        ModelError: they are not.
    """
    facts = load_rig_facts()
    if skeleton.names != facts.joint_names or not np.array_equal(skeleton.parents, facts.joint_parents):
        different = [name for name, known in zip(skeleton.names, facts.joint_names) if name != known]
        what = f"its joint {different[0]!r} is unexpected" if different else "its joints have a different hierarchy"
        if len(skeleton.names) != len(facts.joint_names):
            what = f"it has {len(skeleton.names)} joints instead of {len(facts.joint_names)}"
        raise ModelError(f"{source} does not hold MHR's skeleton: {what}. Take the file from the MHR release.")
    return facts


def check_definition(definition: ModelDefinition, facts: RigFacts, source: str) -> None:
    """Make sure that the definition is whole and has the parameters that this program knows.

    Raises:
        ModelError: it is cut short, or of another rig.
    """
    known = facts.parameterisation
    if definition.parameter_names != known.names:
        missing = [name for name in known.names if name not in definition.parameter_names]
        what = f"{missing[0]!r} is missing" if missing else "their order or number differs"
        raise ModelError(
            f"{source} does not define MHR's {len(known.names)} parameters ({what}). Take the released file."
        )
    if definition.constants:
        raise ModelError(f"{source} moves joints by constants, which MHR's bodies do not do. Take the released file.")
    found = definition.parameterisation(known.joint_count)
    unlimited = np.isfinite(known.limit_min) & ~np.isfinite(found.limit_min)
    if unlimited.any():
        name = known.names[int(np.argmax(unlimited))]
        raise ModelError(f"{source} has no limits for {name!r}; it seems to be cut short. Take an undamaged copy.")


def check_same_skeleton(one: Skeleton, other: Skeleton, name: str, other_name: str) -> None:
    """Make sure that two levels of detail stand on the same joints.

    Raises:
        ModelError: they do not, so the files come from different releases.
    """
    offset = float(np.abs(one.offsets - other.offsets).max())
    turn = float(np.abs(one.prerotation_matrices - other.prerotation_matrices).max())
    if offset > _OFFSET_TOLERANCE or turn > _TURN_TOLERANCE:
        raise ModelError(
            f"{name} and {other_name} do not belong together: their joints are up to {offset:.3g} cm apart. "
            "Take all files from one MHR release."
        )


def assemble(
    level: int,
    rig: Rig,
    parameterisation: Parameterisation,
    correctives: PoseCorrectives | None,
    origin: Mapping[str, Any],
    source: str,
) -> Body:
    """One level of detail as a body.

    Args:
        origin: where the data came from, for the body's provenance.
        source: what to call the mesh in messages.

    Raises:
        ModelError: the mesh does not have MHR's shapes.
    """
    identities = len(IDENTITY_GROUPS)
    if len(rig.shapes) != identities + EXPRESSION_COUNT:
        raise ModelError(
            f"{source} has {len(rig.shapes)} blend shapes instead of {identities} for identity and {EXPRESSION_COUNT} "
            "for expressions. Take the file from the MHR release."
        )
    indices, weights = strongest(rig.skin)
    nowhere = SparseRows(0, np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    body = Body(
        name=body_name(level),
        provenance=json.dumps({"licence": LICENCE, **origin}, sort_keys=True),
        skeleton=rig.skeleton,
        parameterisation=parameterisation,
        rest_vertices=rig.vertices.astype(np.float32),
        face_sizes=rig.face_sizes,
        face_vertices=rig.face_vertices,
        # The release's mesh is one closed skin; it has no eyes, teeth or other parts.
        face_materials=np.zeros(len(rig.face_sizes), np.int32),
        material_names=("skin",),
        uvs=rig.uvs.astype(np.float32),
        identity_basis=rig.shapes[:identities],
        identity_names=tuple(f"shape_{i}" for i in range(identities)),
        identity_groups=IDENTITY_GROUPS,
        identity_min=np.full(identities, -IDENTITY_RANGE),
        identity_max=np.full(identities, IDENTITY_RANGE),
        expression_basis=rig.shapes[identities:],
        expression_names=tuple(f"expression_{i}" for i in range(EXPRESSION_COUNT)),
        skin_indices=indices,
        skin_weights=weights,
        keypoint_names=(),
        keypoint_rows=nowhere,
        landmark_names=(),
        landmark_rows=nowhere,
        correctives=correctives,
    )
    return points.with_points(body)


def strongest(skin: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Dense weights (V, J) as joints and weights (V, K), falling, K <= 8 as in Momentum; each row sums to 1."""
    count = min(int(np.count_nonzero(skin, axis=1).max()), INFLUENCES)
    indices = np.argsort(-skin, axis=1, kind="stable")[:, :count]
    weights = np.take_along_axis(skin, indices, axis=1).astype(np.float64)
    indices = np.where(weights > 0, indices, 0)
    return indices.astype(np.int32), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
