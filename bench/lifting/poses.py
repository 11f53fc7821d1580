"""Which poses are rendered: of motion capture, and of the accuracy bench's library for what nobody captured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.figures import library, mirror, random_figure
from native_runtime.mhr import Body

from .readings import Pose

LIBRARY = "library/"
"""Beginning of the names of what is from the bench's library."""
_HELD_OUT = 8
"""One pose is held out for so many that are learnt from."""


def choose(body: Body, path: Path, count: int, authored: int, seed: int) -> list[Pose]:
    """Poses in a random but fixed order.

    Args:
        body: the body model.
        path: a file of ``native_runtime.build.pose_prior``: ``model_parameters`` (n, 204), ``names`` (n,) of clips,
            ``held_out`` and ``learnt_from`` (n,) bool.
        count: poses to learn from.
        authored: how many of them are variations of the bench's library. Every second pose of it is held out.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    with np.load(path, allow_pickle=False) as archive:
        parameters, names = archive["model_parameters"], archive["names"]
        held_out, learnt_from = archive["held_out"], archive["learnt_from"]
    poses = []
    for mask, number, held in ((learnt_from, count - authored, False), (held_out, count // _HELD_OUT, True)):
        for index in _even(names, np.flatnonzero(mask), number, rng):
            pose = mirror(body, parameters[index]) if rng.random() < 0.5 else parameters[index]
            poses.append(Pose(pose, str(names[index]), held))
    shown = list(library()["poses"])
    scales = np.array([name.startswith("scale_") for name in body.parameter_names])
    for number in range(authored + authored // _HELD_OUT):
        held = number >= authored
        name = str(rng.choice(shown[1::2] if held else shown[::2]))
        figure = random_figure(body, rng, name)
        poses.append(Pose(np.where(scales, 0.0, figure.parameters), LIBRARY + name, held))
    return [poses[index] for index in rng.permutation(len(poses))]


def _even(names: NDArray, among: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    """`count` of the indices `among`, each clip about equally often."""
    _, inverse, sizes = np.unique(names[among], return_inverse=True, return_counts=True)
    share = 1.0 / sizes[inverse] ** 0.7
    return rng.choice(among, min(count, len(among)), replace=False, p=share / share.sum())
