"""Renders through the camera of a photo: at the photo's size, and with the photo behind the character on request."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from native_runtime.errors import Sam3dbError

from ..app_handlers import listen, stop_listening


def use_photo_size(scene: bpy.types.Scene) -> None:
    """Gives renders the pixels of the photo of the scene's camera.

    Raises:
        Sam3dbError: the camera does not belong to a photo.
    """
    from .camera import take_frame

    if not take_frame(scene):
        raise Sam3dbError(
            "The scene's camera does not belong to a photo: choose somebody in 'People' to use their photo's camera."
        )


def show_photo_behind(scene: bpy.types.Scene, on: bool) -> None:
    """Shows the photo of the scene's camera behind all that is rendered, or no longer.

    Raises:
        Sam3dbError: the camera does not belong to a photo.
    """
    from . import behind
    from .source import image_before

    if not on:
        behind.switch_off(scene)
        return
    image = None if scene.camera is None else image_before(scene.camera)
    if image is None:
        raise Sam3dbError("The scene's camera shows no photo: choose somebody in 'People' to use their photo's camera.")
    behind.switch_on(scene, image)


def follow(scene: bpy.types.Scene) -> None:
    """Keeps pixels and photo those of the scene's camera, however that was chosen."""
    from . import behind
    from .camera import follow_camera
    from .source import image_before

    follow_camera(scene)
    if behind.is_on(scene):
        behind.show(scene, None if scene.camera is None else image_before(scene.camera))


@persistent
def _on_update(scene: bpy.types.Scene, depsgraph: Any) -> None:
    follow(scene)


def attach() -> None:
    """Starts to listen to Blender."""
    listen(((bpy.app.handlers.depsgraph_update_post, _on_update),))


def detach() -> None:
    """Stops it."""
    stop_listening(((bpy.app.handlers.depsgraph_update_post, _on_update),), _never)


def _never() -> None:
    """There is no timer."""
