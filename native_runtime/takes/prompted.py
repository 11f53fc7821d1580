"""What an artist says about frames of a take, acted on: the take without it, fitted again around these frames.

Feet that stand within them are held where they stood, unless it is a foot that something is said of. All other frames
stay as they are, bit for bit, so that the answer takes as long as what was said does, and not as the take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera
from native_runtime.fitting.floor import Soles
from native_runtime.fitting.problem import Term
from native_runtime.mhr import Body
from native_runtime.prompts.prompt import Prompt, keypoint_names, keypoint_titles, kind_of

from .ground import PARTS, ball_joints, feet_in_world, flat_heights, soles_in_world
from .hints import with_hints
from .observations import FrameObservation
from .planting import Places
from .quality import figures
from .take import Take, prompts_by_frame
from .temporal import TemporalOptions
from .temporal.frames import FrameProblems, prior_of
from .temporal.refit import HOLD, Refit, reach, stretches_around
from .temporal.repairs import put_right

Array = NDArray[np.float64]

_STANDS = 0.0005
"""m by which a part of a foot that stands may lie off its place."""
_MISSED = 0.02
"""Of a person's height in the picture: by how much a joint may miss the place that it was given."""
_FREE = 1e3
"""m: no hold at all."""
_OF_FOOT = ("ankle", "heel", "big_toe", "small_toe")

Observed = Callable[[int, bool], FrameObservation]


