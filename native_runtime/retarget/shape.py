"""A skeleton read by its shape alone: two legs, two arms, a head, and fingers, whatever the bones are called."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import unit

from .roles import FINGERS, spine_of
from .skeletons import TargetSkeleton

Array = NDArray[np.float64]

#: Bones are opposite each other, or in the middle, within this part of the skeleton's size.
_NEAR = 0.02

#: A head begins no higher above the shoulders than this part of the skeleton's size.
_HEAD = 0.15


def guess_by_shape(target: TargetSkeleton) -> dict[str, str]:
    """MHR joint -> bone, for a skeleton that stands upright and is alike on both sides; empty where it is not."""
    try:
        found = _Shape(target).read()
    except _NoHumanError:
        return {}
    return {joint: target.names[bone] for joint, bone in found.items()}


class _NoHumanError(Exception):
    """The skeleton has not the shape of a human."""


class _Shape:
    def __init__(self, target: TargetSkeleton) -> None:
        self.target = target
        self.children: list[list[int]] = [
            np.flatnonzero(target.parents == i).tolist() for i in range(len(target.names))
        ]
        self.ends = np.array(
            [target.heads[i] if self.children[i] else target.tails[i] for i in range(len(target.names))]
        )
        self.size = float(np.ptp(target.heads, axis=0).max()) or 1.0
        across, up = self._axes()
        self.across = (target.heads @ across) - np.median(target.heads @ across)
        self.height = target.heads @ up
        self.up, self.left = up, across
        self.central = np.abs(self.across) < _NEAR * self.size

    def read(self) -> dict[str, int]:
        """Joint -> bone.

        Raises:
            _NoHumanError: legs, arms or a head are missing.
        """
        hips, legs = self._pair([self._lowest(sign) for sign in (1.0, -1.0)])
        taken = {bone for leg in legs for bone in leg}
        chest, arms = self._pair([self._outermost(sign, taken) for sign in (1.0, -1.0)])
        if not self._hangs(chest, hips):
            raise _NoHumanError
        arms = [self._to_hand(arm) for arm in arms]
        if self._front(legs) @ np.cross(self.left, self.up) < 0.0:  # the first side is the right one
            legs, arms = legs[::-1], arms[::-1]
        shoulders = float(np.mean([self.height[arm[0]] for arm in arms]))
        found = {"root": hips, **self._spine_and_head(hips, chest, shoulders)}
        for side, leg, arm in zip("lr", legs, arms):
            found |= self._limb(side, ("upleg", "lowleg", "foot", "ball"), leg)
            found |= self._limb(side, ("uparm", "lowarm", "wrist"), arm, before="clavicle")
            if f"{side}_wrist" in found:
                found |= self._fingers(side, found[f"{side}_wrist"])
        return found

    def _axes(self) -> tuple[Array, Array]:
        """The directions across the body and up it: the one with most bones opposite each other, the longer of the
        others.
        """
        heads = self.target.heads
        pairs = []
        for axis in range(3):
            mirrored = heads.copy()
            mirrored[:, axis] = 2 * np.median(heads[:, axis]) - mirrored[:, axis]
            gaps = np.linalg.norm(heads[:, None] - mirrored[None], axis=2).min(axis=1)
            off = np.abs(heads[:, axis] - np.median(heads[:, axis])) > _NEAR * self.size
            pairs.append(int(np.sum((gaps < _NEAR * self.size) & off)))
        across = int(np.argmax(pairs))
        others = [axis for axis in range(3) if axis != across]
        tall = max(others, key=lambda axis: float(np.ptp(heads[:, axis])))
        up = np.eye(3)[tall]
        side = np.abs(heads[:, across] - np.median(heads[:, across]))
        height = heads @ up
        lowest, highest = np.argsort(height)[:2], np.argsort(height)[-2:]
        # a head is in the middle, feet are not
        return np.eye(3)[across], up if side[lowest].mean() > side[highest].mean() else -up

    def _line(self, bone: int) -> list[int]:
        line = [bone]
        while (parent := int(self.target.parents[line[-1]])) >= 0:
            line.append(parent)
        return line

    def _hangs(self, bone: int, above: int) -> bool:
        return above in self._line(bone)

    def _pair(self, leaves: list[int]) -> tuple[int, list[list[int]]]:
        """The bone that two limbs hang on, and the bones of each down to its end."""
        first, second = (self._line(leaf) for leaf in leaves)
        middle = next((bone for bone in first if bone in second), None)
        if middle is None or not self.central[middle]:
            raise _NoHumanError
        return middle, [line[: line.index(middle)][::-1] for line in (first, second)]

    def _leaves(self, sign: float) -> list[int]:
        found = [i for i, below in enumerate(self.children) if not below and self.across[i] * sign > _NEAR * self.size]
        if not found:
            raise _NoHumanError
        return found

    def _lowest(self, sign: float) -> int:
        return min(self._leaves(sign), key=lambda i: float(self.height[i]))

    def _outermost(self, sign: float, legs: set[int]) -> int:
        free = [leaf for leaf in self._leaves(sign) if not legs & set(self._line(leaf))]
        if not free:
            raise _NoHumanError
        return max(free, key=lambda i: float(self.across[i] * sign))

    def _to_hand(self, arm: list[int]) -> list[int]:
        """An arm without its fingers: the hand is where these part."""
        hand = next((i for i, bone in enumerate(arm) if len(self._branches(bone)) > 1 and i >= 2), len(arm) - 1)
        return arm[: hand + 1]

    def _branches(self, bone: int) -> list[int]:
        return [child for child in self.children[bone] if self.children[child]]

    def _limb(self, side: str, parts: tuple[str, ...], chain: list[int], before: str = "") -> dict[str, int]:
        """The two longest bones one after the other are upper and lower arm or leg."""
        if len(chain) < 2:
            raise _NoHumanError
        heads = np.array([*self.target.heads[chain], self.ends[chain[-1]]])
        lengths = np.linalg.norm(np.diff(heads, axis=0), axis=1)
        # the last bone of an arm is the hand; it is never the lower arm where there is another way to read it
        last = len(chain) - 1 if len(chain) > 2 else len(chain)
        first = max(range(last - 1), key=lambda i: float(min(lengths[i], lengths[i + 1])))
        found = {f"{side}_{part}": bone for part, bone in zip(parts, chain[first:])}
        if before and first > 0:
            found[f"{side}_{before}"] = chain[first - 1]
        return found

    def _front(self, legs: list[list[int]]) -> Array:
        """Where the toes point, without what of it is up or across."""
        reach = np.zeros(3)
        for side, leg in zip("lr", legs):
            foot = self._limb(side, ("upleg", "lowleg", "foot"), leg).get(f"{side}_foot", leg[-1])
            reach += self.ends[leg[-1]] - self.target.heads[foot]
        reach -= self.up * (reach @ self.up) + self.left * (reach @ self.left)
        # without toes: as most armatures are built
        return reach if unit(reach) is not None else np.array([0.0, -self.up[2], self.up[1]])

    def _spine_and_head(self, hips: int, chest: int, shoulders: float) -> dict[str, int]:
        line = self._line(chest)
        found = spine_of(line[: line.index(hips)][::-1])
        above = [i for i in np.flatnonzero(self.central) if i != chest and self._hangs(int(i), chest)]
        if not above:
            raise _NoHumanError
        top = self._line(int(max(above, key=lambda i: float(self.height[i]))))
        neck = top[: top.index(chest)][::-1]
        if len(neck) == 1:
            return {**found, "c_head": neck[0]}
        # what begins higher is the end of a head
        heads = [bone for bone in neck[1:] if self.height[bone] - shoulders < _HEAD * self.size] or neck[1:2]
        return {**found, "c_neck": neck[0], "c_head": heads[-1]}

    def _fingers(self, side: str, hand: int) -> dict[str, int]:
        chains = []
        for child in self._branches(hand):
            chain = [child]
            while self.children[chain[-1]]:
                chain.append(self.children[chain[-1]][0])
            chains.append(chain[:3])
        if len(chains) != 5:
            return {}
        heads = self.target.heads
        chains.sort(key=lambda chain: float(np.linalg.norm(heads[chain[0]] - heads[hand])))
        thumb, rest = chains[0], chains[1:]
        rest.sort(key=lambda chain: float(np.linalg.norm(heads[chain[0]] - heads[thumb[0]])))
        return {
            f"{side}_{finger}{number}": bone
            for finger, chain in zip(("thumb", *FINGERS), [thumb, *rest])
            for number, bone in enumerate(chain, start=1)
        }
