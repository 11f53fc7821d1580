"""From a character and its handles to a request, and from the answer back to the character."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from native_runtime.camera import blender_camera_matrix, project, resize_intrinsics
from native_runtime.engines import ENGINES
from native_runtime.engines.estimate import Estimate, Prompts
from native_runtime.errors import Sam3dbError

from .. import body_files, places, sam3d_body_files
from ..photo_jobs import PoseRequest, SegmentJob
from ..rig.arrays import fill, take
from ..rig.pose import REFERENCE, apply_parameters, set_shape
from ..rig.properties import read_sliders, write_sliders
from ..rig.rigmap import RigMap
from ..scene.bodies import body_of
from ..scene.camera import camera_of
from ..scene.provenance import Origin, read_origin, rewrite_origin, write_placement
from ..scene.readback import Standing, standing_of
from .handles import State, by_keypoint, moved, put, require_own, state_of
from .masks import has_mask, mask_file
from .pins import note_judgement, prompts, prompts_of
from .source import photo_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body

    from ..jobs import Client

Array = NDArray[np.float64]

#: Custom properties of a rig: whether the artist's own work on bones and sliders is kept, whether the small rest that
#: an engine leaves between pins and keypoints is closed, and how closely an engine looks ("full", "body"; empty: its
#: own way).
KEEP_EDITS = "sam3db_keep_edits"
SNAP = "sam3db_snap"
INFERENCE = "sam3db_inference"

_DEFAULT_ENGINE = "landmarks"
_SAM3D_BODY = "sam3d_body"
_CHANNELS = ("location", "rotation_euler", "scale")


def keeps_edits(rig: bpy.types.Object) -> bool:
    """Whether the artist's own work on bones and sliders is kept when the pose is inferred anew."""
    return bool(rig.get(KEEP_EDITS, False))


def set_keep_edits(rig: bpy.types.Object, on: bool) -> None:
    """Says whether it is."""
    rig[KEEP_EDITS] = on


# --- asking ----------------------------------------------------------------------------------------------------------


def request_for(rig: bpy.types.Object, moved_too: bool = False) -> PoseRequest:
    """What the worker is asked: this person again, with the handles as they lie now.

    Args:
        moved_too: whether handles that were moved count as pinned already.

    Raises:
        Sam3dbError: the photo, the camera or the body is gone, or the character is linked.
    """
    require_own(rig)
    origin = read_origin(rig)
    width, height = (int(n) for n in origin.arrays["image_size"])
    source = photo_of(rig, (width, height))
    engine = origin.details["engine"] if origin.details["engine"] in ENGINES else _DEFAULT_ENGINE
    sam3d_body = engine == _SAM3D_BODY
    models = sam3d_body_files.folder_for_worker() if sam3d_body else places.models_folder()
    settings = places.preferences()
    start, answered = _edits(rig, origin) if keeps_edits(rig) else (None, None)
    corners = source.pixels(origin.arrays["bbox"].reshape(2, 2))
    return PoseRequest(
        photo=source.path,
        slot=origin.id,
        intrinsics=resize_intrinsics(origin.arrays["intrinsics"], *source.scale).tolist(),
        box=corners.ravel().tolist(),
        pins=[(pin[0], *source.pixels(pin[1:3]).tolist(), *pin[3:]) for pin in prompts(rig, moved_too)],
        mask=mask_file(rig),
        start=start,
        answered=answered,
        snap=bool(rig.get(SNAP, False)),
        engine=engine,
        body=body_files.for_worker(origin.details["body_name"], models),
        models=models,
        inference=str(rig.get(INFERENCE, "")) or None if sam3d_body else None,
        providers=settings.requested_providers() if sam3d_body and settings is not None else None,
    )


def segment_job(rig: bpy.types.Object, client: Client) -> SegmentJob:
    """Asks the worker which pixels show the person, whatever the character's engine.

    Raises:
        Sam3dbError: the photo or the camera is gone, or the character is linked.
    """
    require_own(rig)
    arrays = read_origin(rig).arrays
    width, height = (int(n) for n in arrays["image_size"])
    source = photo_of(rig, (width, height))
    box = source.pixels(arrays["bbox"].reshape(2, 2)).ravel().tolist()
    return SegmentJob(client, photo=source.path, box=box, models=places.models_folder())


def _edits(rig: bpy.types.Object, origin: Origin) -> tuple[Path, Path] | tuple[None, None]:
    """Files of the character as it stands and as it was last inferred; none where nobody touched it."""
    now = standing_of(rig, body_of(rig, exact=True))
    before = Standing.recorded(origin)
    if now.is_close(before):
        return None, None
    folder = Path(bpy.app.tempdir)
    start, answered = (folder / f"{origin.id}-{name}" for name in ("start", "answered"))
    _bare(origin, now).save(start)
    _bare(origin, before).save(answered)
    return Path(f"{start}.npz"), Path(f"{answered}.npz")


