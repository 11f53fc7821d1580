"""From observations of a person in the frames of a take to one body and its poses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.errors import NoPersonError, UsageError
from native_runtime.fitting.evidence_terms import Weights
from native_runtime.fitting.follow import of_fingers
from native_runtime.fitting.problem import Term
from native_runtime.mhr import Body
from native_runtime.mhr.parameterisation import SCALE
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.contacts import ContactSettings, drift_apart, find_contacts
from native_runtime.takes.ground import PARTS, feet_in_world, find_ground, flat_heights
from native_runtime.takes.observations import FrameObservation

from .frames import FrameProblems, prior_of, tells
from .options import TemporalOptions
from .refit import Refit
from .repairs import repaired
from .smoothness import Smoothness
from .stance import Stance
from .starts import LOOSE, followed, key_states, one_body, unstuck
from .whole import TakeProblem, minimise_take

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TemporalFit:
    """A body and its poses in consecutive frames.

    Attributes:
        frames: (F,) numbers of the footage's frames, without gaps from the first to the last one with an observation.
        model_parameters: (F, 204); those of the skeleton are equal in all frames, the root's translation is 0.
        identity: (n_id,); expression: (F, n_ex).
        camera_translation: (F, 3) m.
        seen: (F,) 0..1 how much of the person is seen; 0: the pose is carried through from other frames.
        repairs: what was found wrong and put right, by frame (``repairs``): "legs exchanged", "jump".
        iterations: steps of the solver over all frames.
    """

    frames: NDArray[np.int64]
    model_parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array
    seen: Array
    repairs: dict[int, str]
    iterations: int

    def state(self, index: int) -> PlacedState:
        """The body in one of the frames, by its place among ``frames``."""
        return PlacedState(
            self.model_parameters[index], self.identity, self.expression[index], self.camera_translation[index]
        )


def fit_take(
    body: Body,
    observations: Sequence[FrameObservation],
    intrinsics: NDArray,
    fps: float,
    *,
    options: TemporalOptions | None = None,
    gravity: Gravity | None = None,
    camera_to_world: NDArray | None = None,
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TemporalFit:
    """Fit one body to all frames of a person in a take.

    Args:
        body: the body model.
        observations: of the person's frames, in any order, each frame once; frames may be missing.
        intrinsics: (3, 3) px.
        fps: frames per second of the footage.
        options: how evidence and motion are weighed.
        gravity: which way is up in camera axes; None: not known better than that cameras are held level.
        camera_to_world: (F, 4, 4) of each frame from the first to the last observed one, for a camera that moves:
            motion is smooth in the world. None: the camera is fixed.
        progress: told 0..1 as it goes.
        cancelled: asked between steps; when true the best answer so far is returned.

    Raises:
        UsageError: frames occur twice, or arguments do not fit together.
        NoPersonError: no frame shows enough of the person to fit a body.
    """
    options, gravity = options or TemporalOptions(), gravity or Gravity()
    ordered = _by_frame(observations)
    lens = np.asarray(intrinsics, np.float64)
    if lens.shape != (3, 3) or not np.isfinite(lens).all():
        raise UsageError("The camera's intrinsics are no 3 x 3 matrix of numbers.")
    if not fps > 0:
        raise UsageError("Frames per second must be more than 0.")
    frames = np.arange(ordered[0].frame, ordered[-1].frame + 1)
    if camera_to_world is not None and np.shape(camera_to_world) != (len(frames), 4, 4):
        raise UsageError(f"There are {len(frames)} frames, and not as many camera poses (4 x 4).")
    by_frame: list[FrameObservation] = [FrameObservation(int(frame)) for frame in frames]
    for one in ordered:
        by_frame[one.frame - int(frames[0])] = one
    return _Fit(body, by_frame, lens, fps, options, gravity, camera_to_world, progress, cancelled).run(frames)


WEIGHTS = Weights()
"""Of the stages in which points count strictly."""

Extras = Callable[[int, PlacedState], tuple[Term, ...]]
"""Further terms of a frame, by its place and its body so far."""


class _Fit:
    """One call of ``fit_take``."""

    def __init__(
        self,
        body: Body,
        observations: list[FrameObservation],
        intrinsics: Array,
        fps: float,
        options: TemporalOptions,
        gravity: Gravity,
        camera_to_world: NDArray | None,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.body, self.observations, self.intrinsics, self.fps = body, observations, intrinsics, fps
        self.options, self.gravity, self.cancelled = options, gravity, cancelled
        self.to_world = None if camera_to_world is None else np.asarray(camera_to_world, np.float64)
        self.iterations, self._progress, self._done = 0, progress, 0.0
        self.stance: Stance | None = None
        prior = prior_of(body, observations, gravity)
        sizes = [one.evidence.person_size for one in observations if one.evidence is not None]
        size = float(np.median(sizes)) if sizes else 1.0
        self.problems = FrameProblems(body, intrinsics, prior, options.carried, size)

    def run(self, frames: NDArray[np.int64]) -> TemporalFit:
        """The fit; see ``fit_take``."""
        count, options = len(self.observations), self.options
        repairs: dict[int, str] = {}
        if options.repair:
            self.observations, repairs = repaired(self.observations, self.fps)
        seen = np.array([one.seen for one in self.observations])
        keys = key_states(
            self.body, self.observations, self.intrinsics, self.fps, options, self.gravity, self.cancelled
        )
        states = followed(
            self.problems, self.observations, one_body(keys, seen), self.fps, options.tracking_steps,
            lambda: self._tell(0.3 / count / 2),
        )  # fmt: skip
        given = self.observations
        self.observations = [replace(one, pins=()) for one in given]
        states = self._all_frames(states)
        marks = [index for index, one in enumerate(given) if one.pins]
        if marks:
            solver = Refit(self.body, self.problems, self.intrinsics, self.fps, options, self.to_world, self.cancelled)
            states, steps = solver.run(given, states, marks)
            self.iterations += steps
        self._progress(1.0)
        return TemporalFit(
            frames,
            np.stack([state.model_parameters for state in states]),
            states[0].identity,
            np.stack([state.expression for state in states]),
            np.stack([state.camera_translation for state in states]),
            seen,
            repairs,
            self.iterations,
        )

    def _all_frames(self, states: list[PlacedState]) -> list[PlacedState]:
        options = self.options
        loose, tight, last = options.steps
        if len(states) > options.window:
            states = self._skeleton(states)
            skeleton = False
        else:
            skeleton = True
        states = self._stage(states, LOOSE, False, skeleton, loose)
        mended = unstuck(self.problems, self.observations, states, self.fps, options, self.cancelled)
        if mended is not states:
            states = self._stage(mended, LOOSE, False, skeleton, loose)
        states = self._stage(states, WEIGHTS, False, skeleton, tight)
        if options.stance:
            self.stance = self._standing(states)
            if self.stance is not None:
                states = self._stage(states, WEIGHTS, False, skeleton, tight)
                self.stance = self._standing(states)
        hands = any(_shows_hands(one) for one in self.observations)
        return self._stage(states, WEIGHTS, hands, skeleton, last, self._outlined)

    def _standing(self, states: list[PlacedState]) -> Stance | None:
        """Which feet stand where, as far as is known; None where no floor is found, or where they move with it."""
        parameters = np.stack([state.model_parameters for state in states])
        shifts, identity = np.stack([state.camera_translation for state in states]), states[0].identity
        feet = feet_in_world(self.body, parameters, identity, shifts, self.to_world)
        soles, heights = feet[:, : len(PARTS)], flat_heights(self.body, parameters[0], identity)
        seen = np.array([one.seen for one in self.observations])
        eyes = None if self.to_world is None else self.to_world[:, :3, 3]
        ground = find_ground(soles, heights[: len(PARTS)], self.fps, seen, self.gravity, None, eyes)
        contacts = find_contacts(soles, heights[: len(PARTS)], ground, self.fps, ContactSettings(near=0.0), eyes)
        if not contacts.any() or drift_apart(soles, contacts, None, eyes):
            return None
        return Stance.of(contacts, ground, heights)

    def _outlined(self, index: int, state: PlacedState) -> tuple[Term, ...]:
        if not self.options.outline_every or index % self.options.outline_every:
            return ()
        return self.problems.outline(self.observations[index], state)

    def _skeleton(self, states: list[PlacedState]) -> list[PlacedState]:
        """The states with the lengths that frames from all over the take agree on."""
        chosen = np.unique(np.linspace(0, len(states) - 1, self.options.skeleton_frames).astype(np.int64))
        chosen = np.array([index for index in chosen if tells(self.observations[index])], np.int64)
        if not len(chosen):
            return states
        # they are no neighbours: nothing ties them but the skeleton
        problem = self._problem(chosen, WEIGHTS, False, True, tied=False)
        solved = minimise_take(problem, [states[index] for index in chosen], self.options.steps[1],
                               cancelled=self.cancelled)  # fmt: skip
        self.iterations += solved.iterations
        scales = solved.states[0].model_parameters[SCALE]
        out = []
        for state in states:
            parameters = state.model_parameters.copy()
            parameters[SCALE] = scales
            out.append(replace(state, model_parameters=parameters))
        return out

    def _stage(
        self,
        states: list[PlacedState],
        weights: Weights,
        fingers: bool,
        skeleton: bool,
        steps: int,
        extras: Extras | None = None,
    ) -> list[PlacedState]:
        """All frames solved; long takes in windows, the frames beside which stay for the time being."""
        states, options = list(states), self.options
        for first, last, held in windows(len(states), options.window, options.overlap):
            index = np.arange(first, last)
            added = None if extras is None else [extras(k, states[k]) for k in index]
            problem = self._problem(index, weights, fingers, skeleton, fixed=index < held, extras=added)
            share = 0.7 * (last - first) / len(states) / (sum(options.steps))
            solved = minimise_take(problem, [states[k] for k in index], steps, cancelled=self.cancelled,
                                   told=lambda share=share: self._tell(share))  # type: ignore[misc]  # fmt: skip
            self.iterations += solved.iterations
            states[first:last] = solved.states
        return states

    def _problem(
        self,
        index: NDArray[np.int64],
        weights: Weights,
        fingers: bool,
        skeleton: bool,
        tied: bool = True,
        fixed: NDArray[np.bool_] | None = None,
        extras: list[tuple[Term, ...]] | None = None,
    ) -> TakeProblem:
        options, prior = self.options, self.problems.prior
        free = self.problems.free(fingers, skeleton)
        parameters = prior.parameters[free]
        lengths = int(np.sum(parameters >= SCALE.start))
        rate = self.fps if tied else 1e-6
        posed = parameters[: len(parameters) - lengths]
        return TakeProblem(
            self.body,
            [
                self.problems.of(self.observations[k], free, weights, () if extras is None else extras[place])
                for place, k in enumerate(index)
            ],
            Smoothness.of(self.body, posed, rate, options.joint, options.angle, options.give),
            lengths,
            None if self.to_world is None else self.to_world[index],
            fixed,
            self.stance.part(index) if self.stance is not None and tied else None,
        )

    def _tell(self, part: float) -> None:
        self._done = min(self._done + part, 0.99)
        self._progress(self._done)


def windows(count: int, size: int, overlap: int) -> list[tuple[int, int, int]]:
    """Windows over `count` frames: first frame, one past the last, and the first that moves: those before it belong to
    the window before and only hold it."""
    if count <= size:
        return [(0, count, 0)]
    out, first = [(0, size, 0)], size - overlap
    while out[-1][1] < count:
        last = min(first + size, count)
        out.append((first, last, first + overlap // 2))
        first = last - overlap
    return out


def _shows_hands(observation: FrameObservation) -> bool:
    if observation.evidence is None:
        return False
    names = observation.evidence.points.names
    return any(name.startswith(("left_hand_", "right_hand_")) or of_fingers(name) for name in names)


def _by_frame(observations: Sequence[FrameObservation]) -> list[FrameObservation]:
    ordered = sorted(observations, key=lambda one: one.frame)
    numbers = [one.frame for one in ordered]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise UsageError(f"Frame {twice[0]} has more than one observation of the same person.")
    if not any(one.evidence is not None or one.start is not None for one in ordered):
        raise NoPersonError("The person is seen in none of the frames.")
    return ordered
