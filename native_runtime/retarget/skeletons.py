"""The two skeletons of a retargeting: MHR at rest and posed, and another one at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import MHR_TO_BLENDER, mhr_to_blender
from native_runtime.errors import UsageError
from native_runtime.mhr.rotations import angle_between, frame, unit

from .roles import SIDES

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.mhr import Body, Pose

Array = NDArray[np.float64]

#: A skeleton that stands this near to a world axis is taken to be built along it, and not to lean (radians).
_UPRIGHT = np.radians(20.0)


@dataclass(frozen=True)
class SourcePose:
    """A person as MHR's joints: metres, Blender's axes (Z up, facing -Y at rest, their left is +X).

    Attributes:
        names, parents: of the J joints; a parent stands before its children, -1 for the first.
        rest, posed: (J, 3) where the joints are, of the same person's skeleton at rest and as estimated.
        axes, posed_axes: (J, 3, 3) their rotations.
        floor, posed_floor: height of the lowest point of the skin.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int32]
    rest: Array
    posed: Array
    axes: Array
    posed_axes: Array
    floor: float
    posed_floor: float

    @classmethod
    def of(cls, body: Body, joint_parameters: Array, identity: Array | None = None) -> SourcePose:
        """The person of joint parameters (J, 7) on a body; rest is the same with all angles at 0."""
        still = np.array(joint_parameters, dtype=np.float64)
        still[:, 3:6] = 0.0
        still[body.joint_index("root"), :3] = 0.0
        shape = body.rest_shape(identity)
        rest, posed = body.skeleton.forward(still), body.skeleton.forward(joint_parameters)
        return cls(
            names=tuple(str(name) for name in body.joint_names),
            parents=np.asarray(body.joint_parents, dtype=np.int32),
            rest=mhr_to_blender(rest.translations),
            posed=mhr_to_blender(posed.translations),
            axes=MHR_TO_BLENDER @ rest.rotations,
            posed_axes=MHR_TO_BLENDER @ posed.rotations,
            floor=_lowest(body, rest, shape),
            posed_floor=_lowest(body, posed, shape),
        )

    @classmethod
    def of_estimate(cls, body: Body, estimate: Estimate) -> SourcePose:
        """The person of an estimate, which must be of this body.

        Raises:
            UsageError: its identity has another number of coefficients.
        """
        if estimate.identity.shape != (body.identity_count,):
            raise UsageError(
                f"The estimate was made with the body '{estimate.body_name}', which is not the installed '{body.name}'."
            )
        return cls.of(body, body.joint_parameters(estimate.model_parameters), estimate.identity)

    @cached_property
    def turns(self) -> Array:
        """(J, 3, 3) how far each joint has turned from rest."""
        return self.posed_axes @ self.axes.transpose(0, 2, 1)

    @cached_property
    def index(self) -> dict[str, int]:
        """Joint name -> its number."""
        return {name: i for i, name in enumerate(self.names)}

    @property
    def ground(self) -> Array:
        """(3,) the point of the floor on which the person stands as posed, beneath the hip joints at rest."""
        middle = (self.rest[self.index["l_upleg"]] + self.rest[self.index["r_upleg"]]) / 2
        return np.array([middle[0], middle[1], self.posed_floor])


