"""Random heads with known expressions, as the network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection import face_mesh
from native_runtime.detection.crops import Crop, Picture
from native_runtime.detection.landmarks import FaceMesh
from native_runtime.mhr import Body
from native_runtime.onnx.sessions import Network

from .heads import Painter, before_camera, paint

Array = NDArray[np.float64]

_UNSEEN = ("tongueOut", "mouthClose")
"""Not asked for: a tongue has no points of the mesh, and ``mouthClose`` only makes sense together with ``jawOpen``."""

_OPPOSED = (
    ("eyeBlink", "eyeWide"), ("eyeLookUp", "eyeLookDown"), ("eyeLookIn", "eyeLookOut"), ("mouthSmile", "mouthFrown"),
    ("browDown", "browOuterUp"), ("eyeSquint", "eyeWide"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One head: what is true of it, and what the network sees.

    Attributes:
        expression, identity: (n_ex,), (n_id,) true coefficients.
        intrinsics: (3, 3) px.
        mesh: None where the network sees no face.
        yaw: degrees, of the head against the camera's axis.
        size: px, about the side of the face.
    """

    expression: Array
    identity: Array
    intrinsics: Array
    mesh: FaceMesh | None
    yaw: float
    size: float


def random_expression(names: list[str], rng: np.random.Generator, neutral: bool) -> Array:
    """(n_ex,) a few coefficients, mostly alike on both sides, none of which contradict each other."""
    values = dict.fromkeys(names, 0.0)
    if neutral:
        return np.zeros(len(names))
    kinds = sorted({name.removesuffix("Left").removesuffix("Right") for name in names} - set(_UNSEEN))
    for kind in rng.choice(kinds, rng.integers(2, 7), replace=False):
        if any(kind in pair and any(values.get(other + "Left", 0.0) for other in pair) for pair in _OPPOSED):
            continue
        strength = rng.uniform(0.25, 1.0)
        if kind in ("eyeLookIn", "eyeLookOut"):  # both eyes look to one side
            side, other = ("Left", "Right") if rng.uniform() < 0.5 else ("Right", "Left")
            values["eyeLookOut" + side], values["eyeLookIn" + other] = strength, strength
            values["eyeLookIn" + side], values["eyeLookOut" + other] = 0.0, 0.0
        elif kind in ("mouth", "jaw"):  # Left and Right are directions, not sides
            values[kind + ("Left" if rng.uniform() < 0.5 else "Right")] = strength
        elif kind in values:
            values[kind] = strength
        else:
            one_sided = rng.uniform() < 0.2
            for side in ("Left", "Right"):
                values[kind + side] = float(np.clip(strength * rng.uniform(0.8, 1.2), 0.0, 1.0))
            if one_sided:
                values[kind + ("Left" if rng.uniform() < 0.5 else "Right")] = 0.0
    return np.array([values[name] for name in names])


def random_identity(body: Body, rng: np.random.Generator) -> Array:
    """(n_id,) heads as they vary, on a body of any sex."""
    identity = np.zeros(body.identity_count)
    head = np.array(body.identity_groups) == "head"
    identity[head] = rng.normal(0.0, 0.35, int(head.sum()))
    for name, spread in (("gender", 0.5), ("weight", 0.4), ("ethnicity_african", 0.25), ("ethnicity_asian", 0.25)):
        identity[list(body.identity_names).index(name)] = rng.normal(0.0, spread)
    return np.clip(identity, body.identity_min, body.identity_max)


def make_case(
    painter: Painter,
    network: Network,
    seed: int,
    yaws: tuple[float, ...] = (40.0,),
    sizes: tuple[float, float] = (60.0, 240.0),
    spread: float = 1.0,
) -> tuple[Case, NDArray[np.uint8]]:
    """A random head and its picture; every fifth is neutral.

    Args:
        yaws: degrees, to either side: at most; or at least and at most.
        sizes: px, of the face, from and to.
        spread: how many times as much as usual the shapes of heads and bodies vary.
    """
    body, rng = painter.body, np.random.default_rng(seed)
    expression = random_expression(list(body.expression_names), rng, seed % 5 == 0)
    identity = np.clip(spread * random_identity(body, rng), body.identity_min, body.identity_max)
    yaw = rng.uniform(-yaws[0], yaws[0]) if len(yaws) == 1 else rng.choice([-1.0, 1.0]) * rng.uniform(*yaws)
    size = float(np.exp(rng.uniform(*np.log(sizes))))
    turn = (rng.normal(0.0, 0.12), np.radians(yaw), rng.normal(0.0, 0.1))
    state, intrinsics, shape = before_camera(body, identity, expression, turn, size, rng.uniform(0.8, 3.0))
    picture = paint(painter, state, intrinsics, shape, rng)
    side = shape[0]
    scene = Picture(picture)
    window = Crop(side / 2, side / 2, 0.85 * side)
    mesh = face_mesh.read_around(network, scene, window)
    return Case(expression, identity, intrinsics, mesh, yaw, size), picture


def keep(cases: list[Case], path: Path) -> None:
    """Write what tuning needs, so that nothing is rendered twice."""
    nothing = FaceMesh(np.full((face_mesh.ALL_POINTS, 2), np.nan), np.full(face_mesh.ALL_POINTS, np.nan), 0.0)
    meshes = [case.mesh or nothing for case in cases]
    np.savez_compressed(
        path,
        expression=[case.expression for case in cases],
        identity=[case.identity for case in cases],
        intrinsics=[case.intrinsics for case in cases],
        points=[mesh.points for mesh in meshes],
        depths=[mesh.depths for mesh in meshes],
        score=[mesh.score for mesh in meshes],
        yaw=[case.yaw for case in cases],
        size=[case.size for case in cases],
    )


def kept(path: Path) -> list[Case]:
    """Read back what ``keep`` wrote."""
    with np.load(path) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    return [
        Case(
            columns["expression"][k], columns["identity"][k], columns["intrinsics"][k],
            None if np.isnan(columns["points"][k]).any()
            else FaceMesh(columns["points"][k], columns["depths"][k], float(columns["score"][k])),
            float(columns["yaw"][k]), float(columns["size"][k]),
        )
        for k in range(len(columns["yaw"]))
    ]  # fmt: skip
