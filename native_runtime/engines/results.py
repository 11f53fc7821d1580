"""Results of SAM 3D Body made elsewhere: what the public tools return for each person, read as estimates.

The official code returns a dictionary a person, which its users keep as ``.npz`` (one person, or arrays with one row a
person) or as JSON (one dictionary, or a list of them). What is needed is ``mhr_model_params`` (204), ``shape_params``
(45), ``expr_params`` (72) and ``pred_cam_t`` (3, metres, camera axes). The camera comes from ``focal_length`` where it
was kept, and otherwise from ``pred_keypoints_2d`` and ``pred_keypoints_3d``, which hold it exactly: a pixel is
``f * X / Z + c``, linear in the focal length and the principal point. Where only the model's compact numbers were kept,
or under other names, see ``compact_results``. In these results the principal point is the
middle of the picture, which so gives its size, too.

Nothing is unpickled: files with Python objects are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_camera, resize_intrinsics
from native_runtime.errors import Remedy, Sam3dbError, UsageError
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState

from . import sam3d_body
from .compact_results import COMPACT, expanded, official_names, people_of
from .estimate import Estimate

Array = NDArray[np.float64]

ENGINE = sam3d_body.ENGINE.name
#: field -> length of one person's row
_LARGEST = 1e6
"""Of any number of a result but pixels of points beside the camera: all others stay far below."""
_ABOVE_ZERO: dict[str, Any] = {"pred_cam_t": (slice(2, 3),), "focal_length": (...,), "image_size": (...,)}
"""Numbers of fields that must be above zero."""
_WHY_NOT = {
    "pred_cam_t": "the person is not in front of the camera",
    "focal_length": "no lens has such a focal length",
    "image_size": "no photo has such a size",
}
_NEEDED = {"mhr_model_params": (204,), "shape_params": (45,), "expr_params": (72,), "pred_cam_t": (3,)}
_OPTIONAL = {
    "bbox": (4,),
    "focal_length": (),
    "pred_keypoints_3d": (70, 3),
    "pred_keypoints_2d": (70, 2),
    "pred_joint_coords": (127, 3),
    "image_size": (2,),
}
_LARGEST_JSON = 256 << 20
_LARGEST_ARRAY = 1 << 24
_MOST_PEOPLE = 1000
#: Largest error (px) of a camera that was worked out from keypoints: the real ones agree to a thousandth.
_CAMERA_AGREES = 1.0
#: Joints (m) that lie farther from the file's own were made with other numbers or another body.
_JOINTS_AGREE = 0.005
#: Meshes (m) that lie farther from the file's own, on average; without MHR's pose correctives it is 0.004.
_MESH_AGREES = 0.01
#: Joints (m) of fingers that cannot be brought to the file's keypoints by lengths of bones.
_FINGERS_AGREE = 0.001
#: A photo whose shape differs by more than this part is another photo.
_SAME_SHAPE = 0.01


@dataclass(frozen=True)
class PinholeCamera:
    """Intrinsics (3, 3) px and the size (2,) w h px of the picture that they are for."""

    intrinsics: Array
    image_size: NDArray[np.int64]


def read_results(
    path: str | Path, body: Body, image_size: tuple[int, int] | None = None, photo: str = ""
) -> list[Estimate]:
    """The people in a file.

    Args:
        path: ``.npz`` or ``.json``.
        body: a level of detail of MHR's own body: the numbers mean nothing on another.
        image_size: (width, height) px of the photo. The results may have been made from a smaller copy of it.
        photo: the photo's file name, for the record.

    Raises:
        UsageError: the file is no such result, or the body is not MHR's.
    """
    _check_body(body)
    source = Path(path)
    estimates = []
    for number, result in enumerate(_people(source)):
        try:
            estimates.append(estimate_from_result(result, body, image_size, photo, source=source.name))
        except UsageError as error:
            raise UsageError(f"{source.name}, person {number}: {error}", error.remedy) from error
    # every tool lists people in its own order; ours is by size
    estimates.sort(key=lambda e: -float((e.bbox[2] - e.bbox[0]) * (e.bbox[3] - e.bbox[1])))
    return [replace(estimate, person=number) for number, estimate in enumerate(estimates)]


def estimate_from_result(
    result: Mapping[str, Any],
    body: Body,
    image_size: tuple[int, int] | None = None,
    photo: str = "",
    person: int = 0,
    source: str = "",
) -> Estimate:
    """One person's dictionary as an estimate.

    Args:
        result: fields as the public tools name them; arrays or nested lists.
        source: the file's name, for the record.

    Raises:
        UsageError: a field is missing or unusable, or the body is not MHR's.
    """
    _check_body(body)
    result = official_names(result)
    warnings: list[str] = []
    fields = _fields(result, body, warnings)
    if image_size is None and "image_size" in fields:
        width, height = (int(side) for side in fields["image_size"])
        image_size = (width, height)

    # as in every estimate, the place is in the camera's translation and the root's own is 0
    parameters, translation = fields["mhr_model_params"].copy(), fields["pred_cam_t"].copy()
    root = body.joint_index("root")
    place = body.pose(parameters).translations[root]
    parameters[:3] = 0.0
    translation += mhr_to_camera(place - body.pose(parameters).translations[root])

    camera = camera_of(fields, image_size)
    bbox = fields.get("bbox")
    estimate = Estimate.from_state(
        body,
        PlacedState(parameters, fields["shape_params"], fields["expr_params"], translation),
        camera.intrinsics,
        image_size=camera.image_size,
        bbox=np.zeros(4) if bbox is None else bbox,
        engine=ENGINE,
        photo=photo,
        person=person,
        details={"imported_from": source},
    )
    if image_size is not None and not np.array_equal(camera.image_size, image_size):
        estimate = _resized(estimate, camera, image_size)
    if bbox is None:
        seen = estimate.keypoints_2d[np.isfinite(estimate.keypoints_2d).all(axis=1)]
        box = np.zeros(4) if not len(seen) else np.concatenate([seen.min(axis=0), seen.max(axis=0)])
        estimate = replace(estimate, bbox=box)
    if "pred_joint_coords" in fields:
        away = np.linalg.norm(estimate.joints - translation - fields["pred_joint_coords"], axis=1)
        if away.mean() > _JOINTS_AGREE:
            warnings.append(
                f"The file's own joints lie {1000 * away.mean():.0f} mm from those of its parameters: it was made "
                "with another version of the body, or it was changed afterwards."
            )
    mesh = np.asarray(result.get("pred_vertices", ()))
    if mesh.shape == estimate.vertices.shape and mesh.dtype.kind == "f":
        away = np.linalg.norm(estimate.vertices - translation - mesh, axis=1)
        estimate.details["mesh_distance_mm"] = [round(1000 * float(value), 3) for value in (away.mean(), away.max())]
        if not away.mean() <= _MESH_AGREES:
            warnings.append(
                f"The file's own mesh lies {1000 * away.mean():.0f} mm on average from that of its parameters."
            )
    return replace(estimate, warnings=tuple(warnings)) if warnings else estimate


def _fields(result: Mapping[str, Any], body: Body, warnings: list[str]) -> dict[str, Array]:
    """A person's fields, checked; what is odd about them is added to the warnings."""
    compact = result.get("mhr_model_params") is None and all(result.get(name) is not None for name in COMPACT)
    needed = {name: shape for name, shape in _NEEDED.items() if not (compact and name == "mhr_model_params")}
    fields = {name: _field(result, name, shape) for name, shape in (needed | (COMPACT if compact else {})).items()}
    for name, shape in _OPTIONAL.items():
        if result.get(name) is not None:
            fields[name] = _field(result, name, shape)
    if compact:
        fields["mhr_model_params"], away = expanded(fields, body)
        if away is None:
            warnings.append("The file does not say how long fingers are; they have MHR's own lengths.")
        elif away > _FINGERS_AGREE:
            warnings.append(
                f"The file's fingers lie up to {1000 * away:.0f} mm from those of its parameters: it was made with "
                "another version of the body, or it was changed afterwards."
            )
    return fields


