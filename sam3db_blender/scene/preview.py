"""A picture of the result: the photo, the character over it, and the character from another side.

What is drawn is the mesh as Blender evaluates it from the armature and the sliders, seen through the photo's
camera, so that a mistake anywhere in the rig shows. The drawing itself is done in ``raster``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import cv2
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import camera_to_blender, crop_intrinsics, project, resize_intrinsics

from ..rig.arrays import evaluated_surface
from .raster import Light, Surface, View, decode_srgb, encode_srgb, floor_shadow, render

if TYPE_CHECKING:
    from .character import PhotoScene

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

#: How much of the photo around the people is shown, as a part of their height or width.
_MARGIN = 0.12
#: Panels are at most this much wider than high, and at least this wide.
_WIDEST, _NARROWEST = 1.5, 0.56
#: Wide panels become less high instead of wider than this part of the wanted height.
_WIDEST_PANEL = 1.1
_TURN_DEGREES, _RISE_DEGREES = -58.0, 8.0
#: Half the angle that the turned view takes in, along its longer side.
_TURNED_HALF_ANGLE = np.radians(12.0)
_GAP = 12
_PAPER = (250, 250, 249)
_BACKDROP_TOP, _BACKDROP_BOTTOM = np.array([0.80, 0.82, 0.84]), np.array([0.56, 0.58, 0.61])
_FLOOR_SHADOW = 0.75


def render_preview(built: PhotoScene, photo: Pixels, intrinsics: Array, height: int = 720) -> Pixels:
    """The preview as RGB pixels: photo | character over the photo | character turned.

    Args:
        built: the people in the scene.
        photo: (H, W, 3) uint8 sRGB.
        intrinsics: (3, 3) of the photo in pixels of ``photo``.
        height: of the panels, px.
    """
    surface = _surface(built)
    seen = project(built.placement.camera(surface.vertices), intrinsics)
    crop = _crop(seen, photo.shape[1], photo.shape[0])
    height = min(height, round(_WIDEST_PANEL * height * crop.height / crop.width))
    width = max(1, round(height * crop.width / crop.height))
    part = photo[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    interpolation = cv2.INTER_AREA if height < crop.height else cv2.INTER_CUBIC
    part = cv2.resize(part, (width, height), interpolation=interpolation)
    over = View(
        intrinsics=resize_intrinsics(
            crop_intrinsics(intrinsics, crop.left, crop.top), width / crop.width, height / crop.height
        ),
        axes=camera_to_blender(np.eye(3)).T,
        position=built.placement.camera_location,
        width=width,
        height=height,
    )
    turned = _turned_view(surface, height)
    return _side_by_side(
        [
            part,
            encode_srgb(_over(decode_srgb(part), _lit(surface, over))),
            encode_srgb(_over(_backdrop(surface, turned), _lit(surface, turned))),
        ]
    )


def save_preview(path: Path, pixels: Pixels) -> None:
    """Writes the picture under a temporary name, then renames it; the ending says the format (.png, .jpg)."""
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"cannot encode a preview as '{path.suffix}'")
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        temporary.write_bytes(data.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _surface(built: PhotoScene) -> Surface:
    """All people as one surface, coloured as Solid view colours their materials."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    vertices, triangles, colours, count = [], [], [], 0
    for character in built.characters:
        points, faces, materials = evaluated_surface(character.mesh, depsgraph)
        palette = np.array([material.diffuse_color[:3] for material in character.mesh.data.materials])
        own = np.zeros((len(points), 3))
        for corner in range(3):
            own[faces[:, corner]] = palette[materials]
        vertices.append(points)
        triangles.append(faces + count)
        colours.append(own)
        count += len(points)
    return Surface(np.concatenate(vertices), np.concatenate(triangles), np.concatenate(colours))


