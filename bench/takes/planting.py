"""Where the feet of a motion stand, the way of the root that follows from it, and feet that do not slide.

The clips have no root translation (their pelvis is at the origin), so it is found here from the feet: where a foot is
low and its motion agrees with the root's, it stands. Each stance gets one place and heading of the flat foot, and legs
(and a little the root) are corrected so that what touches the floor in it does not move at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import lsqr

from native_runtime.mhr import Body

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

PARTS = ("left heel", "left toe", "right heel", "right toe")
_LEG = ("upleg_twist", "upleg_ry", "upleg_rz", "knee_bend", "lowleg_twist", "foot_bend", "foot_lean0", "ball_bend")
_HEEL, _TOES = 0, (1, 2, 3)
_LOW, _HIGH = 3.0, 5.5
"""cm above the lowest sole that begin and end a contact."""
_SLOW, _FAST = 20.0, 35.0
"""cm/s, along the floor, likewise."""
_LEAST = 0.12
"""Seconds that a contact lasts at least; gaps half as long are closed."""
_FLOOR, _SUNK = 0.1, 0.5
"""cm: how sharply points are kept above the floor, and how near to it they are held that were below it."""
_ROUNDS = ((0.4, 2.0), (0.08, 0.5), (0.01, 0.04))
"""cm: how sharply points in contact are held, and how far off they may be to stay in contact, round by round: what
legs cannot hold is let go, so that it does not pull at the rest."""
_NEAR_RAD, _NEAR_CM = 0.6, 10.0
"""How far legs and root may go from the motion as it was."""
_EVEN_RAD, _EVEN_CM = 0.015, 0.25
"""Second differences from frame to frame at 25 Hz: of the legs' change, and of the root's way."""
_STEPS = 12


@dataclass(frozen=True)
class Planted:
    """A motion whose feet stand.

    Attributes:
        parameters: (F, 204).
        root: (F, 3) cm that the body is moved by, MHR axes; the floor is at y = 0, below bare soles.
        contacts: (F, 4) bool in the order of ``PARTS``.
        drift: mm, the most that a sole's point moves along or off the floor within a contact.
        wanted: how many contacts (of a frame and a part) the clip has; those that legs cannot hold are left out.
    """

    parameters: Array
    root: Array
    contacts: Bools
    drift: float
    wanted: int


class Soles:
    """Four points under each foot: heel, big toe, small toe, ball; rigid in the joints that move them most."""

    def __init__(self, body: Body, build: Array, identity: Array) -> None:
        """
        Args:
            build: (204,) parameters of the person's skeleton alone.
        """
        pose = body.pose(build)
        rest = np.asarray(body.vertices(build, identity), np.float64)
        names = list(body.keypoint_names)
        keypoints = body.keypoints(pose, rest)
        self.joints, self.locals, self.flat = [], [], []
        for side in ("left", "right"):
            ball, ankle = (body.joint_index(f"{side[0]}_{part}") for part in ("ball", "subtalar"))
            floor = float(rest[_of(body, ball) | _of(body, ankle)][:, 1].min())
            for point, joint in (("heel", ankle), ("big_toe", ball), ("small_toe", ball), ("ball", ball)):
                found = pose.translations[ball] if point == "ball" else keypoints[names.index(f"{side}_{point}")]
                place = np.array(found)
                place[1] = floor
                self.joints.append(joint)
                self.locals.append(np.linalg.inv(pose.joints[joint])[:3] @ np.append(place, 1.0))
                self.flat.append(place - [0.0, floor, 0.0])

    def places(self, joints: Array) -> Array:
        """(F, 2, 4, 3) cm of each side heel, big toe, small toe, ball, from a pose's joints (F, 127, 4, 4)."""
        points = np.einsum("fkij,kj->fki", joints[:, self.joints, :3], np.c_[self.locals, np.ones(8)])
        return np.asarray(points.reshape(-1, 2, 4, 3), np.float64)