def camera_of(fields: Mapping[str, Array], image_size: tuple[int, int] | None = None) -> PinholeCamera:
    """The camera of a result: from its keypoints, else from its focal length.

    Raises:
        UsageError: the result says neither.
    """
    solved = None
    if "pred_keypoints_2d" in fields and "pred_keypoints_3d" in fields:
        points = fields["pred_keypoints_3d"] + fields["pred_cam_t"]
        solved = solve_camera(points, fields["pred_keypoints_2d"])
    if solved is not None:
        return solved
    if "focal_length" not in fields:
        raise UsageError(
            "The result does not describe its camera: it needs 'focal_length', or 'pred_keypoints_2d' and "
            "'pred_keypoints_3d'."
        )
    if image_size is None:
        raise UsageError("The result does not say how large its photo was: give the photo as well.")
    focal = float(fields["focal_length"])
    width, height = image_size
    matrix = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    return PinholeCamera(matrix, np.array(image_size, dtype=np.int64))


def solve_camera(points: Array, pixels: Array) -> PinholeCamera | None:
    """The pinhole camera that sees points (N, 3) m, camera axes, at pixels (N, 2); None where none does.

    The picture's size is taken as twice the principal point.
    """
    if np.any(points[:, 2] <= 0):
        return None
    slopes = points[:, :2] / points[:, 2:]
    system = np.zeros((2 * len(points), 3))
    system[0::2, 0], system[0::2, 1] = slopes[:, 0], 1.0
    system[1::2, 0], system[1::2, 2] = slopes[:, 1], 1.0
    (focal, cx, cy), *_ = np.linalg.lstsq(system, pixels.ravel(), rcond=None)
    residual = np.abs(system @ (focal, cx, cy) - pixels.ravel()).max()
    size = np.round([2 * cx, 2 * cy]).astype(np.int64)
    if not (residual < _CAMERA_AGREES and focal > 0 and np.all(size > 0)):
        return None
    return PinholeCamera(np.array([[focal, 0.0, cx], [0.0, focal, cy], [0.0, 0.0, 1.0]]), size)


