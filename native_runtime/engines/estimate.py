"""An engine's result for one person: numbers and files, independent of Blender."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.bounds import PICTURE_ENDINGS
from native_runtime.camera import mhr_to_camera, project
from native_runtime.errors import ModelError, NewerFormatError, Sam3dbError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.names import as_text
from native_runtime.mhr import Body
from native_runtime.mhr.bodyfile import write_arrays
from native_runtime.mhr.state import PlacedState
from native_runtime.prompts.prompt import Prompt, check_prompts

FORMAT = Format("sam3db-estimate")

ARRAYS: dict[str, tuple[int | None, ...]] = {
    "model_parameters": (204,),
    "identity": (None,),
    "expression": (None,),
    "camera_translation": (3,),
    "intrinsics": (3, 3),
    "image_size": (2,),
    "bbox": (4,),
    "keypoints_2d": (70, 2),
    "keypoints_3d": (70, 3),
    "joints": (127, 3),
    "vertices": (None, 3),
}
"""The arrays of an estimate's ``.npz`` and their shapes; None is the body's own count."""

_LARGE = ("joints", "vertices", "keypoints_3d")
"""Arrays that are not repeated in the ``.json``."""


@dataclass(frozen=True)
class Prompts:
    """Hints that were used.

    Attributes:
        keypoints: (index in MHR-70, x, y) in px of the original photo; a fourth entry is the kind where it is not
            "place".
        mask: whether a mask was given.
    """

    keypoints: tuple[Prompt, ...] = ()
    mask: bool = False

    @staticmethod
    def from_json(content: dict[str, Any]) -> Prompts:
        """Read back what ``Estimate.to_json`` wrote."""
        return Prompts(tuple(check_prompts(content["keypoints"])), bool(content["mask"]))


@dataclass(frozen=True)
class Estimate(PlacedState):
    """One person in one photo. All pixels are those of the original photo, upright.

    Attributes:
        model_parameters, identity, expression, camera_translation: see ``PlacedState``.
        intrinsics: (3, 3) px.
        image_size: (2,) width, height px.
        bbox: (4,) x0 y0 x1 y1 px of the person as found.
        keypoints_2d: (70, 2) px; keypoints_3d: (70, 3) m, camera axes (MHR-70).
        joints: (127, 3) m, camera axes.
        vertices: (V, 3) m, camera axes.
        engine: the engine's name.
        body_name, body_hash: the body that the numbers belong to.
        prompts: the hints that were used.
        seconds: time of each stage.
        photo: the photo's file name, or "".
        person: number of the person in the photo, largest first.
        warnings: what an artist should know, in plain words.
        details: the engine's own figures (errors, counts), for the curious.
    """

    intrinsics: NDArray[np.float64]
    image_size: NDArray[np.int64]
    bbox: NDArray[np.float64]
    keypoints_2d: NDArray[np.float64]
    keypoints_3d: NDArray[np.float64]
    joints: NDArray[np.float64]
    vertices: NDArray[np.float32]
    engine: str
    body_name: str
    body_hash: str
    prompts: Prompts = Prompts()
    seconds: dict[str, float] = field(default_factory=dict)
    photo: str = ""
    person: int = 0
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def from_state(body: Body, state: PlacedState, intrinsics: NDArray, **rest: Any) -> Estimate:
        """Fill in all that follows from the numbers of a body: vertices, joints and keypoints.

        Args:
            body: the body model.
            state: its numbers, before the camera.
            intrinsics: (3, 3) px.
            rest: the remaining fields (``image_size``, ``bbox``, ``engine``, ...).
        """
        pose = body.pose(state.model_parameters)
        vertices = body.posed_vertices(pose, state.identity, state.expression)
        keypoints = mhr_to_camera(body.keypoints(pose, vertices), state.camera_translation)
        return Estimate(
            model_parameters=np.asarray(state.model_parameters, np.float64),
            identity=np.asarray(state.identity, np.float64),
            expression=np.asarray(state.expression, np.float64),
            camera_translation=np.asarray(state.camera_translation, np.float64),
            intrinsics=np.asarray(intrinsics, np.float64),
            keypoints_2d=project(keypoints, intrinsics),
            keypoints_3d=keypoints,
            joints=mhr_to_camera(pose.translations, state.camera_translation),
            vertices=mhr_to_camera(vertices, state.camera_translation).astype(np.float32),
            body_name=body.name,
            body_hash=body.hash,
            **rest,
        )

    @property
    def state(self) -> PlacedState:
        """The body alone."""
        return PlacedState(self.model_parameters, self.identity, self.expression, self.camera_translation)

    def with_state(self, body: Body, state: PlacedState) -> Estimate:
        """The estimate with other numbers, and what follows from them."""
        kept = ("image_size", "bbox", "engine", "prompts", "seconds", "photo", "person", "warnings", "details")
        return Estimate.from_state(body, state, self.intrinsics, **{name: getattr(self, name) for name in kept})

    def on_build(self, body: Body) -> Estimate:
        """The estimate on the build of its body that is at hand, where its numbers mean the same there.

        A later build of a body of the same name moves vertices and keypoints a little (other weights, correctives);
        these are computed again. Builds that know ages have coefficients for them besides, last, which are 0 for
        everybody of no age. An estimate of another body, or of one with other shapes, is returned as it is.
        """
        same = self.body_name == body.name and (len(self.expression), len(self.vertices)) == (
            body.expression_count,
            body.vertex_count,
        )
        given, count = len(self.identity), body.identity_count
        if not same or self.body_hash == body.hash:
            return self
        if given < count and given == int(body.ageless.sum()):
            identity = np.pad(self.identity, (0, count - given))
        elif given > count and body.ages is None and not self.identity[count:].any():
            identity = self.identity[:count]
        elif given == count:
            identity = self.identity
        else:
            return self
        return self.with_state(body, replace(self.state, identity=identity))

    def to_json(self) -> dict[str, Any]:
        """Everything but the large arrays, ready for ``json.dumps``."""
        content: dict[str, Any] = {"format": str(FORMAT)}
        for name in ("engine", "body_name", "body_hash", "photo", "person", "seconds", "details"):
            content[name] = getattr(self, name)
        content["photo"] = as_text(self.photo)
        content["warnings"] = list(self.warnings)
        content["prompts"] = {"keypoints": [list(k) for k in self.prompts.keypoints], "mask": self.prompts.mask}
        for name in ARRAYS:
            if name not in _LARGE:
                content[name] = _without_nan(np.asarray(getattr(self, name)).tolist())
        return content

    def save(self, stem: str | Path) -> tuple[Path, Path]:
        """Write ``STEM.npz`` and ``STEM.json``; each appears whole or not at all.

        Returns:
            Both paths.
        """
        arrays_path, text_path = Path(f"{stem}.npz"), Path(f"{stem}.json")
        arrays = {name: np.asarray(getattr(self, name)) for name in ARRAYS}
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        write_arrays(arrays_path, arrays | {"about": np.array(text)})
        write_atomically(text_path, (text + "\n").encode())
        return arrays_path, text_path

    @staticmethod
    def load(path: str | Path) -> Estimate:
        """Read an estimate's ``.npz`` (it holds the text as well).

        Raises:
            ModelError: it is missing, damaged or no estimate.
            NewerFormatError: a newer version of the program wrote it.
        """
        _require_archive(Path(path))
        try:
            with np.load(Path(path), allow_pickle=False) as archive:
                about = _about(str(archive["about"]), path)
                arrays = {name: archive[name] for name in ARRAYS}
            for name, shape in ARRAYS.items():
                actual = arrays[name].shape
                if len(actual) != len(shape) or any(s not in (None, a) for s, a in zip(shape, actual)):
                    raise _UnusableError(f"{name} has shape {actual}")
                if arrays[name].dtype.kind not in "fiu":
                    raise _UnusableError(f"{name} holds no numbers")
            return Estimate(
                **arrays,
                **{name: _typed(about, name, str) for name in ("engine", "body_name", "body_hash", "photo")},
                person=_typed(about, "person", int),
                prompts=Prompts.from_json(about["prompts"]),
                seconds=_typed(about, "seconds", dict),
                warnings=tuple(str(warning) for warning in _typed(about, "warnings", list)),
                details={} if about["details"] is None else _typed(about, "details", dict),
            )
        except NewerFormatError:
            raise
        except Exception as error:  # numpy and zipfile raise many kinds for damaged files
            raise ModelError(f"{path} is not a usable estimate: {_why(error)}.") from error


class _UnusableError(ValueError):
    """Says what is wrong with an estimate's file, in words for people."""


