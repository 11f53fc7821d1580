"""Cheap pictures of people in known poses: good enough for a network's window of 256 px, at ten a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import project
from native_runtime.mhr import Body

from .anatomy import Anatomy
from .backgrounds import Background, background
from .developing import developed
from .framing import random_view
from .lighting import random_lighting, shadows
from .looks import Looks
from .painting import FINER, Painted, paint
from .people import Person, Standing, before, stand
from .poses import Pose
from .props import around, before_them
from .things import Thing
from .views import View

Array = NDArray[np.float64]

_HIDDEN = 0.25
"""The share of pictures in which something stands before somebody."""
_MASKED = 0.5
"""The part of a pixel that shows somebody where the pixel counts as theirs."""
_MORE = 0.3
"""The share of pictures of several people, where they are wanted; up to so many others."""
_OTHERS = 3
_TOUCHING, _APART = 0.35, 1.6
"""Metres from one to the next."""
_LEAST, _TRIES = 0.3, 6
"""The picture reaches so much of the one that it is about, unless that fails so often."""
_CLOSE = 0.3
"""Metres that others are away from the camera at least."""
_ALL = 0.35
"""The share of pictures of several people that are framed about all of them."""


@dataclass(frozen=True)
class Shot:
    """A picture and whom it shows.

    Attributes:
        pixels: (H, W, 3) sRGB.
        view: the camera.
        people: whoever is in it, the one that it is about first; poses: theirs.
        masks: for each, (H, W) where they are seen.
        painted: what is seen where.
        parts: for each, the numbers of the surfaces that they consist of.
    """

    pixels: NDArray[np.uint8]
    view: View
    people: tuple[Person, ...]
    poses: tuple[Pose, ...]
    masks: tuple[NDArray[np.bool_], ...]
    painted: Painted
    parts: tuple[tuple[int, ...], ...]

    def sees(self, person: int, points: Array, within: Array | float) -> NDArray[np.bool_]:
        """Which points (N, 3) m, camera axes, of a person are seen; see ``Painted.sees``."""
        return self.painted.sees(points, self.parts[person], within)

    @property
    def depth(self) -> NDArray[np.float32]:
        """(H, W) m along z of people and things, infinite where only the background is."""
        return self.painted.depth[::FINER, ::FINER]


def before_camera(body: Body, parameters: Array, rng: np.random.Generator) -> tuple[Person, View]:
    """A person of random build in a pose before a random camera.

    Args:
        parameters: (204,) model parameters of the pose.
    """
    standing = stand(body, parameters, rng)
    view = random_view(standing.vertices, rng)
    return before(body, standing, view), view


class Photographer:
    """Takes pictures of people of one body."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._looks = Looks(Anatomy(body))

    def shoot(self, pose: Callable[[int], Pose], rng: np.random.Generator, company: float = _MORE) -> Shot:
        """A picture of people, dressed.

        Args:
            pose: of the one that the picture is about, 0, and of others, 1 and so on.
            company: the share of pictures of several people.
        """
        standing, poses = self._gathered(pose, rng, company)
        about_all = rng.random() < _ALL
        framed = np.concatenate([one.vertices for one in (standing if about_all else standing[:1])])
        for _ in range(_TRIES):
            view = random_view(framed, rng)
            if _within(standing[0].vertices, view) >= _LEAST:
                break
        # Nobody stands in the camera's way, or behind it.
        clear = [k for k, one in enumerate(standing) if k == 0 or view.from_world(one.vertices)[:, 2].min() > _CLOSE]
        standing, poses = [standing[k] for k in clear], [poses[k] for k in clear]
        people = tuple(before(self.body, one, view) for one in standing)
        everybody = np.concatenate([one.vertices for one in standing])
        things: list[Thing] = []
        parts: list[tuple[int, ...]] = []
        for one in standing:
            worn = self._looks.dressed(one.vertices, one.build, rng)
            parts.append(tuple(range(len(things), len(things) + len(worn))))
            things += worn
        if rng.random() < _HIDDEN:
            things.append(before_them(view, standing[0].vertices, rng))
        things += around(view, everybody, rng)
        behind = background(view, everybody, rng)
        painted = paint([thing.surface for thing in things], view)
        pixels = photographed(painted, things, behind, rng)
        masks = tuple(painted.share(mine) > _MASKED for mine in parts)
        return Shot(pixels, view, people, tuple(poses), masks, painted, tuple(parts))

    def _gathered(
        self, pose: Callable[[int], Pose], rng: np.random.Generator, company: float
    ) -> tuple[list[Standing], list[Pose]]:
        poses = [pose(0)]
        people = [stand(self.body, poses[0].parameters, rng)]
        if rng.random() >= company:
            return people, poses
        for number in range(1, 1 + int(rng.integers(1, _OTHERS + 1))):
            angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(_TOUCHING, _APART)
            spot = people[int(rng.integers(len(people)))].root[:2] + away * np.array([np.cos(angle), np.sin(angle)])
            taken = pose(number)
            one = stand(self.body, taken.parameters, rng, (float(spot[0]), float(spot[1])))
            if all(_clear(one, other) for other in people):
                people.append(one)
                poses.append(taken)
        return people, poses


def _within(points: Array, view: View) -> float:
    """Which part of some points (N, 3) m the picture reaches."""
    pixels = project(view.from_world(points[::7]), view.intrinsics)
    return float(((pixels > -0.5) & (pixels < np.array(view.size) - 0.5)).all(axis=1).mean())


def _clear(one: Standing, other: Standing) -> bool:
    """Whether two people are not within each other, as far as coarse cells show."""
    cells = [{tuple(cell) for cell in np.floor(who.vertices[::3] / 0.08).astype(int).tolist()} for who in (one, other)]
    return len(cells[0] & cells[1]) <= 2


def photographed(
    painted: Painted, things: Sequence[Thing], behind: Background, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The things in a random light before a background, as a camera takes them."""
    lighting = random_lighting(rng, behind.kind in ("garden", "street"))
    shade = shadows(painted.view, painted.surfaces, lighting)
    floor = behind.floor * (1 - shade)
    pixels = behind.pixels * (1 - floor)[..., None]
    colours = np.zeros((len(painted.covered), 3), np.float32)
    for number, thing in enumerate(things):
        values = np.column_stack([thing.values, thing.surface.normals])
        mine, found = painted.interpolated(number, values)
        normals = found[:, -3:] / np.maximum(np.linalg.norm(found[:, -3:], axis=1, keepdims=True), 1e-6)
        colours[mine] = thing.albedo(found[:, :-3]) * lighting.on(normals)
    return developed(painted.over(colours, pixels.astype(np.float32)), rng)
