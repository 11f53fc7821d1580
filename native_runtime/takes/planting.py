"""Feet that stand still: parts of feet in contact with the floor are locked to one place, without popping.

Each contact gets one place on the floor; toes that carry lie flat there and do not turn. What a foot is off by there
fades in before the contact and out after it (Kovar, Schreiner and Gleicher, "Footskate cleanup for motion capture
editing", 2002). The root takes a smooth share of it first, so that legs need not reach; then each leg bends to its
foot, ankles and toes with it. What a leg could not reach, the root gives, and smoothly the second time. MHR's bones
keep their lengths. Nothing of it looks back only, so feet are planted exactly as long as they touch the floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import Gravity, mhr_to_camera
from native_runtime.fitting.floor import Soles
from native_runtime.fitting.pins import AngleTerm
from native_runtime.fitting.problem import TRANSLATION, Problem, vector_residuals
from native_runtime.fitting.solver import Linearised, Quadratics, minimise
from native_runtime.mhr import Body, PointSet, Pose
from native_runtime.mhr.state import PlacedState

from .contacts import ContactSettings, drift_apart, find_contacts, runs
from .ground import (
    ALONG,
    PARTS,
    GroundSettings,
    ball_joints,
    feet_in_world,
    feet_of,
    find_ground,
    flat_heights,
    rays,
    soles_in_world,
)
from .quality import figures
from .smoothing import low_pass

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

_LEG = ("upleg_twist", "upleg_ry", "upleg_rz", "knee_bend", "lowleg_twist", "foot_bend", "foot_lean0", "ball_bend")
_STIFF = (0.2, 0.2, 0.3, 0.3, 0.1, 0.3, 0.2, 0.3)
"""Radians by which each of these ordinarily gives way to a foot."""


@dataclass(frozen=True)
class PlantingSettings:
    """How feet are locked.

    Attributes:
        blend: s over which a foot comes to its place before a contact, and leaves it afterwards.
        held: m by which a part in contact may lie off its place.
        free: m by which a foot may ordinarily lie off its faded way elsewhere.
        gives: m by which the root ordinarily gives way beyond its smooth share, each time that feet are planted; its
            smooth share of one time includes what it gave the time before.
        root: Hz up to which the root follows what its feet are off by.
        reach: m farther off than which a foot is left where it is: it was no contact. Along the camera's ray
            ``ground.ALONG`` times as much.
        steps: of the solver in each frame.
    """

    blend: float = 0.15
    held: float = 0.0002
    free: float = 0.005
    gives: tuple[float, ...] = (0.01, 0.001)
    root: float = 2.0
    reach: float = 0.25
    steps: int = 12


@dataclass(frozen=True)
class Standing:
    """A take on its floor.

    Attributes:
        model_parameters: (F, 204); camera_translation: (F, 3) m.
        ground: (4,) plane in world axes; NaN where it is not known.
        contacts: (F, 4) what touches it (``ground.PARTS``).
        quality: figures by name (``quality.figures``) of the answer; ``before``: of what was given.
        drifts: whether feet that seem to stand move in the picture (``contacts.drift_apart``), so that none is locked.
    """

    model_parameters: Array
    camera_translation: Array
    ground: Array
    contacts: Bools
    quality: dict[str, float]
    before: dict[str, float]
    drifts: bool = False


def stand_on_ground(
    body: Body,
    model_parameters: Array,
    identity: Array,
    camera_translation: Array,
    fps: float,
    *,
    seen: Array | None = None,
    gravity: Gravity | None = None,
    to_world: Array | None = None,
    ground: Array | None = None,
    contacts: Bools | None = None,
    floor: GroundSettings | None = None,
    touch: ContactSettings | None = None,
    planting: PlantingSettings | None = None,
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Standing:
    """Find the floor and what touches it, and lock feet that stand.

    Args:
        body: the body model.
        model_parameters: (F, 204); identity: (n_id,); camera_translation: (F, 3) m.
        fps: frames per second.
        seen: (F,) 0..1; frames at 0 say nothing about the floor.
        gravity: which way is up, in world axes.
        to_world: (F, 4, 4) camera to world; None: the camera stands still.
        ground: (4,) a floor that is known; None: it is looked for.
        contacts: (F, 4) that somebody stated; None: they are looked for.
        floor, touch, planting: how.
        progress: told 0..1.
        cancelled: asked between frames; when true feet stay as they are.
    """
    soles = soles_in_world(body, model_parameters, identity, camera_translation, to_world)
    heights = flat_heights(body, model_parameters[0], identity)[: len(PARTS)]
    eyes = None if to_world is None else to_world[:, :3, 3]
    if ground is None:
        plane = find_ground(soles, heights, fps, seen, gravity, floor, eyes)
    else:
        plane = np.asarray(ground, np.float64)
    drifts = False
    if contacts is None:
        touching = find_contacts(soles, heights, plane, fps, touch, eyes)
        drifts = drift_apart(soles, touching, touch, eyes)
        touching &= not drifts
    else:
        touching = np.asarray(contacts, bool)

    def measured(parameters: Array, translation: Array, places: Array) -> dict[str, float]:
        joints = mhr_to_camera(body.pose(parameters).translations, translation)
        if to_world is not None:
            joints = joints @ to_world[:, :3, :3].transpose(0, 2, 1) + to_world[:, None, :3, 3]
        return figures(joints, places, heights, plane, touching, fps)

    before = measured(model_parameters, camera_translation, soles)
    if not touching.any():
        return Standing(model_parameters, camera_translation, plane, touching, before, before, drifts)
    planted = plant_feet(
        body, model_parameters, identity, camera_translation, touching, plane, fps, to_world=to_world,
        settings=planting, progress=progress, cancelled=cancelled,
    )  # fmt: skip
    after = measured(*planted, soles_in_world(body, planted[0], identity, planted[1], to_world))
    return Standing(*planted, plane, touching, after, before)


def plant_feet(
    body: Body,
    model_parameters: Array,
    identity: Array,
    camera_translation: Array,
    contacts: Bools,
    ground: Array,
    fps: float,
    *,
    to_world: Array | None = None,
    settings: PlantingSettings | None = None,
    progress: Callable[[float], None] = lambda part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Array, Array]:
    """Parameters (F, 204) and translations (F, 3) of the same motion with feet locked where they touch the floor.

    Arguments as for ``stand_on_ground``; without a floor feet are locked where they are on average.
    """
    settings = settings or PlantingSettings()
    feet = feet_in_world(body, model_parameters, identity, camera_translation, to_world)
    eyes = None if to_world is None else to_world[:, :3, 3]
    heights = flat_heights(body, model_parameters[0], identity)
    offsets, held = foot_offsets(feet, contacts, ground, heights, fps, settings, eyes)
    root = _root_share(offsets[:, : len(PARTS)], held[:, : len(PARTS)], fps, settings)
    targets = feet + offsets
    if to_world is not None:
        # back into each frame's camera
        targets = np.einsum("fba,fkb->fka", to_world[:, :3, :3], targets - to_world[:, None, :3, 3])
        root = np.einsum("fba,fb->fa", to_world[:, :3, :3], root)
    moving = np.abs(offsets).max(axis=(1, 2)) > 0
    moving |= np.abs(root).max(axis=1) > 0
    legs = np.array(sorted(body.parameter_index(f"{side}_{name}") for side in "lr" for name in _LEG))
    stiff = {body.parameter_index(f"{s}_{name}"): size for s in "lr" for name, size in zip(_LEG, _STIFF, strict=True)}
    spread = np.array([stiff[int(index)] for index in legs])
    points = Soles.of(body).points, ball_joints(body)
    expression = np.zeros(body.expression_count)
    given = np.asarray(model_parameters, np.float64), np.asarray(camera_translation, np.float64)
    gives = settings.gives
    for turn, give in enumerate(gives):
        parameters, shifts = given[0].copy(), given[1].copy()
        for k in np.flatnonzero(moving):
            if cancelled():
                return given
            start = PlacedState(parameters[k], identity, expression, shifts[k] + root[k])
            sigmas = np.where(held[k] == 1.0, settings.held, settings.free)
            terms = (
                Places(points, targets[k], sigmas),
                AngleTerm(legs, start.model_parameters, spread),
                _Shift(start.camera_translation, give),
            )
            problem = Problem(body, legs, terms, start.model_parameters)
            found = minimise(start, problem.linearise, problem.cost, problem.retract, settings.steps, 1e-6, 1e-6).state
            parameters[k], shifts[k] = found.model_parameters, found.camera_translation
            progress((turn + (k + 1) / len(parameters)) / len(gives))
        # what legs could not reach the root gave, each frame by itself: the next time it goes there smoothly
        root = root + _smooth(shifts - given[1] - root, to_world, fps, settings)
        moving |= np.abs(root).max(axis=1) > 1e-6
    return parameters, shifts


def _smooth(shifts: Array, to_world: Array | None, fps: float, settings: PlantingSettings) -> Array:
    """(F, 3) m in each frame's camera axes, smooth in the world."""
    turned = shifts if to_world is None else np.einsum("fab,fb->fa", to_world[:, :3, :3], shifts)
    turned = low_pass(turned, fps, min(settings.root, 0.45 * fps))
    return turned if to_world is None else np.einsum("fba,fb->fa", to_world[:, :3, :3], turned)