def _require_archive(path: Path) -> None:
    """Raises ModelError where a file cannot be an estimate's ``.npz``, and says what it is instead."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder: name the estimates (.npz) in it.") from error
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or 'the system refuses it'}).") from error
    except ValueError as error:  # of a name with a zero byte
        raise ModelError(f"{str(path)!r} is no name of a file.") from error
    if start == b"PK\x03\x04":
        return
    ending = path.suffix.lower().removeprefix(".")
    if ending in PICTURE_ENDINGS:
        why = "it is a photo. Name the .npz file that its estimate was written to"
    elif ending == "json":
        why = "it is a .json file. Name the .npz file that is written beside an estimate's"
    else:
        why = "it is no .npz file, or a damaged one"
    raise ModelError(f"{path} is not a usable estimate: {why}.")


def _about(text: str, path: str | Path) -> dict[str, Any]:
    """What the text of an estimate's file says."""
    try:
        return dict(FORMAT.parsed(text, path))
    except json.JSONDecodeError as error:
        raise _UnusableError("its text is no JSON") from error
    except ValueError as error:
        raise _UnusableError(str(error)) from error


def _typed(about: dict[str, Any], name: str, kind: type) -> Any:
    """A value of an estimate's text."""
    value = about[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _UnusableError(f"its '{name}' is {'null' if value is None else 'of the wrong type'}")
    return value


def _why(error: Exception) -> str:
    """What is wrong, without the words of libraries."""
    if isinstance(error, KeyError):
        name = str(error.args[0]).split(" ")[0] if error.args else "something"
        return f"it has no '{name}'"
    return str(error).removesuffix(".") if isinstance(error, _UnusableError | Sam3dbError) else "it is damaged"


def _without_nan(value: Any) -> Any:
    """Nested lists with None for NaN: a keypoint behind the camera has no pixel, and JSON has no NaN."""
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if value != value else value
