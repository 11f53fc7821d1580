"""What a picture is going to show, before anything is built: people, camera, surroundings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.detection.landmarks import BODY_POINTS
from native_runtime.mhr import Body
from native_runtime.synthetic.views import View

from .compare import landmark_columns
from .figures import random_figure
from .truth import Person, Truth
from .views import Placed, placed_on_floor, random_view

Array = NDArray[np.float64]

SURROUNDINGS = ("studio", "room", "outdoors", "clutter")
"""What ``sets.build`` can make around people; and ``street``, for the lens."""


@dataclass(frozen=True)
class Plan:
    """A picture to be.

    Attributes:
        people: as they stand, sit or lie in the world.
        view: the camera.
        kind: one of ``SURROUNDINGS``.
        cut, hidden: whether the frame cuts people, whether something stands before them.
        about: what else goes into the truth.
        focus: (N, 3) m, world: around what the surroundings are built where nobody is; None: around the people.
        props: ``lamps``, ``coats`` or ``chairs`` in front of the wall, or "".
    """

    people: tuple[Placed, ...]
    view: View
    kind: str
    cut: bool
    hidden: bool
    about: dict[str, Any] = field(default_factory=dict)
    focus: Array | None = None
    props: str = ""

    def meshes(self, body: Body) -> list[Array]:
        """(V, 3) m, world, of everybody."""
        return [np.asarray(placed.vertices(body), np.float64) for placed in self.people]


def usual_plan(body: Body, rng: np.random.Generator) -> Plan:
    """A picture of the first set: poses of ``poses.json``, anywhere, seen through ordinary lenses."""
    cut, pair, hidden = rng.random() < 0.17, rng.random() < 0.1, rng.random() < 0.12
    placed = [placed_on_floor(body, random_figure(body, rng), rng, np.zeros(2))]
    if pair:
        spot = np.array([rng.choice([-1, 1]) * rng.uniform(0.8, 1.3), rng.uniform(-0.4, 0.7)])
        placed.append(placed_on_floor(body, random_figure(body, rng), rng, spot))
    points = np.concatenate([np.asarray(p.vertices(body), np.float64)[::7] for p in placed])
    view = random_view(points, rng, cut)
    while cut and not recognisable(body, placed[0], view):
        view = random_view(points, rng, cut)
    kind = str(rng.choice(SURROUNDINGS, p=[0.2, 0.35, 0.3, 0.15]))
    return Plan(tuple(placed), view, kind, bool(cut), bool(hidden))


def person_in(body: Body, placed: Placed, view: View, about: dict[str, Any]) -> Person:
    """The truth of somebody as a camera sees them."""
    figure = placed.figure
    parameters, translation = placed.in_camera(body, view)
    return Person.of(
        body, parameters, figure.identity, figure.expression, translation, about, figure.size, figure.head
    )  # fmt: skip


def recognisable(body: Body, placed: Placed, view: View) -> bool:
    """Whether a person cut by the frame still shows a head and a third of their body's points."""
    person = person_in(body, placed, view, {})
    inside = Truth(view.size, view.intrinsics, (person,), {}).inside(person.landmarks)
    points, _ = landmark_columns(body)
    return bool(inside[points[BODY_POINTS.index("nose")]] and inside[points].mean() > 0.35)