def foot_offsets(
    feet: Array,
    contacts: Bools,
    ground: Array,
    heights: Array,
    fps: float,
    settings: PlantingSettings,
    eyes: Array | None = None,
) -> tuple[Array, Array]:
    """What each point of feet is moved by (F, 6, 3) m, and how firmly it is held there (F, 6): 1 in contact, fading to
    0 over ``blend`` beside it. The tip of the toes is held with the ball: toes that carry lie flat and do not turn.

    Args:
        feet: (F, 6, 3) m, ``ground.feet_in_world``.
        contacts: (F, 4).
        ground: (4,) plane; NaN where it is not known: then tips are free.
        heights: (6,) m, ``ground.flat_heights``.
        fps: frames per second.
        settings: how.
        eyes: (F, 3) m, as for ``find_ground``.
    """
    parts = len(PARTS)
    soles, tips = feet[:, :parts], feet[:, parts:]
    offsets, held = np.zeros_like(soles), np.zeros(contacts.shape)
    turned, flat = np.zeros_like(tips), np.zeros(tips.shape[:2])
    places = contact_places(soles, contacts, ground, heights[:parts], settings.reach, eyes)
    for first, last, part, place in places:
        off = place - soles[first:last, part]
        _fade_in(offsets[:, part], held[:, part], contacts[:, part], first, off, fps, settings.blend)
        if part % 2 and np.isfinite(ground).all():
            side = part // 2
            tip = _tip_place(feet, places, (first, last, part, place), ground, heights)
            _fade_in(turned[:, side], flat[:, side], contacts[:, part], first, tip - tips[first:last, side] - off, fps,
                     settings.blend)  # fmt: skip
    offsets = _together(offsets, held)
    # a tip goes where its ball goes, and turns about it
    return np.concatenate([offsets, offsets[:, 1::2] + turned], axis=1), np.concatenate([held, flat], axis=1)


