"""The floor under a person in a take: a plane through the soles of feet that hardly move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera
from native_runtime.fitting.floor import Soles
from native_runtime.mhr import Body, PointSet
from native_runtime.mhr.parameterisation import SCALE
from native_runtime.mhr.sparse import sorted_rows

Array = NDArray[np.float64]

PARTS = ("left heel", "left toe", "right heel", "right toe")
"""The parts of feet that touch the floor, in a take's order; a toe is the ball of the foot, which carries."""

_HEELS, _TIPS = np.array([0, 4]), np.array([3, 7])
"""The heels and the tips of toes among the points of ``Soles``."""

_BALLS = ("l_ball", "r_ball")
"""The joints of toes. They stay where they are as a heel rises over toes that stand; the skin below them does not."""

UNKNOWN = np.full(4, np.nan)
"""The plane of a floor that is not known."""


def soles_in_world(
    body: Body, model_parameters: Array, identity: Array, translation: Array, to_world: Array | None = None
) -> Array:
    """Where the parts of feet are, (F, 4, 3) m in world axes: points that lie on the floor where feet stand flat.

    Args:
        body: the body model.
        model_parameters: (F, 204).
        identity: (n_id,)
        translation: (F, 3) m.
        to_world: (F, 4, 4) camera to world; None: the world's axes are the camera's.
    """
    return feet_in_world(body, model_parameters, identity, translation, to_world)[:, : len(PARTS)]


def feet_in_world(
    body: Body, model_parameters: Array, identity: Array, translation: Array, to_world: Array | None = None
) -> Array:
    """(F, 6, 3) m in world axes: ``soles_in_world``, and the tips of the left and right toes.

    Arguments as there.
    """
    pose = body.pose(np.asarray(model_parameters, np.float64))
    corners = Soles.of(body).points.positions(pose, identity)
    balls = pose.translations[:, [body.joint_index(name) for name in _BALLS]]
    points = mhr_to_camera(feet_of(corners.swapaxes(0, 1), balls.swapaxes(0, 1)).swapaxes(0, 1),
                           np.asarray(translation, np.float64))  # fmt: skip
    if to_world is None:
        return np.asarray(points)
    return np.asarray(points @ to_world[:, :3, :3].transpose(0, 2, 1) + to_world[:, None, :3, 3])


def feet_of(corners: Array, balls: Array) -> Array:
    """(6, ...) the points of feet, ``PARTS`` and the tips of the left and right toes, from the points (9, ...) of
    ``Soles`` and the balls' joints (2, ...)."""
    heels = corners[_HEELS]
    return np.stack([heels[0], balls[0], heels[1], balls[1], *corners[_TIPS]])


def ball_joints(body: Body) -> PointSet:
    """The joints of both feet's toes as a set of points."""
    columns = body.vertex_count + np.array([body.joint_index(name) for name in _BALLS])
    return PointSet.from_rows(body, sorted_rows(2, np.arange(2), columns, np.ones(2)))


def flat_heights(body: Body, model_parameters: Array | None = None, identity: Array | None = None) -> Array:
    """(6,) m by which the points of ``feet_in_world`` are above the floor where their foot stands flat.

    Args:
        body: the body model.
        model_parameters: (204,) whose lengths count; None: the body's own.
        identity: (n_id,); None: the mean shape.
    """
    build = np.zeros(len(body.parameter_names))
    if model_parameters is not None:
        build[SCALE] = model_parameters[SCALE]
    nobody = np.zeros(body.identity_count) if identity is None else identity
    feet = feet_in_world(body, build[None], nobody, np.zeros((1, 3)))[0]
    soles = Soles.of(body)
    places = mhr_to_camera(soles.points.positions(body.pose(build), nobody), np.zeros(3))
    # y points down; what lies lowest of all these points, as far as they are above the sole themselves
    floor = np.max(places[:-1, 1] + soles.heights)
    return np.asarray(floor - feet[:, 1])


@dataclass(frozen=True)
class GroundSettings:
    """What is taken for floor.

    Attributes:
        speed: m/s below which a foot may stand.
        spread: m by which places on the floor are ordinarily off; farther ones are taken for something else.
        together: frames that say about as much as one, as errors of neighbours go together.
        fewest: places that a floor needs.
    """

    speed: float = 0.35
    spread: float = 0.03
    together: float = 10.0
    fewest: int = 6