def _bare(origin: Origin, standing: Standing) -> Estimate:
    """An estimate of which only the numbers count: whoever wants joints and vertices can have them of these."""
    return Estimate(
        model_parameters=standing.parameters,
        identity=standing.identity,
        expression=standing.expression,
        camera_translation=standing.camera_translation,
        joints=np.zeros((127, 3)),
        vertices=np.zeros((0, 3), np.float32),
        image_size=origin.arrays["image_size"].astype(np.int64),
        intrinsics=origin.arrays["intrinsics"],
        bbox=origin.arrays["bbox"],
        keypoints_2d=origin.arrays["keypoints_2d"],
        keypoints_3d=origin.arrays["keypoints_3d"],
        engine=origin.details["engine"],
        body_name=origin.details["body_name"],
        body_hash=origin.details["body_hash"],
    )


# --- answering -------------------------------------------------------------------------------------------------------


def apply_answer(rig: bpy.types.Object, answer: Estimate) -> None:
    """Puts a character into the pose of an answer: bones, sliders, place, handles and record. The camera stays.

    Args:
        answer: of the same person and body, with the pixels of any file of the photo.

    Raises:
        Sam3dbError: the body is another one, the camera is gone, or the character cannot be changed.
    """
    origin, handles = read_origin(rig), by_keypoint(rig)
    estimate = _of_the_photo(rig, handles, origin, answer)
    _pose(rig, body_of(rig), origin, estimate)
    rewrite_origin(rig, estimate)
    write_placement(rig, _place_of(camera_of(rig), estimate.camera_translation))
    _put_all(handles, estimate.keypoints_2d)
    note_judgement(handles, estimate.details)


def preview_answer(rig: bpy.types.Object, answer: Estimate) -> None:
    """As ``apply_answer`` while handles are being dragged: the record stays."""
    origin, handles = read_origin(rig), by_keypoint(rig)
    estimate = _of_the_photo(rig, handles, origin, answer)
    _pose(rig, body_of(rig), origin, estimate)
    _put_all(handles, estimate.keypoints_2d)


def _put_all(handles: Mapping[int, bpy.types.Object], keypoints: Array) -> None:
    """Puts handles where the pose has their keypoints (70, 2) px, but for those that somebody has in hand."""
    for index, handle in handles.items():
        if _follows(handle) and not moved(handle) and np.isfinite(keypoints[index]).all():
            put(handle, keypoints[index])


def _follows(handle: bpy.types.Object) -> bool:
    """Whether a handle goes where the pose goes: one that marks a wrong place stays there."""
    return state_of(handle) in (State.PREDICTED, State.IGNORED)


def _of_the_photo(
    rig: bpy.types.Object, handles: Mapping[int, bpy.types.Object], origin: Origin, answer: Estimate
) -> Estimate:
    """An answer in the pixels of the original photo, with the character's own camera and the handles as its prompts."""
    intrinsics = origin.arrays["intrinsics"]
    return replace(
        answer,
        intrinsics=intrinsics,
        image_size=origin.arrays["image_size"].astype(np.int64),
        bbox=origin.arrays["bbox"],
        keypoints_2d=project(answer.keypoints_3d, intrinsics),
        prompts=Prompts(tuple(prompts_of(handles)), has_mask(rig)),
        photo=origin.details["photo"],
        person=origin.details["person"],
    )


def _pose(rig: bpy.types.Object, body: Body, origin: Origin, estimate: Estimate) -> None:
    require_own(rig)
    if estimate.body_hash != origin.details["body_hash"]:
        raise Sam3dbError(f"The answer is of another body ('{estimate.body_name}') than '{rig.name}' has.")
    place = Matrix(_place_of(camera_of(rig), estimate.camera_translation).tolist())
    apply_parameters(rig, body, estimate.model_parameters)
    set_shape(rig, body, estimate.identity, estimate.expression)
    rig.matrix_world = place


def _place_of(camera: bpy.types.Object, translation: Array) -> Array:
    """(4, 4) the world matrix of a rig whose person the camera sees with this ``camera_translation``."""
    eye = np.array(camera.matrix_world.normalized(), dtype=np.float64)
    return eye @ np.linalg.inv(blender_camera_matrix(translation))


@dataclass(frozen=True)
class Before:
    """A character as it was before a drag previewed other poses."""

    channels: tuple[NDArray[np.float32], ...]
    sliders: Array
    reference: list[float] | None
    matrix: Matrix

    @classmethod
    def of(cls, rig: bpy.types.Object) -> Before:
        """Remembers it."""
        reference = rig.get(REFERENCE)
        return cls(
            tuple(take(rig.pose.bones, name, 3) for name in _CHANNELS),
            read_sliders(rig, RigMap.of(body_of(rig)).sliders),
            None if reference is None else list(reference),
            rig.matrix_world.copy(),
        )

    def restore(self, rig: bpy.types.Object) -> None:
        """Makes it so again, handles included."""
        for name, values in zip(_CHANNELS, self.channels):
            fill(rig.pose.bones, name, values)
        write_sliders(rig, RigMap.of(body_of(rig)).sliders, self.sliders.tolist())
        if self.reference is not None:
            rig[REFERENCE] = self.reference
        rig.matrix_world = self.matrix
        _put_all(by_keypoint(rig), read_origin(rig).arrays["keypoints_2d"])
