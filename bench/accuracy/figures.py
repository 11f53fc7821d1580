"""Random people: the body's parameters in poses that people take, blended, perturbed and varied in build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr import Body
from native_runtime.synthetic.builds import random_build
from native_runtime.synthetic.library import library, pose_parameters, varied

from .children import grown
from .footing import footed

Array = NDArray[np.float64]

_UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Figure:
    """A person before they are placed in front of a camera.

    Attributes:
        parameters: (204,) model parameters; the root's rotation is that of the pose, the person facing +z.
        identity, expression: coefficients.
        pose: what the pose was made of, for people to read.
        tags: of the leading pose: ``sitting`` gets a seat, ``air`` is lifted, ...
        size, head: of children, see ``children.grown``.
        about: what else is known: sex, age, ...
    """

    parameters: Array
    identity: Array
    expression: Array
    pose: str
    tags: tuple[str, ...]
    size: float = 1.0
    head: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)

    def posed(self, body: Body) -> tuple[Array, Array]:
        """Joints (J, 3) and vertices (V, 3), cm, MHR axes."""
        vertices = body.vertices(self.parameters, self.identity, self.expression)
        return grown(body, body.pose(self.parameters), vertices, self.size, self.head)


def random_figure(body: Body, rng: np.random.Generator, name: str | None = None) -> Figure:
    """A person in a pose of the library, or one between two of them, perturbed, without limbs inside each other."""
    poses = library()["poses"]
    name = name or str(rng.choice(list(poses)))
    tags = tuple(poses[name]["tags"])
    plain = pose_parameters(body, name, mirrored=bool(rng.random() < 0.5))
    identity, expression, scales = random_build(body, rng)
    parameters, label = varied(body, rng, name, plain)
    if parameters is not plain:
        parameters = footed(body, parameters, tags, _UP)
    return Figure(parameters + scales, identity, expression, label, tags)