def prompted(
    base: Take,
    body: Body,
    observed: Observed,
    hints: Mapping[int, Sequence[Prompt]],
    gravity: Gravity,
    *,
    options: TemporalOptions | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> Take:
    """A take with what an artist says of some of its frames.

    Args:
        base: the take as it was fitted without.
        body: its body.
        observed: gives what was seen of the person in a frame, by the footage's number, with or without the outline;
            an empty observation where it was nothing.
        hints: by the footage's number of a frame of the take.
        gravity: which way is up in camera axes.
        options: of the fit.
        progress: told 0..1 as it goes; may raise to end it.
    """
    started = time.perf_counter()
    options = options or TemporalOptions()
    marks = sorted(base.index_of(frame) for frame, said in hints.items() if said)
    if not marks:
        return base
    near = reach(base.fps, options)
    stretches = stretches_around(marks, len(base), near)
    observations = _observations(base, body, observed, hints, stretches, options.outline_every)
    seen = [one for one in observations if one.evidence is not None]
    sizes = [one.evidence.person_size for one in seen if one.evidence is not None]
    problems = FrameProblems(
        body,
        base.intrinsics,
        prior_of(body, observations, gravity),
        options.carried,
        float(np.median(sizes)) if sizes else _size(base),
    )
    to_world = None if base.camera == "fixed" else base.camera_to_world
    contacts = _contacts(base, hints, near)
    hold = _Standing(base, body, contacts)
    solver = Refit(body, problems, base.intrinsics, base.fps, options, to_world)
    given = [base.state(k) for k in range(len(base))]

    def extras(index: int) -> tuple[Term, ...]:
        return (*hold.terms(index), *problems.outline(observations[index], given[index]))

    states, steps = solver.run(observations, given, marks, extras, progress)
    return _take(base, body, states, contacts, hints, stretches, steps, time.perf_counter() - started)


@dataclass(frozen=True)
class MissedPin:
    """A keypoint that is not where it was placed.

    Attributes:
        frame: the footage's number.
        keypoint: its number among the 70.
        pixels: by how much it is missed.
        alone: whether it is the only one that was placed on the frame.
    """

    frame: int
    keypoint: int
    pixels: float
    alone: bool

    def __str__(self) -> str:
        why = "it is out of reach." if self.alone else "it is out of reach, or other joints placed there hold it."
        name = keypoint_titles()[self.keypoint].lower()
        return f"the {name} stays {self.pixels:.0f} pixels short of where it was placed: {why}"


def missed(take: Take) -> list[MissedPin]:
    """The keypoints of a take that are not where they were placed."""
    out = []
    for frame, given in sorted(take.prompts.items()):
        placed = [prompt for prompt in given.keypoints if kind_of(prompt) == "place"]
        index = take.index_of(frame)
        for prompt in placed:
            away = float(np.linalg.norm(take.keypoints_2d[index, prompt[0]] - np.array(prompt[1:3], float)))
            if not away <= _MISSED * float(take.bbox[index, 3] - take.bbox[index, 1]):
                out.append(MissedPin(frame, prompt[0], away, len(placed) == 1))
    return out


def changed_frames(base: Take, hints: Mapping[int, Sequence[Prompt]]) -> list[tuple[int, int]]:
    """The footage's first and last frames of the stretches of a take that hints change."""
    marks = [base.index_of(frame) for frame, said in hints.items() if said]
    stretches = stretches_around(marks, len(base), reach(base.fps, TemporalOptions()))
    return [(int(base.frames[part.start]), int(base.frames[part.stop - 1])) for part in stretches]


def _observations(
    base: Take,
    body: Body,
    observed: Observed,
    hints: Mapping[int, Sequence[Prompt]],
    stretches: Sequence[range],
    outlined: int,
) -> list[FrameObservation]:
    """Of all frames; those far from any hint show nothing."""
    repairs = base.details.get("repairs", {})
    wanted = {k for part in stretches for k in range(part.start - HOLD, part.stop + HOLD)}
    out = []
    for index, frame in enumerate(base.frames.tolist()):
        if index not in wanted:
            out.append(FrameObservation(index))
            continue
        one = observed(frame, bool(outlined) and index % outlined == 0)
        wrong = repairs.get(str(frame // base.footage.every))
        one = one if wrong is None else put_right(one, wrong)
        out.append(replace(with_hints(body, one, hints.get(frame, ())), frame=index))
    return out


def _size(take: Take) -> float:
    """px, a person's in the pictures of a take."""
    return float(np.median(take.bbox[:, 3] - take.bbox[:, 1]))


def _contacts(base: Take, hints: Mapping[int, Sequence[Prompt]], near: int) -> NDArray[np.bool_]:
    """(F, 4) what touches the floor still: not the feet that an artist places, near the frame of it."""
    out, names = base.contacts.copy(), keypoint_names()
    for frame, said in hints.items():
        index = base.index_of(frame)
        for prompt in said:
            side, _, part = names[prompt[0]].partition("_")
            if part in _OF_FOOT and kind_of(prompt) == "place":
                parts = [k for k, name in enumerate(PARTS) if name.startswith(side)]
                out[max(index - near, 0) : index + near + 1, parts] = False
    return out


class _Standing:
    """Holds the parts of feet that touch the floor where a take has them."""

    def __init__(self, base: Take, body: Body, contacts: NDArray[np.bool_]) -> None:
        feet = feet_in_world(body, base.model_parameters, base.identity, base.camera_translation, None)
        self._points, self._places = (Soles.of(body).points, ball_joints(body)), feet
        # the tip of toes stands where their ball does
        touching = np.concatenate([contacts, contacts[:, 1::2]], axis=1)
        self._sigmas = np.where(touching, _STANDS, _FREE)
        self._any = contacts.any(axis=1)

    def terms(self, index: int) -> tuple[Term, ...]:
        """Of a frame by its place."""
        if not self._any[index]:
            return ()
        return (Places(self._points, self._places[index], self._sigmas[index], turns=True),)


def _take(
    base: Take,
    body: Body,
    states: Sequence,
    contacts: NDArray[np.bool_],
    hints: Mapping[int, Sequence[Prompt]],
    stretches: Sequence[range],
    steps: int,
    seconds: float,
) -> Take:
    parameters = np.stack([state.model_parameters for state in states])
    translation = np.stack([state.camera_translation for state in states])
    to_world = None if base.camera == "fixed" else base.camera_to_world
    soles = soles_in_world(body, parameters, base.identity, translation, to_world)
    joints = mhr_to_camera(body.pose(parameters).translations, translation)
    if to_world is not None:
        joints = joints @ to_world[:, :3, :3].transpose(0, 2, 1) + to_world[:, None, :3, 3]
    heights = flat_heights(body, parameters[0], base.identity)[: len(PARTS)]
    frames = [[int(base.frames[part.start]), int(base.frames[part.stop - 1])] for part in stretches]
    take = Take.from_states(
        body,
        parameters,
        base.identity,
        base.expression,
        translation,
        base.intrinsics,
        **{name: getattr(base, name) for name in _KEPT},
        contacts=contacts,
        prompts=prompts_by_frame({frame: list(said) for frame, said in hints.items()}),
        seconds={**base.seconds, "prompts": seconds},
        quality=figures(joints, soles, heights, base.ground, contacts, base.fps),
        details={**base.details, "prompted": {"frames": frames, "iterations": steps}},
    )
    said = tuple(f"Frame {one.frame}: {one}" for one in missed(take))
    return replace(take, warnings=(*base.warnings, *said))


_KEPT = (
    "frames", "times", "image_size", "camera_to_world", "camera", "warnings", "ground", "bbox", "seen", "engine",
    "footage", "person",
)  # fmt: skip
