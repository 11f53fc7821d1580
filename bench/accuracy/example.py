"""The project's own example photo: a person at ease in a room, so that the command can be tried without a photo."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from native_runtime.mhr import Body
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.library import library, pose_parameters
from native_runtime.synthetic.views import View

from . import sets
from .figures import Figure
from .footing import footed
from .looks import dress
from .render import developed, rendered
from .stage import add_camera, empty_scene
from .views import Placed, portrait_view

_LARGEST = 400_000
"""Bytes of the picture at most."""


def render_example(
    body: Body, path: Path, size: tuple[int, int], samples: int, pose: str, seed: int, kind: str
) -> None:
    """Render the example; the same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    anatomy = Anatomy(body)
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = np.clip(rng.normal(0.0, 0.25, int(body.ageless.sum())), -0.6, 0.6)
    expression = np.zeros(body.expression_count)
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        expression[body.expression_names.index(name)] = 0.45
    tags = tuple(library()["poses"][pose]["tags"])
    parameters = footed(body, pose_parameters(body, pose), tags, np.array([0.0, 1.0, 0.0]))
    figure = Figure(parameters, identity, expression, pose, tags)
    placed = Placed(figure, -0.35, np.zeros(3))
    low = float(placed.vertices(body)[:, 2].min())
    placed = Placed(figure, -0.35, np.array([0.0, 0.0, -low]))
    world = np.asarray(placed.vertices(body), np.float64)
    view: View = portrait_view(world, size)
    scene = empty_scene(samples)
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 3
    dress(scene, anatomy, placed, rng)
    sets.build(scene, kind, view, world, -0.018, rng)
    add_camera(scene, view)
    pixels = developed(rendered(scene), np.random.default_rng(seed))
    for quality in range(92, 50, -4):
        data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= _LARGEST:
            break
    temporary = path.with_suffix(".part")
    temporary.write_bytes(data)
    temporary.replace(path)
