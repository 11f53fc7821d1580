"""Characters before their photo's camera, for tests in Blender that need no engine."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from native_runtime.camera import intrinsics_for
from native_runtime.engines.estimate import Estimate
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.state import PlacedState
from sam3db_blender.handles.photo_scene import build_photo_scene
from sam3db_blender.scene.character import PhotoScene


def photo_scene(
    body: Body,
    count: int = 1,
    size: tuple[int, int] = (320, 240),
    name: str = "photo",
    focal_px: float = 300.0,
    light: bool = False,
) -> PhotoScene:
    """Adds a plain photo with some people to the scene; the first one is selected and active.

    Args:
        size: width, height px.
        light: with light and a floor.
    """
    estimates = [_estimate(body, number, size, focal_px) for number in range(count)]
    pixels = np.full((size[1], size[0], 3), 127, np.uint8)
    photo = Photo(pixels=pixels, path=Path(f"{name}.jpg"), original_size=size)
    built = build_photo_scene(bpy.context.scene, estimates, photo, body, light=light)
    for obj in bpy.context.selected_objects:
        obj.select_set(False)
    rig = built.characters[0].rig
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
    bpy.context.view_layer.update()
    return built


def _estimate(body: Body, number: int, size: tuple[int, int], focal_px: float) -> Estimate:
    return Estimate.from_state(
        body,
        PlacedState(
            np.zeros(204),
            np.zeros(body.identity_count),
            np.zeros(body.expression_count),
            np.array([0.4 * number, 1.0, 4.0]),
        ),
        intrinsics_for(size, focal_px=focal_px),
        image_size=np.array(size),
        bbox=np.array([10.0 + 40 * number, 20.0, 200.0, 230.0]),
        engine="landmarks",
        photo="photo.jpg",
        person=number,
    )