def _check_body(body: Body) -> None:
    identity, expression = _NEEDED["shape_params"][0], _NEEDED["expr_params"][0]
    if (body.identity_count, body.expression_count) != (identity, expression):
        raise UsageError(
            f"SAM 3D Body's results are numbers of MHR's own body, which has {identity} shape and {expression} face "
            f"components; '{body.name}' has {body.identity_count} and {body.expression_count}. Choose a level of "
            "MHR's official assets.",
            Remedy.IMPORT_OFFICIAL,
        )


def _resized(estimate: Estimate, camera: PinholeCamera, image_size: tuple[int, int]) -> Estimate:
    """The same person in another size of the photo."""
    scale = np.array(image_size, dtype=np.float64) / camera.image_size
    if abs(scale[0] / scale[1] - 1.0) > _SAME_SHAPE:
        width, height = camera.image_size.tolist()
        raise UsageError(
            f"The result was made from a picture of {width} x {height} pixels, the photo has {image_size[0]} x "
            f"{image_size[1]}: it is a different one, or was cropped."
        )
    corners = (estimate.bbox.reshape(2, 2) + 0.5) * scale - 0.5
    return replace(
        estimate,
        intrinsics=resize_intrinsics(camera.intrinsics, *scale),
        image_size=np.array(image_size, dtype=np.int64),
        bbox=corners.ravel(),
        keypoints_2d=(estimate.keypoints_2d + 0.5) * scale - 0.5,
    )


def _field(result: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Array:
    if result.get(name) is None:
        raise UsageError(f"The result has no '{name}'; SAM 3D Body's own demo writes it for each person.")
    try:
        array = np.asarray(result[name], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"'{name}' of the result holds no numbers.") from None
    if array.size == math.prod(shape):
        array = array.reshape(shape)  # some tools keep an axis of length 1
    elif name == "focal_length" and array.size > 0:
        array = array.reshape(-1)[0]  # fx, fy
    if array.shape != shape:
        raise UsageError(f"'{name}' of the result has shape {array.shape}, expected {shape}.")
    if not np.isfinite(array).all():
        raise UsageError(f"'{name}' of the result holds values that are not finite.")
    if name != "pred_keypoints_2d" and np.abs(array).max(initial=0.0) > _LARGEST:
        raise UsageError(f"'{name}' of the result holds values beyond {_LARGEST:,.0f}, which nothing in a photo has.")
    if name in _ABOVE_ZERO and array[_ABOVE_ZERO[name]].min() <= 0:
        raise UsageError(f"'{name}' of the result is {_listed(array)}: {_WHY_NOT[name]}.")
    return array


def _listed(array: Array) -> str:
    return ", ".join(f"{value:g}" for value in array.ravel())


def _people(source: Path) -> Sequence[Mapping[str, Any]]:
    try:
        people = _read_json(source) if source.suffix.lower() == ".json" else _read_npz(source)
    except Sam3dbError:
        raise
    except OSError as error:
        raise UsageError(f"Cannot read {source}: {error.strerror or error}.") from error
    except Exception as error:  # numpy, zipfile and json raise many kinds for damaged files
        raise UsageError(f"{source.name} is damaged or not a result of SAM 3D Body ({error}).") from error
    if not people:
        raise UsageError(f"There is nobody in {source.name}.")
    if len(people) > _MOST_PEOPLE:
        raise UsageError(f"{source.name} lists {len(people)} people; more than {_MOST_PEOPLE} are not read.")
    return people


def _read_npz(source: Path) -> list[dict[str, Any]]:
    wanted = {**_NEEDED, **_OPTIONAL, **COMPACT, "pred_vertices": (None, 3)}
    arrays: dict[str, NDArray[Any]] = {}
    with np.load(source, allow_pickle=False) as archive:
        for name in archive.files:
            if name in wanted:
                size = archive.zip.getinfo(f"{name}.npy").file_size
                if size > _LARGEST_ARRAY:
                    raise UsageError(f"'{name}' in {source.name} is far too large.")
                arrays[name] = archive[name]
    if "mhr_model_params" in arrays:
        rows = arrays["mhr_model_params"].size // 204
    elif COMPACT.keys() <= arrays.keys():
        rows = arrays["body_pose_params"].size // 133
    else:
        raise UsageError(
            f"{source.name} holds no 'mhr_model_params', nor the numbers that they are made of "
            f"({', '.join(COMPACT)}); it is not a result of SAM 3D Body."
        )
    if rows <= 1:
        return [dict(arrays)]
    batched = {name: array for name, array in arrays.items() if array.ndim and len(array) == rows}
    shared = {name: array for name, array in arrays.items() if name not in batched}
    return [{**shared, **{name: array[row] for name, array in batched.items()}} for row in range(rows)]


def _read_json(source: Path) -> list[Mapping[str, Any]]:
    if source.stat().st_size > _LARGEST_JSON:
        raise UsageError(f"{source.name} is too large for a result.")
    content = json.loads(source.read_text(encoding="utf-8"))
    content = people_of(content)
    people = content if isinstance(content, list) else [content]
    if not all(isinstance(person, Mapping) for person in people):
        raise UsageError(f"{source.name} holds no dictionaries of people.")
    return people