def _fade_in(offsets: Array, held: Array, touching: Bools, first: int, off: Array, fps: float, blend: float) -> None:
    """Write one contact's offsets (n, 3) m from its first frame on, faded over `blend` s on either side, into those of
    a point (F, 3) and how firmly it is held (F,)."""
    count, last = len(offsets), first + len(off)
    reach = max(round(blend * fps), 1)
    offsets[first:last] = off
    held[first:last] = 1.0
    fade = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, reach + 1) / (reach + 1))
    for step, share in enumerate(fade, start=1):
        for index, end in ((first - step, off[0]), (last - 1 + step, off[-1])):
            if 0 <= index < count and not touching[index]:
                # between two contacts close by both fade into each other
                offsets[index] += share * end
                held[index] = max(held[index], share)


def _tip_place(feet: Array, places: list[Contact], ball: Contact, ground: Array, heights: Array) -> Array:
    """(3,) m where the tip of the toes lies while their ball is in contact: as it lies before the ball on average, on
    the floor; before the heel's place, where the heel stands at the same time."""
    first, last, part, place = ball
    parts, normal = len(PARTS), ground[:3]
    tip, mate = parts + part // 2, part ^ 1
    ways = feet[first:last, part] - feet[first:last, mate]
    heading = ways - (ways @ normal)[:, None] * normal
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
    toes = feet[first:last, tip] - feet[first:last, part]
    ahead = np.median(np.sum(toes * heading, axis=1))
    aside = np.median(np.sum(toes * np.cross(normal, heading), axis=1))
    beside = [one for one in places if one[2] == mate and one[0] < last and one[1] > first]
    if beside:
        mean = place - max(beside, key=lambda one: min(one[1], last) - max(one[0], first))[3]
        mean = mean - (mean @ normal) * normal
    else:
        mean = np.median(heading, axis=0)
    mean = mean / max(float(np.linalg.norm(mean)), 1e-9)
    flat = ahead * mean + aside * np.cross(normal, mean)
    lift = heights[tip] - heights[part]
    length = float(np.median(np.linalg.norm(toes, axis=1)))
    size = np.sqrt(max(length**2 - lift**2, 1e-8))
    return np.asarray(place + lift * normal + flat / max(float(np.linalg.norm(flat)), 1e-9) * size)


def _together(offsets: Array, held: Array) -> Array:
    """The offsets where a part that is free moves with the other part of its foot, as far as that is held."""
    out = offsets.copy()
    for foot in (slice(0, 2), slice(2, 4)):
        own, other = held[:, foot], held[:, foot][:, ::-1]
        pull = np.clip(other - own, 0.0, 1.0)[..., None]
        out[:, foot] = (1.0 - pull) * offsets[:, foot] + pull * offsets[:, foot][:, ::-1]
    return out


Contact = tuple[int, int, int, Array]
"""First frame, one past the last, part, and the place (3,) m that it is locked to."""


