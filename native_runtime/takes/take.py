"""One person over a stretch of a video: one body, and its pose in every frame. Numbers and files, without Blender."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, project
from native_runtime.engines.details import part_of
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.errors import ModelError, NewerFormatError, UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.names import as_text
from native_runtime.mhr import SCALE, Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.mhr.state import PlacedState
from native_runtime.prompts.prompt import Prompt

Array = NDArray[np.float64]
CameraMotion = Literal["fixed", "moving"]

FORMAT = Format("sam3db-take")

CONTACTS = ("left_heel", "left_toe", "right_heel", "right_toe")
"""The parts of the feet that ``Take.contacts`` tells of, in order."""

LOOK = "look"
"""Among a take's details: the person's colours and hair, as an estimate has them among its own."""

_FRAMES = "F"
_SHAPES: dict[str, tuple[int | str | None, ...]] = {
    "frames": (_FRAMES,),
    "times": (_FRAMES,),
    "model_parameters": (_FRAMES, 204),
    "identity": (None,),
    "expression": (_FRAMES, None),
    "camera_translation": (_FRAMES, 3),
    "intrinsics": (3, 3),
    "image_size": (2,),
    "camera_to_world": (_FRAMES, 4, 4),
    "ground": (4,),
    "bbox": (_FRAMES, 4),
    "keypoints_2d": (_FRAMES, 70, 2),
    "keypoints_3d": (_FRAMES, 70, 3),
    "joints": (_FRAMES, 127, 3),
    "seen": (_FRAMES,),
    "contacts": (_FRAMES, 4),
}
"""The arrays of a take's ``.npz`` and their shapes; None is the body's own count."""

_KINDS: dict[str, tuple[type[np.generic], str]] = {
    "frames": (np.int64, "iu"),
    "image_size": (np.int64, "iu"),
    "contacts": (np.bool_, "b"),
}
"""What arrays that are no numbers with fractions hold, and the kinds of types that are taken for it."""
_MAY_BE_UNKNOWN = ("ground", "keypoints_2d")
"""Arrays in which NaN stands for what is not known: the floor, and where a keypoint behind the camera would be seen."""

_IN_TEXT = ("intrinsics", "image_size", "ground", "identity")
"""Arrays that the ``.json`` repeats."""

_TOLERANCE = 1e-6
_SAME_SCALE = 1e-9

_CHUNK = 64
"""Frames whose vertices are computed together: memory stays flat however long a take is."""


@dataclass(frozen=True)
class TakeFootage:
    """The pictures that a take was made from.

    Attributes:
        file: name of the video's file or of the folder of pictures.
        fps: frames a second of the footage (the mean where the rate varies).
        frame_count: frames of the whole footage.
        first, last: numbers of the first and the last frame that were looked at, counted from 0.
        every: each how manyth frame was looked at.
    """

    file: str
    fps: float
    frame_count: int
    first: int = 0
    last: int = 0
    every: int = 1

    def to_json(self) -> dict[str, Any]:
        """Ready for ``json.dumps``."""
        return {
            "file": as_text(self.file),
            "fps": self.fps,
            "frame_count": self.frame_count,
            "range": [self.first, self.last],
            "every": self.every,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> TakeFootage:
        """Read back what ``to_json`` wrote; ValueError, TypeError or KeyError where it is something else."""
        first, last = content["range"]
        made = TakeFootage(
            str(content["file"]),
            float(content["fps"]),
            int(content["frame_count"]),
            int(first),
            int(last),
            int(content["every"]),
        )
        if not (math.isfinite(made.fps) and made.fps > 0):
            raise ValueError(f"its frame rate is {made.fps}")
        if made.every < 1 or not 0 <= made.first <= made.last:
            raise ValueError(f"its range is {made.first}:{made.last} by {made.every}")
        return made


@dataclass(frozen=True, eq=False)
class Take:
    """One person over F frames. Pixels are those of the footage, upright; F is at least 1.

    Frames follow one another in equal steps from the first to the last in which the person was seen; in between none is
    missing. World axes are the camera's (x right, y down, z forward, m) in the take's first frame, where the camera is
    fixed in every frame.

    Attributes:
        frames: (F,) int64 numbers of the footage's frames, counted from 0.
        times: (F,) s, rising, from the footage's start.
        model_parameters: (F, 204) MHR's, radians and its units; the root's translation is 0, the skeleton's scale (its
            columns ``mhr.SCALE``) is the same in all frames.
        identity: (n_id,) coefficients; expression: (F, n_ex).
        camera_translation: (F, 3) m: where MHR's origin lies in the axes of the frame's camera.
        intrinsics: (3, 3) px; image_size: (2,) width, height px.
        camera_to_world: (F, 4, 4) from each frame's camera axes to world axes, rotation and translation (m).
        ground: (4,) the floor: points x in world axes with n . x + d = 0, n (3,) of length 1 against gravity, d m; NaN
            where it is not known.
        bbox: (F, 4) x0 y0 x1 y1 px.
        keypoints_2d: (F, 70, 2) px; keypoints_3d: (F, 70, 3) m, camera axes of the frame (MHR-70).
        joints: (F, 127, 3) m, camera axes of the frame.
        seen: (F,) 0..1, how much of the person the frame shows; 0: carried through a gap.
        contacts: (F, 4) bool, what touches the floor (``CONTACTS``).
        engine: name of the engine that saw the frames.
        body_name, body_hash: the body that the numbers belong to.
        footage: the pictures.
        person: number of the person in the footage, counted from 0.
        camera: whether the camera is "fixed" or "moving".
        prompts: by frame number, the hints that were used.
        seconds: processor or wall time of each stage, as named.
        quality: figures of quality by name, such as jitter, foot slide and penetration.
        warnings: what an artist should know, in plain words.
        details: further figures, for the curious.

    Raises:
        ValueError: the arrays do not fit together, or hold what no take can hold.
    """

    frames: NDArray[np.int64]
    times: Array
    model_parameters: Array
    identity: Array
    expression: Array
    camera_translation: Array
    intrinsics: Array
    image_size: NDArray[np.int64]
    camera_to_world: Array
    ground: Array
    bbox: Array
    keypoints_2d: Array
    keypoints_3d: Array
    joints: Array
    seen: Array
    contacts: NDArray[np.bool_]
    engine: str
    body_name: str
    body_hash: str
    footage: TakeFootage
    person: int = 0
    camera: CameraMotion = "fixed"
    prompts: dict[int, Prompts] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    quality: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _SHAPES:
            object.__setattr__(self, name, _as_kind(name, getattr(self, name)))
        _check_shapes({name: getattr(self, name) for name in _SHAPES})
        _check_content(self)

    @staticmethod
    def from_states(
        body: Body,
        model_parameters: Array,
        identity: Array,
        expression: Array,
        camera_translation: Array,
        intrinsics: Array,
        **rest: Any,
    ) -> Take:
        """Fill in all that follows from the numbers of a body: joints, keypoints and where they are seen.

        Args:
            body: the body model.
            model_parameters: (F, 204); identity: (n_id,); expression: (F, n_ex); camera_translation: (F, 3) m.
            intrinsics: (3, 3) px.
            rest: the remaining fields (``frames``, ``times``, ``footage``, ``engine``, ...).
        """
        keypoints, joints = body_points(body, model_parameters, identity, expression, camera_translation)
        return Take(
            model_parameters=model_parameters,
            identity=identity,
            expression=expression,
            camera_translation=camera_translation,
            intrinsics=intrinsics,
            keypoints_2d=project(keypoints, intrinsics),
            keypoints_3d=keypoints,
            joints=joints,
            body_name=body.name,
            body_hash=body.hash,
            **rest,
        )

    def __len__(self) -> int:
        """How many frames."""
        return len(self.frames)

    @property
    def fps(self) -> float:
        """Frames of the take a second."""
        return self.footage.fps / self.footage.every

    def index_of(self, frame: int) -> int:
        """Position of a frame of the footage in the arrays.

        Raises:
            UsageError: the take does not have the frame.
        """
        index = int(np.searchsorted(self.frames, frame))
        if index == len(self) or self.frames[index] != frame:
            raise UsageError(
                f"The take has no frame {frame}. It goes from frame {self.frames[0]} to frame {self.frames[-1]}."
            )
        return index

    def state(self, index: int) -> PlacedState:
        """The body before its camera in one frame, by position (not by the frame's number)."""
        return PlacedState(
            self.model_parameters[index], self.identity, self.expression[index], self.camera_translation[index]
        )

    def estimate(self, index: int, body: Body) -> Estimate:
        """One frame as an estimate, with the vertices computed.

        Args:
            index: position in the arrays (not the frame's number; ``index_of`` gives it).
            body: the take's body, or another build of it.

        Raises:
            UsageError: there is no such position.
            ModelError: the body is another one.
        """
        if not -len(self) <= index < len(self):
            raise UsageError(f"The take has {len(self)} frames; there is none at position {index}.")
        state = self.state(index)
        known = body.name == self.body_name and len(state.expression) == body.expression_count
        if known and len(state.identity) != body.identity_count:
            state, known = _on_build(state, body)
        if not known:
            raise ModelError(
                f"The take belongs to the body {self.body_name!r}, which the body {body.name!r} at hand is not."
            )
        frame = int(self.frames[index])
        return Estimate.from_state(
            body,
            state,
            self.intrinsics,
            image_size=self.image_size,
            bbox=self.bbox[index],
            engine=self.engine,
            prompts=self.prompts.get(frame, Prompts()),
            photo=self.footage.file,
            person=self.person,
            warnings=self.warnings,
            details={
                **part_of(self.details, LOOK),
                "frame": frame,
                "time": float(self.times[index]),
                "seen": float(self.seen[index]),
            },
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays of frames, ready for ``json.dumps``."""
        return {
            "format": str(FORMAT),
            "engine": self.engine,
            "body_name": self.body_name,
            "body_hash": self.body_hash,
            "person": self.person,
            "footage": self.footage.to_json(),
            "camera": self.camera,
            "frames": [int(self.frames[0]), int(self.frames[-1])],
            "fps": self.fps,
            "prompts": {
                str(frame): {"keypoints": [list(k) for k in given.keypoints], "mask": given.mask}
                for frame, given in sorted(self.prompts.items())
            },
            "seconds": self.seconds,
            "quality": _without_nan(self.quality),
            "warnings": list(self.warnings),
            "details": _without_nan(self.details),
            **{name: _without_nan(getattr(self, name).tolist()) for name in _IN_TEXT},
        }

    def save(self, stem: str | Path) -> tuple[Path, Path]:
        """Write ``STEM.npz`` and ``STEM.json``; each appears whole or not at all.

        Returns:
            Both paths.
        """
        arrays_path, text_path = Path(f"{stem}.npz"), Path(f"{stem}.json")
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        arrays = {name: np.asarray(getattr(self, name)) for name in _SHAPES}
        write_arrays(arrays_path, arrays | {"about": np.array(text)})
        write_atomically(text_path, (text + "\n").encode())
        return arrays_path, text_path

    @staticmethod
    def load(path: str | Path) -> Take:
        """Read a take's ``.npz`` (it holds the text as well).

        Raises:
            ModelError: it is missing, damaged or no take.
            NewerFormatError: a newer version of the program wrote it.
        """
        try:
            with np.load(Path(path), allow_pickle=False) as archive:
                about = FORMAT.parsed(str(archive["about"]), path)
                arrays = {name: archive[name] for name in _SHAPES}
            return Take(
                **arrays,
                engine=str(about["engine"]),
                body_name=str(about["body_name"]),
                body_hash=str(about["body_hash"]),
                footage=TakeFootage.from_json(about["footage"]),
                person=int(about["person"]),
                camera=about["camera"],
                prompts={int(frame): Prompts.from_json(given) for frame, given in about["prompts"].items()},
                seconds={str(name): float(value) for name, value in about["seconds"].items()},
                quality=dict(about["quality"]),
                warnings=tuple(str(text) for text in about["warnings"]),
                details=dict(about["details"]),
            )
        except NewerFormatError:
            raise
        except Exception as error:  # numpy and zipfile raise many kinds for damaged files
            raise ModelError(f"{path} is not a usable take ({error}).") from error


def prompts_by_frame(given: Mapping[int, list[Prompt]]) -> dict[int, Prompts]:
    """Hints of frames as ``Take.prompts`` has them."""
    return {frame: Prompts(tuple(prompts)) for frame, prompts in sorted(given.items()) if prompts}


def body_points(
    body: Body, model_parameters: Array, identity: Array, expression: Array, camera_translation: Array
) -> tuple[Array, Array]:
    """Keypoints (F, 70, 3) and joints (F, 127, 3) of a body in F frames, m, camera axes; see ``from_states``."""
    parts = []
    for start in range(0, len(model_parameters), _CHUNK):
        part = slice(start, start + _CHUNK)
        pose = body.pose(model_parameters[part])
        shapes = np.broadcast_to(identity, (len(expression[part]), len(identity)))
        vertices = body.posed_vertices(pose, shapes, expression[part])
        place = camera_translation[part]
        parts.append((mhr_to_camera(body.keypoints(pose, vertices), place), mhr_to_camera(pose.translations, place)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _as_kind(name: str, value: Any) -> NDArray[Any]:
    """An array of the type that a take has; only whole numbers become whole numbers, only truth values truth values."""
    array = np.asarray(value)
    kind, allowed = _KINDS.get(name, (np.float64, "fiu"))
    if array.dtype.kind not in allowed and array.size:
        raise ValueError(f"{name} is of type {array.dtype}")
    return array.astype(kind)


def _check_shapes(arrays: Mapping[str, NDArray[Any]]) -> None:
    count = len(arrays["frames"]) if arrays["frames"].ndim == 1 else 0
    if not count:
        raise ValueError("it has no frames")
    for name, shape in _SHAPES.items():
        wanted = [count if size == _FRAMES else size for size in shape]
        actual = arrays[name].shape
        if len(actual) != len(wanted) or any(size not in (None, found) for size, found in zip(wanted, actual)):
            raise ValueError(f"{name} has shape {actual}, not {tuple(wanted)}")
        if name not in _MAY_BE_UNKNOWN and not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} holds values that are not finite")


def _check_content(take: Take) -> None:
    steps = np.diff(take.frames)
    if take.frames[0] < 0 or (steps != take.footage.every).any():
        raise ValueError(f"its frames do not follow one another in steps of {take.footage.every}")
    if (np.diff(take.times) <= 0).any():
        raise ValueError("its times do not rise")
    scales = take.model_parameters[:, SCALE]
    if np.abs(scales - scales[0]).max() > _SAME_SCALE:
        raise ValueError("its skeleton changes from frame to frame")
    rotations = take.camera_to_world[:, :3, :3]
    if np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)).max() > _TOLERANCE:
        raise ValueError("camera_to_world is no rotation and translation")
    if (np.linalg.det(rotations) < 0).any() or (take.camera_to_world[:, 3] != [0, 0, 0, 1]).any():
        raise ValueError("camera_to_world is no rotation and translation")
    known = np.isfinite(take.ground)
    if known.any() and not (known.all() and abs(np.linalg.norm(take.ground[:3]) - 1) <= _TOLERANCE):
        raise ValueError("the ground is no plane with a normal of length 1")
    if ((take.seen < 0) | (take.seen > 1)).any():
        raise ValueError("seen lies outside 0..1")
    if (take.image_size < 1).any():
        raise ValueError(f"its pictures have the size {take.image_size.tolist()}")
    if take.camera not in get_args(CameraMotion):
        raise ValueError(f"its camera is {take.camera!r}")


def _on_build(state: PlacedState, body: Body) -> tuple[PlacedState, bool]:
    """The numbers on a build that knows ages, or no longer knows them, and whether they mean the same there.

    As ``Estimate.on_build``: coefficients of ages come last, and are 0 for everybody of no age.
    """
    given, count = len(state.identity), body.identity_count
    if given < count and given == int(body.ageless.sum()):
        identity = np.pad(state.identity, (0, count - given))
    elif given > count and body.ages is None and not state.identity[count:].any():
        identity = state.identity[:count]
    else:
        return state, False
    return PlacedState(state.model_parameters, identity, state.expression, state.camera_translation), True


def _without_nan(value: Any) -> Any:
    """Nested content with None for what JSON has no number for."""
    if isinstance(value, Mapping):
        return {str(name): _without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
