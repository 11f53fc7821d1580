"""The kinds of pictures, each as one composition of views, layers and panels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, get_args

import cv2
import numpy as np

from native_runtime.camera import project
from native_runtime.render import studio
from native_runtime.render.colour import Floats, Pixels, decode_srgb, encode_srgb, over
from native_runtime.render.framing import crop_around, cropped, studio_view, turntable_views
from native_runtime.render.raster import Surface, View
from native_runtime.render.wire import wire

Kind = Literal["panels", "overlay", "beside", "turntable", "wire", "shaded"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Those that show the photo.
OF_PHOTO: frozenset[Kind] = frozenset({"panels", "overlay", "beside"})

_GAP = 12
_PAPER = (250, 250, 249)
_INK = np.array([0.012, 0.02, 0.035])
_WIRE_OPACITY = 0.85
# radians, seen from the photo's camera: to its side, and from above
_QUARTER, _SIDE, _RISE = np.radians(-35.0), np.radians(-58.0), np.radians(8.0)
_TURNTABLE_RISE = np.radians(6.0)
_TURNTABLE_VIEWS, _TURNTABLE_ROWS = 8, 2
_THREADS = 2


@dataclass(frozen=True)
class PhotoView:
    """A photo (H, W, 3) uint8 sRGB and the view of its camera, whose pixels are the photo's."""

    pixels: Pixels
    view: View


class Renderer(Protocol):
    """What draws the people."""

    @property
    def casts_shadow(self) -> bool:
        """Whether its pictures of the studio hold the shadow on the floor."""
        ...

    def __call__(self, views: Sequence[View], floor: bool) -> list[Floats]:
        """The people in each view (H, W, 4), linear colour times coverage, and coverage.

        Args:
            floor: whether they stand on a floor, and not before their photo.
        """
        ...


@dataclass(frozen=True)
class OwnRenderer:
    """This project's own: nothing but NumPy, on every machine, in less than a second."""

    surface: Surface
    casts_shadow: bool = False

    def __call__(self, views: Sequence[View], floor: bool) -> list[Floats]:
        # NumPy lets go of the interpreter within its loops, so two views at once take little more time than one
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(partial(studio.lit, self.surface), views))


@dataclass(frozen=True)
class Stage:
    """What the pictures are made of.

    Attributes:
        surface: the people.
        renderer: what draws them.
        heading: the direction in which the photo was taken, radians about the vertical.
    """

    surface: Surface
    renderer: Renderer
    heading: float

    def overlay(self, photo: PhotoView, size: int) -> Pixels:
        """The people over their photo."""
        part, view = _framed(self.surface, photo, size)
        return encode_srgb(over(self.renderer([view], False)[0], decode_srgb(part)))

    def beside(self, photo: PhotoView, size: int) -> Pixels:
        """The photo, and the people alone as its camera sees them."""
        part, view = _framed(self.surface, photo, size)
        return _grid([[part, encode_srgb(self._in_studio([view])[0])]])

    def shaded(self, size: int) -> Pixels:
        """The people in the studio, from a quarter to the side."""
        return encode_srgb(self._in_studio([self._quarter(size)])[0])

    def wire(self, size: int) -> Pixels:
        """The same with the edges of the mesh."""
        view = self._quarter(size)
        with ThreadPoolExecutor(1) as pool:  # beside the renderer
            drawing = pool.submit(wire, self.surface, view)
            (figure,) = self._in_studio([view])
            lines = _WIRE_OPACITY * drawing.result()[..., None]
        return encode_srgb(figure * (1 - lines) + _INK * lines)

    def turntable(self, size: int) -> Pixels:
        """The people from all around; the first view is from the photo's side."""
        height = (size - (_TURNTABLE_ROWS + 1) * _GAP) // _TURNTABLE_ROWS
        views = turntable_views(self.surface.vertices, self.heading, _TURNTABLE_RISE, height, _TURNTABLE_VIEWS)
        cells = [encode_srgb(picture) for picture in self._in_studio(views)]
        columns = len(cells) // _TURNTABLE_ROWS
        return _grid([cells[start : start + columns] for start in range(0, len(cells), columns)])

    def panels(self, photo: PhotoView, size: int) -> Pixels:
        """The photo, the people over it, and the people from the side: what comes with each new character."""
        part, view = _framed(self.surface, photo, size)
        turned = studio_view(self.surface.vertices, self.heading + _SIDE, _RISE, view.height)
        overlaid = encode_srgb(over(self.renderer([view], False)[0], decode_srgb(part)))
        return _grid([[part, overlaid, encode_srgb(self._in_studio([turned])[0])]])

    def _quarter(self, size: int) -> View:
        return studio_view(self.surface.vertices, self.heading + _QUARTER, _RISE, size)

    def _in_studio(self, views: Sequence[View]) -> list[Floats]:
        shadow = not self.renderer.casts_shadow
        layers = self.renderer(views, True)
        return [over(layer, studio.backdrop(self.surface, view, shadow)) for layer, view in zip(layers, views)]


def _framed(surface: Surface, photo: PhotoView, size: int) -> tuple[Pixels, View]:
    """The part of the photo around the people, at most ``size`` px high, and its view."""
    whole = photo.view
    crop = crop_around(project(whole.local(surface.vertices), whole.intrinsics), whole.width, whole.height)
    view = cropped(whole, crop, size)
    part = photo.pixels[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
    interpolation = cv2.INTER_AREA if view.height < crop.height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (view.width, view.height), interpolation=interpolation), np.uint8), view


def _grid(rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Rows of panels on paper; all panels of a row are of one height, and all rows of one width."""
    width = sum(panel.shape[1] for panel in rows[0]) + _GAP * (len(rows[0]) + 1)
    height = sum(row[0].shape[0] for row in rows) + _GAP * (len(rows) + 1)
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    top = _GAP
    for row in rows:
        left = _GAP
        for panel in row:
            sheet[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
            left += panel.shape[1] + _GAP
        top += row[0].shape[0] + _GAP
    return sheet
