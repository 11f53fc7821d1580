"""What the worker is asked about a character: about its photo, or about all photos of one moment together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from native_runtime.camera import resize_intrinsics
from native_runtime.characters.placement import up_of
from native_runtime.engines.looks import stated_age
from native_runtime.pipeline.heights import stated_height
from native_runtime.takes.views.pose_request import BodyNumbers, PoseViewsRequest, ViewPhoto

from .. import places
from ..files import bodies
from ..jobs import engines
from ..rig.animated import require_keyable
from ..scene.bodies import body_of
from ..scene.camera import camera_of, cameras_of
from ..scene.lookup import require_own
from ..scene.provenance import read_origin
from ..scene.source import photo_of
from ..scene.viewpoints import from_first, has_views, read_views, viewpoint_of
from .session import inferences, noticed, pins_in_file, refine_of, request_for
from .sex import chosen_sex

if TYPE_CHECKING:
    import bpy

    from native_runtime.mhr.state import PlacedState
    from native_runtime.pipeline.requests import PoseRequest


def question_for(rig: bpy.types.Object, remember: bool = True) -> PoseRequest | PoseViewsRequest:
    """What the worker is asked for a character's next pose.

    Args:
        remember: as of ``session.request_for``.

    Raises:
        Sam3dbError: a photo, the first camera or the body is gone, or the character is linked.
    """
    return _about_views(rig, remember) if has_views(rig) else request_for(rig, remember)


def _about_views(rig: bpy.types.Object, remember: bool) -> PoseViewsRequest:
    """All photos of one moment whose cameras are there, with what is said on each."""
    require_own(rig)
    require_keyable(rig)
    camera_of(rig)  # without the first one nobody knows where the person stands
    origin, body = read_origin(rig), body_of(rig)
    engine = engines.engine_that_made(origin.details)
    models = engines.models_for(engine, places.models_folder())
    can, said = engines.capabilities_of(engine), origin.details["details"]
    memory = noticed(rig, body, remember)
    return PoseViewsRequest(
        views=tuple(_photo(rig, number) for number in cameras_of(rig)),
        start=_start(rig, memory.slots.state(memory.applied)),
        calibrated=_calibrated(rig),
        slot=origin.id,
        refine=refine_of(rig, origin),
        sex=chosen_sex(rig, origin) if can.sexes else None,
        age=stated_age(said) if can.ages else None,
        height_cm=stated_height(said),
        engine=engine,
        body=bodies.for_worker(origin.details["body_name"], models),
        models=models,
        **engines.settings_for(engine, *inferences(rig, origin)),
    )


def _calibrated(rig: bpy.types.Object) -> bool:
    """Whether a calibration says where the cameras of a character's photos stand."""
    views = read_views(rig)
    return views is not None and any(view.camera for view in views.views)


def _photo(rig: bpy.types.Object, number: int) -> ViewPhoto:
    """One of a character's photos."""
    seen = viewpoint_of(rig, number)
    width, height = (int(side) for side in seen.image_size)
    source = photo_of(rig, (width, height), number)
    camera = np.eye(4)
    if number:
        rotation, translation = from_first(rig, number)
        camera[:3, :3], camera[:3, 3] = rotation.T, -rotation.T @ translation
    up = up_of(seen.details)
    corners = source.pixels(seen.bbox.reshape(2, 2))
    return ViewPhoto(
        number=number,
        photo=str(source.path.absolute()),
        box=tuple(corners.ravel().tolist()),
        intrinsics=tuple(map(tuple, resize_intrinsics(seen.intrinsics, *source.scale).tolist())),
        up=None if up is None else tuple(up.tolist()),
        camera=tuple(map(tuple, camera.tolist())),
        pins=pins_in_file(rig, source, number),
    )


def _start(rig: bpy.types.Object, now: PlacedState) -> BodyNumbers:
    """The body as the photos alone have it, with the shape that it has now: what was said before and is said no more
    leaves nothing behind.
    """
    views = read_views(rig)
    assert views is not None
    start = views.start
    return BodyNumbers(
        model_parameters=tuple(start.model_parameters.tolist()),
        identity=tuple(now.identity.tolist()),
        expression=tuple(now.expression.tolist()),
        camera_translation=tuple(start.camera_translation.tolist()),
    )
