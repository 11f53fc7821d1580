"""From a set of pictures to what is known of each: the truth, and what mining makes of the engine's estimate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import PersonLandmarks
from native_runtime.detection.networks import LandmarkNetworks
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.landmarks.engine import LandmarksEngine
from native_runtime.errors import NoPersonError
from native_runtime.evaluation.metrics import aligned_errors
from native_runtime.image.reading import Photo, read_photo
from native_runtime.mining.judging import scene_of
from native_runtime.mining.posture import posture
from native_runtime.mining.seen import SeenPhoto
from native_runtime.mining.signs import MAIN, SignReader
from native_runtime.models import store
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.camera import read_with_camera
from native_runtime.prompts.prompt import keypoint_names

Array = NDArray[np.float64]

_SAME_PERSON = 0.2
"""Overlap of the box around the true joints and of what is found, from which it is this person."""


class _BodiesAlone(LandmarkNetworks):
    """Looks at neither hands nor faces, which say nothing of what is measured and take most of the time."""

    sees_faces = False

    def people(self, rgb: NDArray[np.uint8], with_hands: bool = False) -> list[PersonLandmarks]:
        return super().people(rgb, False)


def bodies_alone() -> LandmarksEngine:
    """The engine, without hands and faces."""
    engine = LandmarksEngine(store.load_body("default"), None, None)
    engine.__dict__["_networks"] = _BodiesAlone()
    return engine


class Measuring:
    """Measures pictures one after the other."""

    def __init__(self) -> None:
        self._engine = bodies_alone()
        self._reader = SignReader(self._engine.body)
        names = keypoint_names()
        self._rows = [names.index(name) for name in MAIN]

    def rows(self, folder: Path, done: frozenset[str]) -> Iterator[dict[str, Any]]:
        """Of each picture of a set ``name`` and ``kind`` and, where its person was found, the errors of the estimate in
        mm, its signs, posture and scene.

        Args:
            done: names that are left out.
        """
        for truth in sorted((folder / "truth").glob("*.npz")):
            path = folder / "photos" / f"{truth.stem}.jpg"
            if truth.stem in done or not path.exists():
                continue
            with np.load(truth) as archive:
                keypoints, flat, about = archive["keypoints"], archive["pixels"], json.loads(str(archive["about"]))
            found = folder / "found" / truth.stem
            found.parent.mkdir(exist_ok=True)
            yield {"name": truth.stem, "kind": about["kind"], **self._one(read_photo(path), keypoints, flat, found)}

    def _one(self, photo: Photo, true: Array, flat: Array, stem: Path) -> dict[str, Any]:
        estimate, seen = self._estimate(photo, flat[self._rows])
        if estimate is None or seen is None:
            return {}
        estimate.save(stem)
        signs = self._reader.read(estimate, seen)
        return {
            **errors(estimate.keypoints_3d, true),
            "signs": signs.to_json(),
            "posture": asdict(posture(estimate, self._engine.body)),
            "truth": asdict(posture(replace(estimate, keypoints_3d=true), self._engine.body)),
            "scene": asdict(scene_of(estimate, seen, signs)),
        }

    def _estimate(self, photo: Photo, joints: Array) -> tuple[Estimate | None, SeenPhoto | None]:
        reading, lens = read_with_camera(self._engine, photo)
        size = np.array(photo.size) - 1.0
        box = [*np.clip(joints.min(axis=0), 0, size), *np.clip(joints.max(axis=0), 0, size)]
        shares = [overlap([float(v) for v in box], person.bbox.tolist()) for person in reading.people]
        if not shares or max(shares) < _SAME_PERSON:
            return None, None
        try:
            estimate = reading.estimate(int(np.argmax(shares)))
        except NoPersonError:
            return None, None
        seen = SeenPhoto(photo, [person.landmarks for person in reading.people if person.landmarks is not None])
        return replace(estimate, details=estimate.details | {"lens": lens.details(photo.original_size)}), seen


def errors(found: Array, true: Array) -> dict[str, float]:
    """Of the twelve joints of the limbs, mm: from the middle of the hips, and after moving, turning and scaling."""
    names = keypoint_names()
    rows, hips = [names.index(name) for name in MAIN], [names.index("left_hip"), names.index("right_hip")]
    a, b = (np.asarray(one, np.float64)[rows] - np.asarray(one)[hips].mean(axis=0) for one in (found, true))
    apart = np.linalg.norm(a - b, axis=1)
    return {
        "mpjpe": float(1000 * apart.mean()),
        "worst": float(1000 * apart.max()),
        "pa_mpjpe": float(aligned_errors(a, b).mean()),
    }