def _of(body: Body, joint: int) -> Bools:
    """(V,) the vertices that a joint moves most."""
    strongest = body.skin_indices[np.arange(body.vertex_count), body.skin_weights.argmax(axis=1)]
    result: Bools = strongest == joint
    return result


def plant(body: Body, parameters: Array, identity: Array, rate: float) -> Planted:
    """Let the feet stand where a motion plants them.

    Args:
        parameters: (F, 204) with the person's skeleton, level frame, root translation 0.
        rate: frames a second.
    """
    build = np.where([name.startswith("scale_") for name in body.parameter_names], parameters[0], 0.0)
    soles = Soles(body, build, identity)
    places = soles.places(body.pose(parameters).joints)
    contact = _contacts(places, rate)
    root = _root(places, contact, rate)
    flat = np.array(soles.flat).reshape(2, 4, 3)
    wanted = int(_parts(contact).sum())
    for sharp, most in _ROUNDS:
        anchors = _anchors(soles.places(body.pose(parameters).joints) + root[:, None, None], contact, flat)
        parameters, root = _stepped(body, parameters, soles, root, anchors, contact, rate, sharp)
        off = np.linalg.norm(soles.places(body.pose(parameters).joints) + root[:, None, None] - anchors, axis=-1)
        contact = _kept(contact, off < most, round(_LEAST * rate))
    final = soles.places(body.pose(parameters).joints) + root[:, None, None]
    return Planted(parameters, root, np.asarray(_parts(contact), bool), _drift(final, contact), wanted)


def _parts(contact: Bools) -> Bools:
    """(F, 4) in the order of ``PARTS`` from (F, 2, 4): toes touch where the big one does."""
    return contact[:, :, [_HEEL, _TOES[0]]].reshape(len(contact), 4)


def _contacts(places: Array, rate: float) -> Bools:
    """(F, 2, 4) which points stand: toes and ball alike."""
    height = places[..., 1] - places[..., 1].min(axis=(1, 2), keepdims=True)
    height[..., list(_TOES)] = height[..., list(_TOES)].mean(axis=-1, keepdims=True)
    velocity = np.gradient(places[..., [0, 2]], axis=0) * rate
    weight = np.exp(-((height / 2.5) ** 2)) + 1e-6
    trust = weight
    for _ in range(8):
        root = -(trust[..., None] * velocity).sum(axis=(1, 2)) / trust.sum(axis=(1, 2))[:, None]
        root = gaussian_filter1d(root, 0.04 * rate, axis=0)
        speed = np.linalg.norm(velocity + root[:, None, None], axis=-1)
        trust = weight / (1 + (speed / 12.0) ** 2)
    speed[..., list(_TOES)] = speed[..., list(_TOES)].mean(axis=-1, keepdims=True)
    begin, keep = (height < _LOW) & (speed < _SLOW), (height < _HIGH) & (speed < _FAST)
    out = np.zeros(height.shape, bool)
    least = round(_LEAST * rate)
    for side in range(2):
        for point in range(4):
            out[:, side, point] = _lasting(begin[:, side, point], keep[:, side, point], least)
    return out


def _lasting(begin: Bools, keep: Bools, least: int) -> Bools:
    """(F,) runs of ``keep`` that hold a ``begin``; short gaps closed, short runs dropped."""
    out = np.zeros(len(keep), bool)
    for a, b in runs(keep):
        out[a:b] = begin[a:b].any()
    for a, b in runs(~out):
        if b - a <= least // 2 and a > 0 and b < len(out):
            out[a:b] = True
    for a, b in runs(out):
        if b - a < least:
            out[a:b] = False
    return out


