"""The 3D views in which somebody poses on a photo: which one it is, what it looks through, what it frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.view_framing import frame_box

from ..scene.camera import camera_settings
from ..scene.photo_over import lay_over
from ..scene.source import image_of
from ..scene.viewpoints import view_of, viewpoint_of
from . import view_look
from .handles import TOOL
from .people import photo_camera
from .showing import show

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = NDArray[np.float64]

Edges = Literal["LEFT", "RIGHT", "TOP", "BOTTOM"]


@dataclass(frozen=True)
class View:
    """A 3D view in a window."""

    window: bpy.types.Window
    area: bpy.types.Area

    @property
    def space(self) -> bpy.types.SpaceView3D:
        space = self.area.spaces.active
        assert isinstance(space, bpy.types.SpaceView3D)
        return space

    @property
    def region(self) -> bpy.types.Region:
        return next(region for region in self.area.regions if region.type == "WINDOW")


def view_for(context: bpy.types.Context) -> View | None:
    """The 3D view that an operator was called from; else the largest, of its own window before the others."""
    if context.window is None:
        return None
    if context.area is not None and context.area.type == "VIEW_3D":
        return View(context.window, context.area)
    views = list(_views(context.window)) or [
        view for window in context.window_manager.windows for view in _views(window)
    ]
    return max(views, key=lambda view: view.area.width * view.area.height, default=None)


def looks_through(context: bpy.types.Context, rig: bpy.types.Object) -> bool:
    """Whether the 3D view of a context looks through the camera of a character's photo."""
    space = context.space_data
    if not isinstance(space, bpy.types.SpaceView3D):
        return False
    looking = context.region_data or space.region_3d  # a sidebar has none of its own
    if looking is None or looking.view_perspective != "CAMERA":
        return False
    camera = space.camera if space.use_local_camera else context.scene and context.scene.camera
    return camera is not None and camera == photo_camera(rig)


def pose_from_photo(context: bpy.types.Context, rigs: Sequence[bpy.types.Object]) -> bool:
    """Makes ready for posing: a 3D view looks through the photo's camera, with these people of it filling the view,
    the tool is taken, and the body shows the photo through it.

    Returns:
        Whether there is such a view; in the background there is none, and after the camera was deleted neither.
    """
    view, camera = view_for(context), photo_camera(rigs[0])
    if bpy.app.background or view is None or camera is None:
        return False
    look_at_people(view, camera, rigs)
    if not camera.library and not getattr(camera.data, "library", None):
        lay_over(camera, image_of(rigs[0], view_of(rigs[0])))
    take_tool(view)
    view_look.refresh()
    return True


def begin_posing(context: bpy.types.Context, rigs: Sequence[bpy.types.Object]) -> None:
    """As ``pose_from_photo``, of people who have just been made. The tool shows their handles: the empties are hidden,
    unless there is no window.
    """
    if pose_from_photo(context, rigs):
        for rig in rigs:
            show(rig, False)


def show_textures(context: bpy.types.Context) -> None:
    """Has 3D views whose Solid shading has Blender's default colours show textures, and the materials' colours where
    there are none.
    """
    for view in () if context.window is None else _views(context.window):
        if view.space.shading.color_type == "MATERIAL":
            view.space.shading.color_type = "TEXTURE"


def look_at_people(view: View, camera: bpy.types.Object, rigs: Sequence[bpy.types.Object]) -> None:
    """Looks through a photo's camera so that people of the photo fill the view."""
    seen = viewpoint_of(rigs[0])
    space, region = view.space, view.region
    looking = space.region_3d
    if looking is None:
        return
    if space.use_local_camera:
        space.camera = camera
    looking.view_perspective = "CAMERA"
    settings = camera_settings(seen.intrinsics, seen.image_size)
    framed = frame_box(box_around(rigs), seen.intrinsics, settings, (region.width, region.height), free_part(view.area))
    looking.view_camera_zoom = framed.zoom
    looking.view_camera_offset = framed.offset
    view.area.tag_redraw()


def box_around(rigs: Sequence[bpy.types.Object]) -> Array:
    """x0 y0 x1 y1 px of the photo: the people of it with all their keypoints."""
    corners = []
    for rig in rigs:
        seen = viewpoint_of(rig)
        points = seen.keypoints_2d
        corners += [seen.bbox.reshape(2, 2), points[np.isfinite(points).all(axis=1)]]
    cloud = np.concatenate(corners)
    return np.concatenate([cloud.min(axis=0), cloud.max(axis=0)])


def free_part(area: bpy.types.Area) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 px of a 3D view's main region, y up, that no toolbar, sidebar or header lies over."""
    main = next(region for region in area.regions if region.type == "WINDOW")
    x0, y0, x1, y1 = 0, 0, main.width, main.height
    for region in area.regions:
        if region.type == "WINDOW" or region.width <= 1 or region.height <= 1:
            continue
        if region.alignment == "LEFT":
            x0 = max(x0, region.x + region.width - main.x)
        elif region.alignment == "RIGHT":
            x1 = min(x1, region.x - main.x)
        elif region.alignment == "TOP":
            y1 = min(y1, region.y - main.y)
        elif region.alignment == "BOTTOM":
            y0 = max(y0, region.y + region.height - main.y)
    if x1 - x0 < 1 or y1 - y0 < 1:  # everything is covered
        return 0, 0, main.width, main.height
    return x0, y0, x1, y1


def take_tool(view: View) -> None:
    """Takes the tool "Pose from Photo" in a 3D view."""
    with bpy.context.temp_override(window=view.window, area=view.area, region=view.region):
        bpy.ops.wm.tool_set_by_id(name=TOOL)


def _views(window: bpy.types.Window) -> Iterator[View]:
    areas: Any = window.screen.areas
    return (View(window, area) for area in areas if area.type == "VIEW_3D")
