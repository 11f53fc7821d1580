"""A take from estimates of single frames and a filter over them, for the impatient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import NoPersonError
from native_runtime.fitting.problem import ROOT_ROTATION
from native_runtime.mhr import SCALE

from .observations import FrameObservation
from .smoothing import CUTOFF, smooth_take
from .temporal import TemporalFit

Array = NDArray[np.float64]


def filtered_take(observations: Sequence[FrameObservation], fps: float) -> TemporalFit:
    """One skeleton and shape, the median of all frames, and poses without lag through ``smoothing``.

    Frames without an estimate lie on straight lines between their neighbours.

    Args:
        observations: of the person's frames, each with a start.
        fps: frames a second.

    Raises:
        NoPersonError: no frame has an estimate.
    """
    known = sorted(
        ((one.frame, one.start, one.seen) for one in observations if one.start is not None), key=lambda entry: entry[0]
    )
    if not known:
        raise NoPersonError("The person is seen in none of the frames.")
    rows = np.array([frame for frame, _, _ in known])
    frames = np.arange(rows[0], rows[-1] + 1)
    parameters = np.stack([start.model_parameters for _, start, _ in known])
    parameters[:, SCALE] = np.median(parameters[:, SCALE], axis=0)
    parameters[:, ROOT_ROTATION] = np.unwrap(parameters[:, ROOT_ROTATION], axis=0)
    translation = _between(frames, rows, np.stack([start.camera_translation for _, start, _ in known]))
    parameters = _between(frames, rows, parameters)
    if len(frames) > 1:
        parameters, translation = smooth_take(parameters, translation, fps, min(CUTOFF, 0.4 * fps))
    seen = dict(zip(rows.tolist(), (max(value, 0.05) for _, _, value in known)))
    return TemporalFit(
        frames,
        parameters,
        np.median([start.identity for _, start, _ in known], axis=0),
        _between(frames, rows, np.stack([start.expression for _, start, _ in known])),
        translation,
        np.array([seen.get(int(frame), 0.0) for frame in frames]),
        {},
        0,
    )


def _between(frames: NDArray[np.int64], rows: NDArray[np.int64], values: Array) -> Array:
    """Values (n, k) of some frames, for all frames (F, k)."""
    columns = [np.interp(frames, rows, values[:, column]) for column in range(values.shape[1])]
    return np.stack(columns, axis=1) if columns else np.zeros((len(frames), 0))