def _lit(surface: Surface, view: View) -> NDArray[np.float32]:
    """The surface under a soft studio light that stands with the camera: key from the upper left, cool fill, rim
    from behind.
    """

    def light(
        right: float, up: float, back: float, colour: tuple[float, float, float], power: float, wrap: float
    ) -> Light:
        direction = view.axes @ np.array([right, -up, -back])
        return Light(direction / np.linalg.norm(direction), power * np.array(colour), wrap)

    key = light(-0.65, 0.75, 0.8, (1.0, 0.96, 0.90), 0.92, 0.12)
    fill = light(0.9, 0.1, 0.7, (0.86, 0.93, 1.0), 0.18, 0.5)
    rim = light(0.6, 0.5, -0.9, (1.0, 0.98, 0.95), 0.32, 0.1)
    return render(
        surface, view, key, [fill, rim], sky=np.array([0.25, 0.265, 0.28]), ground=np.array([0.11, 0.10, 0.095])
    )


@dataclass(frozen=True)
class _Crop:
    left: int
    top: int
    width: int
    height: int


def _crop(pixels: Array, width: int, height: int) -> _Crop:
    """The part of a photo of ``width`` x ``height`` that shows the people: a margin around them, no extreme shape."""
    seen = pixels[np.isfinite(pixels).all(axis=1)]
    if len(seen) == 0:
        return _Crop(0, 0, width, height)
    low = np.clip(seen.min(axis=0), 0, (width, height))
    high = np.clip(seen.max(axis=0), 0, (width, height))
    if not (high - low > 1).all():  # nobody in the frame
        return _Crop(0, 0, width, height)
    size = (high - low) * (1 + 2 * _MARGIN)
    size[0] = max(size[0], _NARROWEST * size[1])
    size[1] = max(size[1], size[0] / _WIDEST)
    size = np.minimum(np.ceil(size), (width, height))
    corner = np.clip(np.round((low + high - size) / 2), 0, (width, height) - size)
    return _Crop(int(corner[0]), int(corner[1]), int(size[0]), int(size[1]))


def _turned_view(surface: Surface, height: int) -> View:
    """A view from the side that takes in the whole surface."""
    turn, rise = np.radians(_TURN_DEGREES), np.radians(_RISE_DEGREES)
    forward = np.array([-np.sin(turn) * np.cos(rise), np.cos(turn) * np.cos(rise), -np.sin(rise)])
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    axes = np.stack([right, np.cross(forward, right), forward], axis=1)
    local = surface.vertices @ axes
    low, high = local.min(axis=0), local.max(axis=0)
    middle = (low + high) / 2
    spread = (high - low)[:2] / 2
    width = round(height * float(np.clip(1.2 * spread[0] / spread[1], _NARROWEST, _WIDEST)))
    frame = np.array([width, height]) / max(width, height) * np.tan(_TURNED_HALF_ANGLE)
    # far enough for each point to lie within the frame, with the same margin as over the photo
    distance = float((np.abs(local[:, :2] - middle[:2]) * (1 + 1.5 * _MARGIN) / frame - local[:, 2:]).max())
    focal = max(width, height) / 2 / np.tan(_TURNED_HALF_ANGLE)
    return View(
        intrinsics=np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]]),
        axes=axes,
        position=axes @ np.array([middle[0], middle[1], -distance]),
        width=width,
        height=height,
    )


def _backdrop(surface: Surface, view: View) -> Array:
    """A light grey ground that darkens where the surface stands: (H, W, 3) linear."""
    ramp = np.linspace(0, 1, view.height)[:, None, None]
    grey = _BACKDROP_TOP * (1 - ramp) + _BACKDROP_BOTTOM * ramp
    return grey * (1 - _FLOOR_SHADOW * floor_shadow(surface, view)[..., None])


def _over(below: NDArray, above: NDArray) -> NDArray:
    """(H, W, 4) linear colours times coverage over (H, W, 3) linear colours."""
    return above[..., :3] + below * (1 - above[..., 3:])


def _side_by_side(panels: list[Pixels]) -> Pixels:
    height = panels[0].shape[0] + 2 * _GAP
    width = sum(panel.shape[1] for panel in panels) + _GAP * (len(panels) + 1)
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = _PAPER
    left = _GAP
    for panel in panels:
        sheet[_GAP : _GAP + panel.shape[0], left : left + panel.shape[1]] = panel
        left += panel.shape[1] + _GAP
    return sheet
