"""The footage behind its camera: a video or pictures, each frame of the scene with the picture of its moment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.bounds import PICTURE_ENDINGS

from .. import compat
from ..scene.camera import add_background
from .curves import write_steps

if TYPE_CHECKING:
    from native_runtime.takes.take import Take

    from .motion import Clock

#: By which part the shape of a picture may differ from that of the take's.
_SAME_SHAPE = 0.01
_NUMBERED = re.compile(r"^(.*?)(\d+)(\.[^.]+)$")


def show_footage(
    camera: bpy.types.Object, path: Path, take: Take, clock: Clock, frames: range
) -> tuple[bpy.types.Image | None, list[str]]:
    """Lays footage behind everything seen through a camera. Files are referred to, not packed.

    Args:
        path: the video, or the folder of the pictures.
        take: one of the footage, which knows its frames and times.
        frames: of the scene, those on which it is to run.

    Returns:
        The image, None where Blender cannot show the footage; and what the artist should know.
    """
    found = _file_of(path)
    if found is None:
        why = "its pictures are not numbered one after the other" if path.is_dir() else "there is no such file"
        return None, [f"'{path.name}' is not shown behind the camera: {why}."]
    file, number = found
    try:
        image = bpy.data.images.load(str(file), check_existing=False)
    except RuntimeError as error:
        return None, [f"'{path.name}' is not shown behind the camera, since Blender cannot open it ({error})."]
    image.name = path.name
    wrong = _unlike(image, take)
    if wrong:
        bpy.data.images.remove(image)
        return None, [f"'{path.name}' is not shown behind the camera: {wrong}."]
    image.source = "MOVIE" if number is None else "SEQUENCE"
    add_background(camera, image)
    _set_timing(camera, take, clock, frames, 1 if number is None else number)
    return image, []


def _unlike(image: bpy.types.Image, take: Take) -> str:
    """Why an image is not the footage of a take, in words; empty where it may be."""
    width, height = (int(n) for n in image.size)
    if not (width and height):
        return "Blender cannot read it"
    ratio = width / height * int(take.image_size[1]) / int(take.image_size[0])
    if abs(ratio - 1.0) > _SAME_SHAPE:
        seen, meant = f"{width} x {height}", f"{take.image_size[0]} x {take.image_size[1]}"
        return f"Blender sees {seen} pixels, the take was made of {meant}"
    return ""


def _file_of(path: Path) -> tuple[Path, int | None] | None:
    """The file that Blender opens footage by, and the number of the first picture of a folder; None where the numbers
    of a folder's pictures have gaps.
    """
    if path.is_file():
        return path, None
    if not path.is_dir():
        return None
    pictures = [file for file in path.iterdir() if file.suffix.lower().lstrip(".") in PICTURE_ENDINGS]
    parts = [(file, _NUMBERED.match(file.name)) for file in pictures]
    numbers = sorted((int(match[2]), file) for file, match in parts if match)
    stems = {(match[1], match[3]) for _, match in parts if match}
    if len(stems) != 1 or len(numbers) != len(pictures):
        return None
    if [number for number, _ in numbers] != list(range(numbers[0][0], numbers[0][0] + len(numbers))):
        return None
    return numbers[0][1], numbers[0][0]


def pictures_of(take: Take, clock: Clock, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """(W,) the numbers of the footage's pictures, from 0, that are nearest to the moments of a scene's frames."""
    times = clock.times(frames)
    inside = np.interp(times, take.times, take.frames.astype(np.float64))
    beyond = np.where(times < take.times[0], times - take.times[0], np.maximum(times - take.times[-1], 0.0))
    last = max(take.footage.frame_count - 1, int(take.frames[-1]))
    # a hair above a half: where two pictures are equally near, rounding must not go one way now and the other then
    wanted = np.floor(inside + beyond * take.footage.fps + 0.5 + 1e-6)
    return np.clip(wanted, 0, last).astype(np.int64)


def _set_timing(camera: bpy.types.Object, take: Take, clock: Clock, frames: range, first_number: int) -> None:
    """Blender shows the picture ``frame - frame_start + 1 + frame_offset``; it has no rate, so where the scene's is
    another one the offset is keyed.
    """
    shown = np.arange(frames.start, frames.stop)
    pictures = pictures_of(take, clock, shown)
    offsets = pictures + first_number - 1 - (shown - frames.start)
    background = camera.data.background_images[-1]  # type: ignore[attr-defined]
    user = background.image_user
    user.frame_start = frames.start
    user.frame_duration = max(take.footage.frame_count, len(frames))
    user.frame_offset = int(offsets[0])
    user.use_auto_refresh = True
    if np.ptp(offsets):
        _, curves = compat.new_action(camera.data, f"{camera.name} Footage")
        number = len(camera.data.background_images) - 1  # type: ignore[attr-defined]
        path = f"background_images[{number}].image_user.frame_offset"
        write_steps(compat.new_curve(curves, path, 0, ""), shown, offsets)
