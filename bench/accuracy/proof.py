"""The pictures by which installed networks prove themselves: our own renders, so that what is in them is known exactly.

Each becomes ``NAME.jpg`` and an entry of ``pictures.json`` (``native_runtime.proof.pictures`` reads both).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from native_runtime.files.atomic import write_atomically
from native_runtime.mhr import Body
from native_runtime.proof.pictures import FILE
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.library import library, pose_parameters
from native_runtime.synthetic.views import View

from . import sets
from .figures import Figure
from .footing import footed
from .looks import dress
from .render import developed, rendered
from .stage import add_camera, empty_scene
from .truth import Person, Truth
from .views import Placed, portrait_view

SIZE = (600, 800)
_QUALITY = 86


@dataclass(frozen=True)
class Setting:
    """What a picture shows: a pose of ``poses.json``, turned by ``yaw`` radians, in one of ``plan.SURROUNDINGS``."""

    pose: str
    yaw: float
    kind: str
    seed: int


PICTURES = {
    "wave": Setting("waving", 0.2, "studio", 7),
    "explain": Setting("explaining", -0.5, "outdoors", 11),
}
"""Poses that differ between left and right, whole people, nothing hidden: what every network must get right."""


def render_proof(body: Body, out: Path, samples: int = 6) -> None:
    """Render all pictures and write what is known about them."""
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, setting in PICTURES.items():
        entries[name] = _render(body, out / f"{name}.jpg", setting, samples)
    write_atomically(out / FILE, lines({"body": body.name, "pictures": entries}).encode())


def lines(content: dict[str, Any]) -> str:
    """JSON with one entry of each picture a line."""
    pictures = []
    for name, entry in content["pictures"].items():
        inner = ",\n   ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in entry.items())
        pictures.append(f"  {json.dumps(name)}: {{\n   {inner}\n  }}")
    return f'{{"body": {json.dumps(content["body"])}, "pictures": {{\n' + ",\n".join(pictures) + "\n}}\n"


def _render(body: Body, path: Path, setting: Setting, samples: int) -> dict[str, Any]:
    rng = np.random.default_rng(setting.seed)
    anatomy = Anatomy(body)
    identity = np.zeros(body.identity_count)
    identity[body.ageless] = np.clip(rng.normal(0.0, 0.25, int(body.ageless.sum())), -0.6, 0.6)
    expression = np.zeros(body.expression_count)
    tags = tuple(library()["poses"][setting.pose]["tags"])
    parameters = footed(body, pose_parameters(body, setting.pose), tags, np.array([0.0, 1.0, 0.0]))
    figure = Figure(parameters, identity, expression, setting.pose, tags)
    low = float(Placed(figure, setting.yaw, np.zeros(3)).vertices(body)[:, 2].min())
    placed = Placed(figure, setting.yaw, np.array([0.0, 0.0, -low]))
    world = np.asarray(placed.vertices(body), np.float64)
    view: View = portrait_view(world, SIZE)
    scene = empty_scene(samples)
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = 3
    _, worn = dress(scene, anatomy, placed, rng)
    sets.build(scene, setting.kind, view, world, -0.018, rng)
    add_camera(scene, view)
    pixels = developed(rendered(scene), np.random.default_rng(setting.seed))
    data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    write_atomically(path, data)
    model_parameters, translation = placed.in_camera(body, view)
    said = {"pose": setting.pose, "worn": worn}
    person = Person.of(body, model_parameters, identity, expression, translation, said)
    truth = Truth(view.size, view.intrinsics, (person,), {})
    seen = truth.pixels(person.vertices)
    return {
        "file": path.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": list(view.size),
        "intrinsics": view.intrinsics.tolist(),
        "box": np.round(np.concatenate([seen.min(axis=0), seen.max(axis=0)]), 2).tolist(),
        "keypoints_3d": np.round(person.keypoints, 5).tolist(),
        "model_parameters": np.round(model_parameters, 6).tolist(),
        "identity": np.round(identity, 6).tolist(),
        "camera_translation": np.round(translation, 6).tolist(),
        "about": {"pose": setting.pose, "yaw": setting.yaw, "place": setting.kind, "seed": setting.seed, "worn": worn},
    }