@dataclass(frozen=True)
class TargetSkeleton:
    """An armature at rest, in its own space and units.

    Attributes:
        names, parents: of the n bones; a parent stands before its children, -1 for those without.
        rest: (n, 4, 4) rigid; a bone begins at its matrix's origin and lies along its y axis.
        lengths: (n,)
    """

    names: tuple[str, ...]
    parents: NDArray[np.int32]
    rest: Array
    lengths: Array

    @cached_property
    def index(self) -> dict[str, int]:
        """Bone name -> its number."""
        return {name: i for i, name in enumerate(self.names)}

    @property
    def heads(self) -> Array:
        """(n, 3)"""
        return self.rest[:, :3, 3]

    @property
    def tails(self) -> Array:
        """(n, 3)"""
        return self.heads + self.rest[:, :3, 1] * self.lengths[:, None]

    def turned(self, rotation: Array) -> TargetSkeleton:
        """The same bones in turned axes: ``rotation`` (3, 3) maps the old ones to the new."""
        rest = self.rest.copy()
        rest[:, :3] = rotation @ rest[:, :3]
        return replace(self, rest=rest)

    def path(self, low: int, high: int) -> list[int] | None:
        """The bones from ``low`` up to its ancestor ``high``, both included; None where it is none."""
        chain = [low]
        while chain[-1] != high:
            parent = int(self.parents[chain[-1]])
            if parent < 0:
                return None
            chain.append(parent)
        return chain

    def forward(self, rotations: Mapping[int, Array], moved: Mapping[int, Array]) -> tuple[Array, Array]:
        """Where bones are when some are turned: heads (n, 3) and rotations (n, 3, 3).

        Args:
            rotations: bone -> its rotation (3, 3) in armature space; the others keep their rest beneath their parent.
            moved: bone -> how far (3,) its head is moved on top, armature space.
        """
        axes, heads = self.rest[:, :3, :3].copy(), self.heads.copy()
        for bone, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                turn = axes[parent] @ self.rest[parent, :3, :3].T
                axes[bone] = turn @ axes[bone]
                heads[bone] = heads[parent] + turn @ (self.heads[bone] - self.heads[parent])
            axes[bone] = rotations.get(bone, axes[bone])
            heads[bone] = heads[bone] + moved.get(bone, 0.0)
        return heads, axes


def standing_frame(target: TargetSkeleton, bones: Mapping[str, int]) -> Array:
    """The rotation (3, 3) that brings a skeleton's rest to Blender's axes: Z up, facing -Y, its left at +X.

    Left is where the left bones are, up is from the hips to the head. Skeletons are built along some axes of their
    space and may lean a little for all that; so the nearest such axes are taken where they are near.

    Args:
        bones: MHR joint -> bone.

    Raises:
        UsageError: too few bones are known to decide.
    """
    heads = target.heads
    across = [
        heads[bones[f"l_{part}"]] - heads[bones[f"r_{part}"]]
        for part in ("upleg", "uparm", "clavicle", "lowarm", "lowleg", "foot")
        if all(f"{side}_{part}" in bones for side in SIDES)
    ]
    low = _heads(target, bones, ("l_upleg", "r_upleg")) or _heads(target, bones, ("root",))
    high = _heads(target, bones, ("c_head", "c_neck", "l_uparm", "r_uparm"))
    left = None if not across else unit(np.sum([v / max(np.linalg.norm(v), 1e-12) for v in across], axis=0))
    if left is None or not low or not high:
        raise UsageError(
            "Too few bones are assigned to determine the armature's orientation: give at least the hips, the head, "
            "and the upper arms or thighs of both sides."
        )
    axes = frame(left, np.mean(high, axis=0) - np.mean(low, axis=0))
    if axes is None:
        raise UsageError("The armature's head lies beside its hips: its bones are not assigned correctly.")
    # its columns are left, up and front
    standing = np.column_stack([axes[:, 0], -axes[:, 2], axes[:, 1]]).T
    snapped = np.rint(standing).astype(np.float64)
    right_angled = abs(np.linalg.det(snapped) - 1.0) < 1e-9 and np.abs(snapped).sum() == 3
    near = all(angle_between(a, b) < _UPRIGHT for a, b in zip(snapped, standing)) if right_angled else False
    return snapped if near else standing


def _heads(target: TargetSkeleton, bones: Mapping[str, int], joints: tuple[str, ...]) -> list[Array]:
    return [target.heads[bones[joint]] for joint in joints if joint in bones]


def _lowest(body: Body, pose: Pose, shape: NDArray) -> float:
    return float(mhr_to_blender(body.skin(pose, shape))[:, 2].min())
