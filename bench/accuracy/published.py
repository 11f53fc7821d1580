"""An engine against an answer of the released SAM 3D Body that somebody published with its picture.

``python -m bench.accuracy published --picture runner.png --answer runner.json`` prints the figures. They compare two
networks; nobody knows the truth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.engines import open_engine
from native_runtime.engines.base import Engine
from native_runtime.engines.estimate import Estimate
from native_runtime.engines.results import read_results
from native_runtime.image.reading import read_photo
from native_runtime.mhr import Body
from native_runtime.proof.agreement import difference

from .metrics import aligned, distances, rooted

Array = NDArray[np.float64]

JOINTS = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 41, 62)
"""Shoulders, elbows, hips, knees, ankles, wrists of MHR-70."""


@dataclass(frozen=True)
class Comparison:
    """What differs between an engine's answer and the published one.

    Attributes:
        pa_mpjpe, mpjpe: mm, of ``JOINTS``: after a similarity, and about the middle of the hips.
        all_pa_mpjpe: mm, of all 70 keypoints after a similarity.
        pixels: mean distance of ``JOINTS`` in the picture, px; share: the same as a part of the box's longer side.
        angle, limb: the widest of a limb, degrees, and which; mean_angle: over all limbs.
        depth: distance of the person, engine's over published.
    """

    pa_mpjpe: float
    mpjpe: float
    all_pa_mpjpe: float
    pixels: float
    share: float
    angle: float
    limb: str
    depth: float


def compare(estimate: Estimate, published: Estimate, keypoints_3d: Array, keypoints_2d: Array) -> Comparison:
    """Compare an estimate with the published keypoints (70, 3) m, camera axes, and (70, 2) px."""
    joints = list(JOINTS)
    own, other = estimate.keypoints_3d[joints], keypoints_3d[joints]
    met = difference(estimate.keypoints_2d, estimate.keypoints_3d, keypoints_2d, keypoints_3d, published.bbox)
    hips = [joints.index(9), joints.index(10)]
    away = np.linalg.norm(estimate.keypoints_2d[joints] - keypoints_2d[joints], axis=1).mean()
    side = float(np.ptp(published.bbox.reshape(2, 2), axis=0).max())
    return Comparison(
        float(distances(aligned(own, other), other).mean()),
        float(distances(rooted(own, own[hips].mean(axis=0)), rooted(other, other[hips].mean(axis=0))).mean()),
        float(distances(aligned(estimate.keypoints_3d, keypoints_3d), keypoints_3d).mean()),
        float(away),
        float(away) / side,
        met.limb_angle,
        met.limb,
        float(own[hips, 2].mean() / other[hips, 2].mean()),
    )


def judged(engine: Engine, picture: Path, answer: Path, mhr: Body) -> dict[str, tuple[Estimate, Comparison]]:
    """An engine's answers with the published lens and box, and with its own, compared."""
    (published,) = read_results(answer, mhr)
    content = json.loads(answer.read_text())
    keypoints_3d = np.array(content["keypoints_3d"]) + content["pred_cam_t"]
    keypoints_2d = np.array(content["keypoints_2d"])
    photo = read_photo(picture)
    found = {}
    for name, camera, boxes in (
        ("published lens and box", published.intrinsics, published.bbox[None]),
        ("own lens and box", None, None),
    ):
        estimate = engine.read(photo, camera, boxes).estimate(0)
        found[name] = estimate, compare(estimate, published, keypoints_3d, keypoints_2d)
    return found


def report(engine: str, picture: Path, answer: Path, mhr: Body, models: Path | None = None) -> str:
    """The figures as a table in Markdown."""
    lines = [
        "| with | PA-MPJPE, 12 joints | MPJPE | PA-MPJPE, 70 keypoints | in the picture | widest limb | distance |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for name, (_, c) in judged(open_engine(engine, models), picture, answer, mhr).items():
        lines.append(
            f"| {name} | {c.pa_mpjpe:.1f} mm | {c.mpjpe:.1f} mm | {c.all_pa_mpjpe:.1f} mm | "
            f"{c.pixels:.1f} px, {100 * c.share:.1f} % | {c.limb}, {c.angle:.0f} degrees | {c.depth:.2f} x |"
        )
    return "\n".join(lines)
