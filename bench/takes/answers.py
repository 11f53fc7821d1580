"""An engine's answers to a take: one fit over all frames, and frame by frame."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines import open_engine
from native_runtime.errors import Sam3dbError
from native_runtime.pipeline.inference import Inference
from native_runtime.takes.footage import FrameRange, open_footage

from .truth import TakeTruth

Array = NDArray[np.float64]

_ARRAYS = ("frames", "keypoints", "joints", "model_parameters", "translation", "intrinsics", "identity", "expression")


@dataclass
class Answer:
    """A person's motion as an engine has it; only frames that have an answer.

    Attributes:
        frames: (n,) numbers of frames.
        keypoints: (n, 70, 3), joints: (n, 127, 3), translation: (n, 3) m, camera axes.
        model_parameters: (n, 204).
        intrinsics: (3, 3); identity, expression: (n, .) coefficients.
        camera_to_world: (n, 4, 4).
        contacts: (n, 4), or None where the engine tells none.
        ground: (4,) in world axes; NaN where it is not known.
        seconds: of a processor, by stage.
        about: what else is known.
    """

    frames: NDArray[np.int64]
    keypoints: Array
    joints: Array
    model_parameters: Array
    translation: Array
    intrinsics: Array
    identity: Array
    expression: Array
    camera_to_world: Array
    contacts: NDArray[np.bool_] | None
    ground: Array
    seconds: dict[str, float]
    about: dict[str, Any] = field(default_factory=dict)


class StageClock:
    """A reporter that adds up processor time by the first word of what is told, with numbers left out."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stage, self._since = "start", time.process_time()

    def status(self, text: str) -> None:
        now = time.process_time()
        self.seconds[self._stage] += now - self._since
        self._stage, self._since = text.split()[0].lower() if text.split() else "other", now

    def progress(self, value: float) -> None: ...

    def warning(self, text: str) -> None: ...

    def stop(self) -> dict[str, float]:
        """Seconds of a processor by stage."""
        self.status("end")
        return {stage: round(seconds, 3) for stage, seconds in self.seconds.items() if seconds > 0.0005}


def over_all_frames(
    video: Path,
    body: Path,
    engine: str,
    out: Path,
    focal_px: float | None,
    inference: Inference,
    plain: bool = False,
    restart: bool = False,
) -> Answer:
    """The take path, as ``sam3db take`` runs it.

    Args:
        focal_px: the lens, or None where the engine finds it.
        plain: estimates of single frames with a filter over them.
        restart: read frames again that a run before has read; else only the fit is made again.
    """
    from native_runtime.takes.request import TakeRequest
    from native_runtime.takes.run import make_take

    clock = StageClock()
    request = TakeRequest(
        footage=video, out=out, engine=engine, body=str(body), focal_px=focal_px, restart=restart, plain=plain
    )
    result = make_take(request, inference, clock)
    seconds = clock.stop()
    if not result.takes:
        raise SystemExit(f"{video}: nobody could be fitted: {result.failed}")
    take = result.takes[0].take
    about = {"quality": take.quality, "camera": take.camera, "notes": result.notes, "tracks": len(result.tracks),
             "frames_read": result.fresh}  # fmt: skip
    count = len(take.frames)
    identity = np.broadcast_to(take.identity, (count, take.identity.shape[-1]))
    return Answer(
        take.frames, take.keypoints_3d, take.joints, take.model_parameters, take.camera_translation, take.intrinsics,
        identity, take.expression, take.camera_to_world, take.contacts, take.ground, seconds, about,
    )  # fmt: skip


def frame_by_frame(
    video: Path,
    truth: TakeTruth,
    body: Path,
    engine: str,
    intrinsics: Array | None,
    kept: Path,
    numbers: Sequence[int],
) -> Answer:
    """Frames as photos of their own; kept in a file, since it takes long. Of several people the one who overlaps the
    truth's box most.

    Args:
        numbers: of the frames.
    """
    if not kept.exists():
        _read_all(video, truth, body, engine, intrinsics, kept, numbers)
    with np.load(kept, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in _ARRAYS}
        seconds = float(archive["seconds"])
    rows = arrays["frames"]
    return Answer(
        **arrays, camera_to_world=truth.camera_to_world[rows], contacts=None, ground=np.full(4, np.nan),
        seconds={"all": seconds},
    )  # fmt: skip


def _read_all(
    video: Path, truth: TakeTruth, body: Path, engine: str, intrinsics: Array | None, kept: Path, numbers: Sequence[int]
) -> None:
    reader = open_engine(engine, body=body)
    rows: list[tuple[Any, ...]] = []
    started = time.process_time()
    wanted = set(numbers)
    for frame in open_footage(video).frames(FrameRange(stop=max(wanted) + 1)):
        if frame.number not in wanted:
            continue
        try:
            reading = reader.read(frame.photo, intrinsics)
            boxes = np.array([person.bbox for person in reading.people])
            if not len(boxes):
                continue
            person = int(np.argmax([_overlap(box, truth.bbox[frame.number]) for box in boxes]))
            found = reading.estimate(person)
        except Sam3dbError:
            continue
        rows.append((frame.number, found.keypoints_3d, found.joints, found.model_parameters, found.camera_translation,
                     found.intrinsics, found.identity, found.expression))  # fmt: skip
    seconds = time.process_time() - started
    arrays = {name: np.array(column) for name, column in zip(_ARRAYS, zip(*rows))}
    arrays["intrinsics"] = arrays["intrinsics"][0]
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f".{kept.name}.part.npz")
    np.savez(part, **arrays, seconds=np.array(seconds))
    part.replace(kept)


def _overlap(a: Array, b: Array) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.maximum(high - low, 0.0)))
    return shared / max(float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared, 1e-9)
