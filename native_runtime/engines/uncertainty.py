"""How sure an engine is of each of the 70 keypoints that it fitted to what the landmark networks saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.detection.landmarks import BODY_POINTS, COCO_POINTS, HAND_POINTS, SIDES, PersonLandmarks
from native_runtime.fitting.problem import named_rows
from native_runtime.image.reading import Photo
from native_runtime.mhr import Body
from native_runtime.mhr.rotations import rotation_between
from native_runtime.prompts.prompt import Prompt
from native_runtime.prompts.quality import Judgement, Opinion, Prediction, combined_uncertainty, judge, person_size

from .agreement import SURE, UNSURE, agreement
from .estimate import Estimate
from .evidence import STATURE, confidence, outline, pixels_per_metre
from .point_names import body_keypoint, body_point, hand_keypoint, hand_point, in_hand

Array = NDArray[np.float64]

IN_SIGHT, HIDDEN, NOT_FOUND = 0.01, 0.05, 0.08
"""Of the person's size: how far off a keypoint in plain sight usually is, one that is hidden, and one whose hand was
not found."""

RESIDUAL, SPACE = 0.5, 0.4
"""What a px says by which the fitted body misses the network's point in the photo, and in space: they correlate with
the true error, but much of both is only that the network's points and the body's are not quite the same places."""

SPREAD, UNSURE_SPREAD = 0.02, 0.06
"""Of the person's size: how far off the second network's own place of a joint is ordinarily, and what not being sure of
it adds."""

_BESIDE = {
    "olecranon": "elbow", "cubital_fossa": "elbow", "acromion": "shoulder", "small_toe": "foot_index",
}  # fmt: skip
"""Keypoints that no network looks for, and the BlazePose point beside them."""

_HIP = [BODY_POINTS.index(f"{side}_hip") for side in SIDES]
_SHOULDERS = [BODY_POINTS.index(f"{side}_shoulder") for side in SIDES]


class UncertaintyMeter:
    """Compares what the networks saw with the fitted body; made once for a body.

    Args:
        body: names the points; only its points that the networks see are posed.
    """

    def __init__(self, body: Body) -> None:
        names, keypoints, self._seen_at = [], [], list[int]()
        for index, name in enumerate(BODY_POINTS):
            point, keypoint = body_point(body, name), body_keypoint(name)
            if point is not None and keypoint is not None and not in_hand(name):
                names.append(point)
                keypoints.append(body.keypoint_names.index(keypoint))
                self._seen_at.append(index)
        self._body_count = len(names)
        for side in SIDES:
            names += [hand_point(body, side, name) for name in HAND_POINTS[1:]]
            keypoints += [body.keypoint_names.index(hand_keypoint(side, name)) for name in HAND_POINTS[1:]]
        self._rows = named_rows(body, names)
        self._keypoints = np.array(keypoints)
        self._beside = {
            body.keypoint_names.index(f"{side}_{name}"): BODY_POINTS.index(f"{side}_{other}")
            for side in SIDES
            for name, other in _BESIDE.items()
        }
        self._neck = body.keypoint_names.index("neck")
        self._coco = [body.keypoint_names.index(name) for name in COCO_POINTS]

    def sources(self, person: PersonLandmarks, photo: Photo, estimate: Estimate) -> dict[str, Array]:
        """Sources for ``prompt_quality.rank_keypoints``, (70,) px each: confidence, residual, space and, where there is
        a second opinion, second.
        """
        size = person_size(estimate.keypoints_3d, estimate.intrinsics)
        fitted = self._rows.combine(np.concatenate([np.asarray(estimate.vertices, np.float64), estimate.joints]))
        flat = project(fitted, estimate.intrinsics)
        certain = confidence(person.visibility, person.presence)

        doubt = agreement(person, STATURE * pixels_per_metre(person)).doubt
        confident, residual, space, second = (np.zeros(70) for _ in range(4))
        body = self._keypoints[: self._body_count]
        confident[body], second[body] = self._hidden(certain[self._seen_at]), doubt[self._seen_at]
        for keypoint, index in self._beside.items():
            confident[keypoint], second[keypoint] = self._hidden(certain[index]), doubt[index]
        confident[self._neck], second[self._neck] = self._hidden(certain[_SHOULDERS].min()), doubt[_SHOULDERS].max()
        apart = photo.to_original(person.points_2d[self._seen_at]) - flat[: self._body_count]
        residual[body] = RESIDUAL * np.linalg.norm(apart, axis=-1)
        space[body] = SPACE * self._apart_in_space(person, estimate, fitted[: self._body_count])

        start = self._body_count
        for side in SIDES:
            fingers = slice(start, start + len(HAND_POINTS) - 1)
            start = fingers.stop
            hand = getattr(person, f"{side}_hand")
            if hand is None:
                confident[self._keypoints[fingers]] = NOT_FOUND
                continue
            confident[self._keypoints[fingers]] = self._hidden(np.clip(hand.score, 0.0, 1.0))
            apart = photo.to_original(hand.points_2d[1:]) - flat[fingers]
            residual[self._keypoints[fingers]] = RESIDUAL * np.linalg.norm(apart, axis=-1)
        known = {"confidence": confident * size, "residual": residual, "space": space * size / STATURE}
        return known if person.second is None else known | {"second": second * size}

    def judge(
        self,
        prompts: Sequence[Prompt],
        person: PersonLandmarks,
        photo: Photo,
        mask: NDArray[np.bool_] | None,
        unprompted: Estimate,
        estimate: Estimate,
    ) -> Judgement:
        """What is odd about prompts, held to what is predicted without them, and what to prompt next.

        Args:
            mask: (H, W) of the original photo, where the person is; None for the networks' own.
        """
        prediction = self.prediction(person, photo, unprompted, mask)
        return judge(prompts, prediction, self.sources(person, photo, estimate))

    def prediction(
        self, person: PersonLandmarks, photo: Photo, estimate: Estimate, mask: NDArray[np.bool_] | None = None
    ) -> Prediction:
        """What the checks of prompts know of an estimate that was made without these; ``mask`` as in ``judge``."""
        return Prediction(
            estimate.keypoints_2d,
            estimate.keypoints_3d,
            estimate.intrinsics,
            combined_uncertainty(self.sources(person, photo, estimate)),
            estimate.bbox,
            outline(person, photo, mask),
            self._second(person, photo),
        )

    def _second(self, person: PersonLandmarks, photo: Photo) -> Opinion | None:
        """What the second network says by itself of where the keypoints are."""
        if person.second is None:
            return None
        sure = np.clip((np.asarray(person.second.scores, np.float64) - UNSURE) / (SURE - UNSURE), 0.0, 1.0)
        places, spreads = np.full((70, 2), np.nan), np.ones(70)
        places[self._coco] = photo.to_original(person.second.points)
        spreads[self._coco] = SPREAD + UNSURE_SPREAD * (1.0 - sure)
        return Opinion(places, spreads)

    @staticmethod
    def _hidden(certain: Array) -> Array:
        return IN_SIGHT + (HIDDEN - IN_SIGHT) * (1.0 - certain)

    def _apart_in_space(self, person: PersonLandmarks, estimate: Estimate, fitted: Array) -> Array:
        """(n,) m between the body's points and the network's in space, both from the middle of the hips."""
        centre = (estimate.bbox[:2] + estimate.bbox[2:]) / 2
        towards = rotation_between([0.0, 0.0, 1.0], np.linalg.solve(estimate.intrinsics, [*centre, 1.0]))
        seen = (person.points_3d @ towards.T)[self._seen_at]
        hips = [self._seen_at.index(index) for index in _HIP]
        seen, fitted = seen - seen[hips].mean(axis=0), fitted - fitted[hips].mean(axis=0)
        # the networks' metres are not the body's
        scale = float((seen * fitted).sum() / max((seen**2).sum(), 1e-12))
        return np.asarray(np.linalg.norm(scale * seen - fitted, axis=-1))