def find_ground(
    soles: Array,
    heights: Array,
    fps: float,
    seen: Array | None = None,
    gravity: Gravity | None = None,
    settings: GroundSettings | None = None,
    eyes: Array | None = None,
) -> Array:
    """The floor's plane (4,) n . x + d = 0 in world axes, n of length 1 against gravity; NaN where it is not known.

    Robust least squares (Tukey's weights) over places of feet that stand, near the direction that is known of up;
    begun at the lowest of them, as nothing is below a floor.

    Args:
        soles: (F, 4, 3) m, ``soles_in_world``.
        heights: (4,) m, the first of ``flat_heights``.
        fps: frames per second.
        seen: (F,) 0..1, frames at 0 do not count; None: all do.
        gravity: which way is up, in world axes; None: about -y.
        settings: what is taken for floor.
        eyes: (F, 3) m where the camera is, in world axes; None: at its origin.
    """
    settings, gravity = settings or GroundSettings(), gravity or Gravity()
    up = np.asarray(gravity.up, np.float64)
    counted = np.ones(len(soles), bool) if seen is None else np.asarray(seen) > 0
    if len(soles) < 3:
        return UNKNOWN.copy()
    slow = seen_speeds(soles, fps, eyes) < settings.speed
    # of each frame only the lowest foot may stand: the other one can be still in the air
    along = soles @ up - heights
    lowest = along <= along.min(axis=1, keepdims=True) + settings.spread
    which = slow & lowest & counted[:, None]
    places = (soles - heights[:, None] * up)[which]
    if len(places) < settings.fewest:
        return UNKNOWN.copy()
    first = np.cross(up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    across = np.stack([first, np.cross(up, first)])
    middle = places.mean(axis=0)
    # height = a x + b y + c over the two axes across up
    rows = np.column_stack([(places - middle) @ across.T, np.ones(len(places))])
    high = (places - middle) @ up
    tilt = np.diag([1.0 / gravity.sigma**2] * 2 + [0.0])
    plane = np.array([0.0, 0.0, np.quantile(high, 0.2)])
    for step in range(_STEPS):
        reach = max(4.0 * settings.spread, 0.3 * 0.6**step)
        off = (high - rows @ plane) / reach
        weight = np.where(np.abs(off) < 1, (1 - off**2) ** 2, 0.0) / settings.spread**2 / settings.together
        if np.count_nonzero(weight) < settings.fewest:
            return UNKNOWN.copy()
        plane = np.linalg.solve(rows.T @ (rows * weight[:, None]) + tilt, rows.T @ (weight * high))
    normal = up - plane[0] * across[0] - plane[1] * across[1]
    normal /= np.linalg.norm(normal)
    return np.append(normal, -normal @ (middle + plane[2] * up))


_STEPS = 12


def speeds(places: Array, fps: float) -> Array:
    """(F, ...) m/s of places (F, ..., 3): of the way from the frame before to the one after, one-sided at both ends."""
    if len(places) < 2:
        return np.zeros(places.shape[:-1])
    return np.asarray(np.linalg.norm(np.gradient(places, 1.0 / fps, axis=0), axis=-1))


ALONG = 5.0
"""How many times less is known of where a foot is along the camera's ray than across it, where pixels tell it."""


def rays(places: Array, eyes: Array | None = None) -> Array:
    """(F, K, 3) unit vectors from the camera to places (F, K, 3) m; `eyes` as for ``find_ground``."""
    way = places if eyes is None else places - eyes[:, None]
    return np.asarray(way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-9))


def seen_speeds(places: Array, fps: float, eyes: Array | None = None) -> Array:
    """(F, K) m/s of places (F, K, 3) m as ``speeds``, of which what is along the camera's ray counts ``ALONG`` times
    less: a foot that stands seems to move in depth as the estimate of its depth wanders.

    Args:
        places: in world axes.
        fps: frames per second.
        eyes: as for ``find_ground``.
    """
    if len(places) < 2:
        return np.zeros(places.shape[:-1])
    velocity = np.gradient(places, 1.0 / fps, axis=0)
    along = np.sum(velocity * rays(places, eyes), axis=-1)
    across = np.maximum(np.sum(velocity**2, axis=-1) - along**2, 0.0)
    return np.asarray(np.sqrt(across + (along / ALONG) ** 2))