def runs(flags: Bools) -> list[tuple[int, int]]:
    """First frame and the frame after the last of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2])]


def _root(places: Array, contact: Bools, rate: float) -> Array:
    """(F, 3) cm: the smooth way of the root under which standing points stay, on the floor where they stand."""
    frames = len(places)
    stiff = 0.3 * (rate / 25.0) ** 2
    out = np.zeros((frames, 3))
    runs_ = [(s, k, a, b) for s in range(2) for k in range(4) for a, b in runs(contact[:, s, k])]
    below: list[tuple[int, float]] = []
    for _ in range(4):
        for axis in range(3):
            rows, columns, values, wanted = [], [], [], []
            row = 0
            for number, (s, k, a, b) in enumerate(runs_):
                for frame in range(a, b):
                    rows.append(row), columns.append(frame), values.append(1.0)
                    wanted.append(-places[frame, s, k, axis])
                    if axis != 1:
                        rows.append(row), columns.append(frames + number), values.append(-1.0)
                    row += 1
            for frame in range(1, frames - 1):
                for offset, value in ((-1, 1.0), (0, -2.0), (1, 1.0)):
                    rows.append(row), columns.append(frame + offset), values.append(stiff * value)
                wanted.append(0.0)
                row += 1
            if axis == 1:
                for frame, height in below:
                    rows.append(row), columns.append(frame), values.append(2.0)
                    wanted.append(2.0 * height)
                    row += 1
            else:  # the way begins at the origin
                rows.append(row), columns.append(0), values.append(1.0)
                wanted.append(0.0)
                row += 1
            matrix = coo_matrix((values, (rows, columns)), shape=(row, frames + len(runs_))).tocsr()
            out[:, axis] = lsqr(matrix, np.array(wanted), damp=1e-6, atol=1e-11, btol=1e-11, iter_lim=5000)[0][:frames]
        lowest = places[..., 1].min(axis=(1, 2))
        below += [(f, -float(lowest[f])) for f in np.flatnonzero(lowest + out[:, 1] < -0.3)]
        if not (lowest + out[:, 1] < -0.3).any():
            break
    return out


def _stance(places: Array, contact: Bools, flat: Array) -> Array:
    """(4, 3) where the flat foot's points lie in one stance: its mean heading and place, on the floor."""
    frames = contact.any(axis=1)
    way = places[frames][:, list(_TOES)].mean(axis=1) - places[frames][:, _HEEL]
    mean = (way / np.linalg.norm(way[:, [0, 2]], axis=1, keepdims=True)).mean(axis=0)
    own = flat[list(_TOES)].mean(axis=0) - flat[_HEEL]
    angle = np.arctan2(mean[0], mean[2]) - np.arctan2(own[0], own[2])
    c, s = np.cos(angle), np.sin(angle)
    turned = flat @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).T
    shift = (places - turned)[contact].mean(axis=0)
    shift[1] = 0.0
    result: Array = turned + shift
    return result


def _anchors(places: Array, contact: Bools, flat: Array) -> Array:
    """(F, 2, 4, 3) cm where each point in contact stands (elsewhere 0), one place of the flat foot a stance."""
    out = np.zeros(places.shape)
    for side in range(2):
        for a, b in runs(contact[:, side].any(axis=1)):
            out[a:b, side] = _stance(places[a:b, side], contact[a:b, side], flat[side])
    return out


