"""Opening SAM 3D Body: the converted model, MHR's own body, and the networks that find people."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.given import check_intrinsics, checked_boxes
from native_runtime.errors import UsageError
from native_runtime.files.folders import features_folder
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.models import store

from . import ENGINE
from .hands import HandCriteria
from .memory import KEPT_BYTES, Kept
from .networks import Networks, OnnxNetworks
from .preprocess import default_intrinsics
from .session import Sam3dBodyReading
from .status import inferences_of, terms_of
from .stored import StoredFeatures

_COMPONENTS = (45, 72)


class Sam3dBodyEngine:
    """SAM 3D Body, ready for photos.

    Attributes:
        body: a level of MHR's own body.
        kept: what stays in memory of all photos that were read.
        criteria: when hands are believed.
        capabilities: what this very model can do.
    """

    name = ENGINE.name

    def __init__(
        self,
        networks: Networks,
        body: Body,
        finder: LandmarkNetworks | None = None,
        kept_bytes: int = KEPT_BYTES,
        criteria: HandCriteria | None = None,
        inferences: tuple[str, ...] = ENGINE.capabilities.inferences,
        store: StoredFeatures | None = None,
        terms: Mapping[str, Any] | None = None,
    ) -> None:
        """`finder`: finds people where no boxes are given; None where they always are. `inferences`: of the model.
        `store`: where features are left once it is asked to `remember` them; None: nowhere. `terms`: on which the
        model is used (``models.shelf.model_terms``).

        Raises:
            UsageError: the body is not MHR's.
        """
        if (body.identity_count, body.expression_count) != _COMPONENTS:
            raise UsageError(
                f"SAM 3D Body estimates MHR's own body, with {_COMPONENTS[0]} shape and {_COMPONENTS[1]} face "
                f"components; '{body.name}' has {body.identity_count} and {body.expression_count}. Choose "
                f"'{ENGINE.capabilities.body}' or another official level."
            )
        self.capabilities = replace(ENGINE.capabilities, inferences=inferences)
        self.body, self.kept, self.criteria = body, Kept(kept_bytes), criteria or HandCriteria()
        self._networks, self._finder = networks, finder
        self._store = store
        self._stored: StoredFeatures | None = None
        self._terms = terms

    def read(
        self,
        photo: Photo | NDArray[np.uint8],
        intrinsics: NDArray[np.float64] | None = None,
        boxes: ArrayLike | None = None,
    ) -> Sam3dBodyReading:
        """Look for people; see ``engines.base.Engine``. The encoder waits until somebody is asked for.

        Args:
            intrinsics: (3, 3) px of the original photo: whatever estimates a camera puts its answer here. None: EXIF's
                focal length, else the diagonal, and the reference's middle of the photo, (w / 2, h / 2).
            boxes: (N, 4) x0 y0 x1 y1 px of the people in the original photo, who keep this order; None: the bundled
                networks find them.

        Raises:
            UsageError: a box or the intrinsics are impossible.
            ModelError: people are to be found, and the networks for that are missing.
        """
        if not isinstance(photo, Photo):
            photo = Photo(np.asarray(photo), Path())
        camera = default_intrinsics(photo) if intrinsics is None else np.asarray(intrinsics, np.float64)
        check_intrinsics(camera)
        started = time.perf_counter()
        found = self._find(photo) if boxes is None else checked_boxes(boxes)
        seconds = {"detect": time.perf_counter() - started}
        return Sam3dBodyReading(
            self._networks,
            self.body,
            photo,
            camera,
            found,
            self.kept,
            self.criteria,
            seconds,
            self.capabilities.inferences,
            self._stored,
            self._terms,
        )

    def remember(self, on: bool) -> None:
        """Whether features of photos are looked for, and left, on disk from now on (``engines.base.Remembering``)."""
        self._stored = self._store if on else None

    def _find(self, photo: Photo) -> NDArray[np.float64]:
        if self._finder is None:
            raise UsageError("This engine was opened without networks that find people: give their boxes.")
        corners = photo.to_original(self._finder.boxes(photo.pixels).reshape(-1, 2, 2))
        return corners.reshape(-1, 4)


def open_engine(
    models: str | os.PathLike[str] | None, providers: Sequence[str] | None, body: str | os.PathLike[str]
) -> Sam3dBodyEngine:
    """Open the engine; see ``native_runtime.engines.open_engine``. The body "default" is its own (`Capabilities.body`).

    Raises:
        ModelError: the model was not converted yet, or is damaged.
        UsageError: the body is not MHR's.
    """
    folder = store.sam3d_body_dir(models)
    networks = OnnxNetworks(folder, providers)
    loaded = store.load_body(ENGINE.capabilities.body if body == "default" else body, models)
    finder, features = LandmarkNetworks(models, providers), StoredFeatures(features_folder(), networks.encoder)
    return Sam3dBodyEngine(
        networks, loaded, finder, inferences=inferences_of(folder), store=features, terms=terms_of(folder)
    )
