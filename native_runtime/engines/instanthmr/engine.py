"""Opening InstantHMR: its network, a body, and the networks that find people and see their hands."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import intrinsics_for
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.given import check_intrinsics, checked_boxes
from native_runtime.image.reading import Photo
from native_runtime.models import instanthmr, store

from . import ENGINE
from .crop import FALLBACK_DIAGONALS
from .network import HmrNetwork
from .parts import Parts
from .reading import InstantHmrReading, Person


class InstantHmrEngine:
    """InstantHMR, ready for photos.

    Attributes:
        body: the body that its estimates are of.
    """

    name, capabilities = ENGINE.name, ENGINE.capabilities

    def __init__(self, parts: Parts) -> None:
        self.body, self._parts = parts.body, parts

    def read(
        self,
        photo: Photo | NDArray[np.uint8],
        intrinsics: NDArray[np.float64] | None = None,
        boxes: ArrayLike | None = None,
    ) -> InstantHmrReading:
        """Look for people; see ``engines.base.Engine``. The network waits until somebody is asked for.

        Args:
            intrinsics: (3, 3) px of the original photo; None: EXIF's focal length, else the diagonal.
            boxes: (N, 4) x0 y0 x1 y1 px of the original photo, where people are, who keep this order. Unlike
                `landmarks`, it estimates them also where the landmark networks see nobody.

        Raises:
            UsageError: a box or the intrinsics are impossible.
        """
        if not isinstance(photo, Photo):
            photo = Photo(np.asarray(photo), Path())
        size = photo.original_size
        known = intrinsics is not None or photo.focal_px is not None
        lens = intrinsics_for(size, photo=photo) if intrinsics is None else np.asarray(intrinsics, np.float64)
        check_intrinsics(lens)
        started = time.perf_counter()
        people = self._found(photo) if boxes is None else self._in_boxes(photo, checked_boxes(boxes))
        focal = None
        if self._parts.network.wants_focal:
            focal = float(lens[1, 1]) if known else FALLBACK_DIAGONALS * float(np.hypot(*size))
        return InstantHmrReading(self._parts, photo, lens, focal, people, {"detect": time.perf_counter() - started})

    def _found(self, photo: Photo) -> list[Person]:
        found = self._parts.finder.people(photo.pixels, with_hands=False)
        boxes = photo.to_original(np.array([person.bbox for person in found]).reshape(-1, 2, 2)).reshape(-1, 4)
        return [Person.of(photo, box, person) for box, person in zip(boxes, found)]

    def _in_boxes(self, photo: Photo, boxes: NDArray[np.float64]) -> list[Person]:
        given = photo.to_working(boxes.reshape(-1, 2, 2)).reshape(-1, 4)
        found = self._parts.finder.people_in(photo.pixels, given, with_hands=False)
        return [
            Person.of(photo, box, None if person is None else replace(person, bbox=working))
            for box, working, person in zip(boxes, given, found)
        ]


def open_engine(
    models: str | os.PathLike[str] | None, providers: Sequence[str] | None, body: str | os.PathLike[str]
) -> InstantHmrEngine:
    """Open the engine; see ``native_runtime.engines.open_engine``. The body "default" is MHR's own at level 1 where
    that is installed (`Capabilities.own_body`).

    Raises:
        ModelError: there is no network, or it is damaged or another one.
    """
    installed = instanthmr.used_network(models)
    name = ENGINE.capabilities.own_body(models) if body == "default" else body
    loaded = store.load_body(name, models)
    finder = LandmarkNetworks(store.models_dir(models), providers)
    return InstantHmrEngine(Parts(loaded, HmrNetwork.open(installed.path, providers), installed, finder))
