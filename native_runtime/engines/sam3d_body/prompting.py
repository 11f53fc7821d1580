"""Keypoint prompts as the decoders take them: the artist's own, and those that the hands give to the body.

A prompt is (x, y, label): a place 0..1 of the crop, and the keypoint's number, or -1 (a point that is wrong; the
decoder does not look at its place) or -2 (no information).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import PromptError
from native_runtime.models import sam3d_body_layout as layout
from native_runtime.prompts.prompt import Prompt, PromptKind, keypoint_titles, kind_of

from .hands import ELBOWS, SIDES, WRISTS, Hands, Side
from .prediction import Prediction
from .preprocess import Crops

Array = NDArray[Any]

NO_PROMPT = np.array([[0.0, 0.0, -2.0]], np.float32)
"""(1, 3): what the decoders are given where there is nothing to say."""

_LABELS: dict[PromptKind, int] = {"incorrect": -1, "ignore": -2}
_HAND_KEYPOINTS = {"right": layout.RIGHT_HAND_KEYPOINTS, "left": slice(42, 63)}
# Order of the hands' prompts to the body, and whose hand speaks.
_TOLD = (WRISTS[1], WRISTS[0], ELBOWS[1], ELBOWS[0])
_TELLING = [SIDES.index(side) for side in ("right", "left", "right", "left")]


@dataclass(frozen=True, eq=False)
class Routed:
    """The artist's prompts for one person, each (P, 3), for the decoders that are to hear them.

    Attributes:
        notes: what could not be done as requested, in plain words.
    """

    body: Array
    hands: dict[Side, Array]
    notes: tuple[str, ...] = ()


def hand_of(keypoint: int) -> Side | None:
    """The hand that a keypoint belongs to. Wrists end the arms: they belong to the body."""
    for side in () if keypoint in WRISTS else SIDES:
        if _HAND_KEYPOINTS[side].start <= keypoint < _HAND_KEYPOINTS[side].stop:
            return side
    return None


def route(prompts: Sequence[Prompt], body: Crops, hands: dict[Side, Hands]) -> Routed:
    """Send each prompt to its decoder: fingers to their hand, all else to the body.

    A finger whose place lies outside its hand's crop goes to the body decoder, which knows all keypoints but sees them
    smaller. The order in which prompts are given does not matter.

    Args:
        prompts: px of the photo.
        body, hands: one person's; no hands where the hand decoder is not asked.

    Raises:
        PromptError: a place lies outside even the body's crop: the decoder cannot take it.
    """
    to_body: list[Array] = []
    to_hands: dict[Side, list[Array]] = {side: [] for side in hands}
    notes: list[str] = []
    for prompt in sorted(prompts, key=lambda p: p[0]):
        index, side = prompt[0], hand_of(prompt[0])
        to_hand = _row_for_hand(prompt, hands[side]) if side is not None and side in hands else None
        if side is not None and to_hand is not None:
            to_hands[side].append(to_hand)
            continue
        row = _row(index, np.array(prompt[1:3]), kind_of(prompt), body)
        if row is None:
            raise PromptError(_outside(index, body))
        to_body.append(row)
        if side in hands and to_hand is None:
            notes.append(f"The {keypoint_titles()[index].lower()} lies outside the crop of the {side} hand.")
    return Routed(_rows(to_body), {side: _rows(rows) for side, rows in to_hands.items() if rows}, tuple(notes))


def _row_for_hand(prompt: Prompt, hand: Hands) -> Array | None:
    """A prompt (3,) for the decoder of right hands; None where it lies outside the hand's crop."""
    shift = _HAND_KEYPOINTS[hand.side].start - _HAND_KEYPOINTS["right"].start
    return _row(prompt[0] - shift, hand.unmirrored(np.array(prompt[1:3])), kind_of(prompt), hand.crops)


def _row(label: int, point: Array, kind: PromptKind, crop: Crops) -> Array | None:
    """One prompt (3,); None where the point lies outside the crop."""
    if kind != "place":
        return np.array([0.0, 0.0, _LABELS[kind]], np.float32)
    place = crop.places(point[None, None])[0, 0]
    if (place < 0.0).any() or (place > 1.0).any():
        return None
    return np.array([*place, label], np.float32)


def _outside(index: int, crop: Crops) -> str:
    low, high = crop.centre[0] - crop.side[0] / 2, crop.centre[0] + crop.side[0] / 2
    return (
        f"The {keypoint_titles()[index].lower()} lies outside the crop of this person: x from {low[0]:.0f} "
        f"to {high[0]:.0f} and y from {low[1]:.0f} to {high[1]:.0f} pixels. Move it inside, or leave it out."
    )


def _rows(prompts: list[Array]) -> Array:
    return np.array(prompts, np.float32).reshape(-1, 3)


def from_hands(first: Prediction, crops: Crops, left: Hands, right: Hands, valid: NDArray[np.bool_]) -> Array:
    """(B, 4, 3) what valid hands say to the body: their wrists, and the elbows of the body decoder's first pass.

    The order is right wrist, left wrist, right elbow, left elbow. `NO_PROMPT` stands where a hand is not valid or the
    place lies outside the crop.
    """
    elbows = first.keypoints_2d[:, list(ELBOWS[::-1])]
    points = np.concatenate([right.wrist_2d[:, None], left.wrist_2d[:, None], elbows], axis=1)
    places = crops.places(points)
    labels = np.broadcast_to(np.array(_TOLD, np.float64)[:, None], (*places.shape[:2], 1))
    said = ((places > 0.0) & (places < 1.0)).all(axis=2) & valid[:, _TELLING]
    prompts = np.concatenate([places, labels], axis=2).astype(np.float32)
    return np.where(said[..., None], prompts, NO_PROMPT)


def for_body(hands: Array, own: Array, mentioned: set[int], several: bool) -> Array:
    """(P, 3) the prompts of a body pass after the first; none where there is nothing to say.

    Args:
        hands: (4, 3) of `from_hands`.
        own: (P, 3) the artist's, who is always heard first.
        mentioned: keypoints that have any prompt.
        several: whether several people are in the photo. The reference then pads with `NO_PROMPT` what it would leave
            out for a single person, so that all have four prompts; decoders notice the difference.
    """
    if not mentioned:
        return hands if several else hands[hands[:, 2] >= 0]
    free = (hands[:, 2] >= 0) & ~np.isin(hands[:, 2], list(mentioned))
    return np.concatenate([own, hands[free]])
