"""How often dark glasses are noticed, and seen where there are none, on rendered heads.

    python -m bench.dark_glasses [--first 9000] [--count 40]

Each head of ``bench.faces`` (random shape, complexion, expression, light; faces of 40 to 240 px, turned by up to 40
degrees) is rendered without and with glasses: an ellipse around each eye of random width, height and darkness. The
points of the face are the true ones, off by 3 % of the distance between the eyes.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from bench.faces.heads import Painter, before_camera, paint
from bench.faces.truth import random_expression, random_identity
from native_runtime.camera import mhr_to_camera, project
from native_runtime.mhr import Body
from native_runtime.models.store import load_body
from native_runtime.texture.alignment import FACE_POINTS
from native_runtime.texture.glasses import wears_dark_glasses

Array = NDArray[np.float64]

_OFF = 0.03


class _InGlasses(Painter):
    """Paints dark glasses on top."""

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.worn = False

    def colours(self, rng: np.random.Generator) -> Array:
        colours = super().colours(rng)
        wide, high, share = rng.uniform(2.5, 3.2), rng.uniform(1.8, 2.7), rng.uniform(0.04, 0.2)
        if self.worn:
            points = self.body.rest_vertices.astype(np.float64)
            eye = self._eye(1)
            lens = np.hypot((np.abs(points[:, 0]) - eye[0]) / wide, (points[:, 1] - eye[1] + 0.3) / high) < 1
            colours[lens & (points[:, 2] > eye[2] - 3)] *= share
            colours[lens & (points[:, 2] > eye[2] - 1.2) & (colours.max(axis=1) > 0.1)] = share * 0.5
        return colours


def main() -> None:
    """Prints how many heads are taken for such with dark glasses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--first", type=int, default=9000)
    parser.add_argument("--count", type=int, default=40)
    options = parser.parse_args()
    body = load_body("default", None)
    painter, told = _InGlasses(body), {False: 0, True: 0}
    number = {name: n for n, name in enumerate(body.landmark_names)}
    for seed in range(options.first, options.first + options.count):
        for worn in (False, True):
            rng = np.random.default_rng(seed)
            expression = random_expression(list(body.expression_names), rng, seed % 5 == 0)
            turn = (rng.normal(0.0, 0.12), np.radians(rng.uniform(-40, 40)), rng.normal(0.0, 0.1))
            size = float(np.exp(rng.uniform(*np.log((40.0, 240.0)))))
            state, intrinsics, shape = before_camera(
                body, random_identity(body, rng), expression, turn, size, rng.uniform(0.8, 3.0)
            )
            painter.worn = worn
            picture = paint(painter, state, intrinsics, shape, rng)
            vertices = body.vertices(state.model_parameters, state.identity, state.expression)
            points = body.landmark_rows.combine(np.concatenate([vertices, np.zeros((len(body.joint_names), 3))]))
            middles = np.array([points[[number[name] for name in group]].mean(axis=0) for group in FACE_POINTS])
            face = project(mhr_to_camera(middles, state.camera_translation), intrinsics)
            apart = float(np.linalg.norm(face[1] - face[0]))
            told[worn] += wears_dark_glasses(picture, face + rng.normal(0.0, _OFF * apart, face.shape))
    print(f"{options.count} heads; dark glasses told: without {told[False]}, with {told[True]}")


if __name__ == "__main__":
    main()