def contact_places(
    soles: Array, contacts: Bools, ground: Array, heights: Array, reach: float, eyes: Array | None = None
) -> list[Contact]:
    """The contacts and their places.

    A part's place is the middle of where it is in its contact, on the floor; where heel and toe of a foot touch it at
    once, their distance is the foot's own. A part that strays farther than `reach` from it (along the camera's ray
    ``ground.ALONG`` times that) is left alone.
    """
    found = [
        (first, last, part, np.median(soles[first:last, part], axis=0))
        for part in range(soles.shape[1])
        for first, last in runs(contacts[:, part])
    ]
    found.sort(key=lambda one: (one[0] - one[1], one[0], one[2]))  # the longest first: others agree with it
    known, way_seen = np.isfinite(ground).all(), rays(soles, eyes)
    out: list[Contact] = []
    for first, last, part, middle in found:
        place = middle
        if known:
            place = middle - (middle @ ground[:3] + ground[3] - heights[part]) * ground[:3]
        mate = part ^ 1
        beside = [one for one in out if one[2] == mate and one[0] < last and one[1] > first]
        if beside:
            other = max(beside, key=lambda one: min(one[1], last) - max(one[0], first))
            both = slice(max(other[0], first), min(other[1], last))
            length = float(np.median(np.linalg.norm(soles[both, part] - soles[both, mate], axis=1)))
            way = place - other[3]
            if known:
                lift = (heights[part] - heights[mate]) * ground[:3]
                flat = way - lift
                size = np.sqrt(max(length**2 - float(lift @ lift), 1e-8))
                place = other[3] + lift + flat / max(float(np.linalg.norm(flat)), 1e-9) * size
            else:
                place = other[3] + way / max(float(np.linalg.norm(way)), 1e-9) * length
        off = soles[first:last, part] - place
        along = np.sum(off * way_seen[first:last, part], axis=1)
        across = np.sqrt(np.maximum(np.sum(off**2, axis=1) - along**2, 0.0))
        if np.hypot(across, along / ALONG).max() <= reach:
            out.append((first, last, part, place))
    return out


def _root_share(offsets: Array, held: Array, fps: float, settings: PlantingSettings) -> Array:
    """(F, 3) m by which the root moves with its feet: the mean of what those in contact are off by, carried through
    where none is, and smooth."""
    total = held.sum(axis=1)
    known = np.flatnonzero(total > 0)
    if not len(known):
        return np.zeros((len(offsets), 3))
    mean = np.sum(offsets * held[..., None], axis=1)[known] / np.maximum(total[known], 1e-9)[:, None]
    frames = np.arange(len(offsets))
    full = np.stack([np.interp(frames, known, mean[:, axis]) for axis in range(3)], axis=1)
    return low_pass(full, fps, min(settings.root, 0.45 * fps))


class Places:
    """Draws parts of feet to places, each as firmly as its own sigma says."""

    def __init__(self, points: tuple[PointSet, PointSet], places: Array, sigmas: Array, *, turns: bool = False) -> None:
        """`points`: of ``Soles``, and ``ground.ball_joints``; `places`: (6, 3) m, camera axes; `sigmas`: (6,) m;
        `turns`: whether the whole body turns for them."""
        self._points, self._places, self._inverse, self._turns = points, places, 1.0 / sigmas, turns

    def _residuals(self, pose: Pose, state: PlacedState) -> Array:
        feet = feet_of(*(points.positions(pose, state.identity) for points in self._points))
        return np.asarray((mhr_to_camera(feet, state.camera_translation) - self._places) * self._inverse[:, None])

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return float(0.5 * np.sum(self._residuals(pose, state) ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``fitting.problem.Term``."""
        residual = self._residuals(pose, state)
        motion = feet_of(*(problem.motion(points, pose, state) for points in self._points))
        motion = motion * self._inverse[:, None, None]
        if not self._turns:
            motion[:, :, : TRANSLATION.start] = 0.0
        return (vector_residuals(float(0.5 * np.sum(residual**2)), residual, motion, np.ones(len(residual))),)


class _Shift:
    """Keeps the whole body where it is, and does not let it turn."""

    def __init__(self, home: Array, sigma: float) -> None:
        self._home, self._sigma = home, sigma

    def _residuals(self, state: PlacedState) -> Array:
        return np.asarray((state.camera_translation - self._home) / self._sigma)

    def cost(self, pose: Pose, state: PlacedState) -> float:
        """Half the sum of squares."""
        return float(0.5 * np.sum(self._residuals(state) ** 2))

    def linearise(self, problem: Problem, pose: Pose, state: PlacedState) -> Linearised:
        """See ``fitting.problem.Term``."""
        residual = self._residuals(state)
        columns = np.arange(TRANSLATION.stop)
        pull = np.concatenate([np.zeros(3), residual / self._sigma])
        curve = np.concatenate([np.ones(3), np.full(3, self._sigma**-2)])
        return (Quadratics.separate(float(0.5 * residual @ residual), columns, pull, curve),)
