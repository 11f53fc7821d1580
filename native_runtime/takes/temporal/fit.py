"""From observations of a person in the frames of a take to one body and its poses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity
from native_runtime.errors import NoPersonError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from native_runtime.takes.observations import FrameObservation

from .options import TemporalOptions
from .starts import initial_states

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
        repairs: what was found wrong and put right, by frame: "legs swapped", "jump".
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
    states = initial_states(body, by_frame, lens, fps, options, gravity, cancelled)
    progress(1.0)
    return TemporalFit(
        frames,
        np.stack([state.model_parameters for state in states]),
        states[0].identity,
        np.stack([state.expression for state in states]),
        np.stack([state.camera_translation for state in states]),
        np.array([one.seen for one in by_frame]),
        {},
        0,
    )


def _by_frame(observations: Sequence[FrameObservation]) -> list[FrameObservation]:
    ordered = sorted(observations, key=lambda one: one.frame)
    numbers = [one.frame for one in ordered]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise UsageError(f"Frame {twice[0]} has more than one observation of the same person.")
    if not any(one.evidence is not None or one.start is not None for one in ordered):
        raise NoPersonError("The person is seen in none of the frames.")
    return ordered