def _stepped(
    body: Body, parameters: Array, soles: Soles, root: Array, anchors: Array, contact: Bools, rate: float, sharp: float
) -> tuple[Array, Array]:
    """Legs and root over all frames at once, so that points in contact are at their anchors and nothing is below the
    floor: least squares with what is near the motion as it was, and smooth.

    Returns:
        Parameters (F, 204) and the root's way (F, 3) cm.
    """
    columns = np.array([body.parameter_index(f"{side}_{name}") for side in "lr" for name in _LEG])
    frames, count = len(parameters), len(columns) + 3
    low = np.concatenate([body.limit_min[columns], np.full(3, -np.inf)])
    high = np.concatenate([body.limit_max[columns], np.full(3, np.inf)])
    origin = np.concatenate([parameters[:, columns], root], axis=1)
    origin = np.clip(origin, low, high)
    pull = np.concatenate([np.full(len(columns), 1 / _NEAR_RAD), np.full(3, 1 / _NEAR_CM)]) ** 2
    bend = (rate / 25.0) ** 2 * np.concatenate([np.full(len(columns), 1 / _EVEN_RAD), np.full(3, 1 / _EVEN_CM)])
    second = np.diff(np.eye(frames), 2, axis=0)
    even = second.T @ second
    smooth = np.zeros((frames, count, frames, count))
    for k in range(count):
        smooth[:, k, :, k] = bend[k] ** 2 * even + pull[k] * np.eye(frames)
    smooth = smooth.reshape(frames * count, frames * count)
    x, step = origin.copy(), 1e-4
    # of the root the way itself shall be even, of the legs what is changed
    base = np.concatenate([origin[:, : len(columns)], np.zeros((frames, 3))], axis=1)

    def soles_of(x: Array) -> Array:
        values = parameters.copy()
        values[:, columns] = x[:, : len(columns)]
        return soles.places(body.pose(values).joints) + x[:, None, None, len(columns) :]

    def slope(x: Array) -> Array:
        """The gradient of what is near and smooth."""
        changed = x - base
        return np.asarray(even @ changed * bend**2 + pull * (x - origin))

    once = np.zeros(contact.shape, bool)
    weight = np.repeat(np.where(contact, 1 / sharp, 0.0)[..., None], 3, axis=-1)
    for _ in range(_STEPS):
        now = soles_of(x)
        off = now - anchors
        # what was below the floor once is held on it, or it would sink again in every second step
        once |= now[..., 1] < 0
        under = once & (now[..., 1] < _SUNK) & ~contact
        off[..., 1] = np.where(under, now[..., 1], off[..., 1])
        scale = weight.copy()
        scale[..., 1] = np.where(under, 1 / _FLOOR, scale[..., 1])
        jacobian = np.stack([(soles_of(x + step * axis) - now) / step for axis in np.eye(count)], -1)
        rows = (jacobian * scale[..., None]).reshape(frames, -1, count)
        gradient = np.einsum("fmi,fm->fi", rows, (off * scale).reshape(frames, -1)) + slope(x)
        stuck = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        system = smooth.copy().reshape(frames, count, frames, count)
        system[np.arange(frames), :, np.arange(frames)] += np.einsum("fmi,fmj->fij", rows, rows)
        system = system.reshape(frames * count, -1)
        fixed = stuck.ravel()
        system[fixed], system[:, fixed] = 0.0, 0.0
        system[fixed, fixed] = 1.0
        move = -np.linalg.solve(system, np.where(fixed, 0.0, gradient.ravel())).reshape(frames, count)
        turn = float(np.abs(move[:, : len(columns)]).max())
        x = np.clip(x + move * min(1.0, 0.4 / max(turn, 1e-9)), low, high)
        if np.abs(move).max() < 1e-3:
            break
    result = parameters.copy()
    result[:, columns] = x[:, : len(columns)]
    return result, x[:, len(columns) :]


def _kept(contact: Bools, holds: Bools, least: int) -> Bools:
    """(F, 2, 4) the contacts that hold, long enough and toes and ball alike."""
    out = contact & holds
    out[..., list(_TOES)] = out[..., list(_TOES)].all(axis=-1)[..., None]
    for side in range(2):
        for point in range(4):
            for a, b in runs(out[:, side, point]):
                if b - a < least:
                    out[a:b, side, point] = False
    return out


def _drift(places: Array, contact: Bools) -> float:
    """The most that a point moves within a contact, mm."""
    worst = 0.0
    for side in range(2):
        for point in range(4):
            for a, b in runs(contact[:, side, point]):
                middle = np.median(places[a:b, side, point], axis=0) * [1.0, 0.0, 1.0]
                worst = max(worst, 10 * float(np.linalg.norm(places[a:b, side, point] - middle, axis=1).max()))
    return worst
