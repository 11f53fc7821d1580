"""People who sit, lie, kneel, crouch or go on all fours, drawn at random from rules: of these, motion capture has none.

Everything is said in directions of limbs, for somebody who faces +z, y up, whose left is +x. Nothing here was taken
from the poses of ``poses.json``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from native_runtime.mhr.rotations import rotation_vector_to_matrix

from .mocap import Clip, drawn
from .posture import Posture, torso_frame

Array = NDArray[np.float64]
_ARMS = ("upper_arm", "forearm")
_NOISE = math.radians(4.0)


def random_position(kind: str, pool: list[Clip], rng: np.random.Generator) -> Posture:
    """A posture of a kind of ``KINDS``; half of the arms come from motion capture (``pool``)."""
    segments, tags, free = KINDS[kind](rng)
    if free and rng.random() < 0.5:
        segments |= _arms_of(drawn(pool, rng), segments)
    noisy = {name: _turned_a_little(way, rng) for name, way in segments.items()}
    frame = torso_frame(noisy)
    nod, turn, lean = rng.normal(0, (0.25, 0.4, 0.12))
    head = frame @ rotation_vector_to_matrix(np.array([0.0, turn, 0.0]))
    head = head @ rotation_vector_to_matrix(np.array([nod, 0.0, lean])) @ np.diag([-1.0, 1.0, 1.0])
    return Posture(noisy, head, kind, tags)


def _way(azimuth: float, elevation: float, side: str = "l") -> Array:
    """(3,) from degrees: azimuth 0 is ahead and 90 to the limb's own side, elevation 90 is up."""
    a, e = math.radians(azimuth), math.radians(elevation)
    out = 1.0 if side == "l" else -1.0
    return np.array([out * math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


def _trunk(lean: float, aside: float, twist: float) -> dict[str, Array]:
    """Trunk and shoulders, from degrees that it leans ahead and to its left, and turns to its left."""
    lean_, aside_, twist_ = (math.radians(v) for v in (lean, aside, twist))
    up = np.array([math.sin(aside_), math.cos(aside_) * math.cos(lean_), math.cos(aside_) * math.sin(lean_)])
    left = np.array([math.cos(twist_), 0.0, -math.sin(twist_)])
    left -= up * (left @ up)
    return {"hips": np.array([1.0, 0.0, 0.0]), "trunk": up, "shoulders": left / np.linalg.norm(left)}


def _turned_a_little(way: Array, rng: np.random.Generator) -> Array:
    moved = way + rng.normal(0, _NOISE, 3)
    result: Array = moved / np.linalg.norm(moved)
    return result


def _arms_of(posture: Posture, segments: dict[str, Array]) -> dict[str, Array]:
    """The arms of a posture, held to another one's trunk as to its own."""
    turn = torso_frame(segments) @ torso_frame(posture.segments).T
    return {f"{s}_{part}": turn @ posture.segments[f"{s}_{part}"] for s in "lr" for part in _ARMS}


def _arms(rng: np.random.Generator, style: str) -> dict[str, Array]:
    """Both arms of an upright trunk, each a little different."""
    found: dict[str, Array] = {}
    for s in "lr":
        u = rng.uniform
        upper, fore = {
            "hanging": (_way(u(40, 110), u(-85, -70), s), _way(u(0, 40), u(-85, -60), s)),
            "lap": (_way(u(10, 60), u(-75, -55), s), _way(u(-45, -15), u(-35, -8), s)),
            "knees": (_way(u(0, 30), u(-60, -40), s), _way(u(-10, 15), u(-35, -10), s)),
            "behind": (_way(u(130, 170), u(-65, -45), s), _way(u(120, 175), u(-85, -65), s)),
            "raised": (_way(u(20, 80), u(10, 60), s), _way(u(-30, 40), u(40, 85), s)),
            "chin": (_way(u(-5, 20), u(-60, -35), s), _way(u(-40, -15), u(40, 65), s)),
        }[style]
        found |= {f"{s}_upper_arm": upper, f"{s}_forearm": fore}
    return found


def _mixed_arms(rng: np.random.Generator, *styles: str) -> dict[str, Array]:
    left, right = (_arms(rng, str(rng.choice(styles))) for _ in "lr")
    return {name: (left if name[0] == "l" else right)[name] for name in left}


def _leg(
    side: str, thigh: tuple[float, float], shank: tuple[float, float], foot: tuple[float, float]
) -> dict[str, Array]:
    return {f"{side}_thigh": _way(*thigh, side), f"{side}_shank": _way(*shank, side), f"{side}_foot": _way(*foot, side)}


_Drawn = tuple[dict[str, Array], tuple[str, ...], bool]


def _chair(rng: np.random.Generator) -> _Drawn:
    u, result = rng.uniform, _trunk(rng.uniform(-25, 30), rng.normal(0, 6), rng.normal(0, 12))
    style = str(rng.choice(["plain", "wide", "crossed", "ankle on knee", "stretched", "tucked"]))
    over = str(rng.choice(["l", "r"]))
    for s in "lr":
        if style == "crossed" and s == over:
            leg = _leg(s, (u(-18, -10), u(10, 18)), (u(-30, -12), u(-75, -55)), (0, u(-50, -20)))
        elif style == "ankle on knee" and s == over:
            leg = _leg(s, (u(35, 50), u(5, 15)), (u(-85, -70), u(-12, 2)), (0, u(-40, 0)))
        else:
            spread = {"wide": u(25, 45), "crossed": u(-2, 6)}.get(style, u(2, 18))
            tilt = {"stretched": u(-40, -18), "tucked": u(-125, -105)}.get(style, u(-102, -72))
            leg = _leg(s, (spread, u(-10, 8)), (spread * u(0, 1), tilt), (spread, u(-30, 0)))
        result |= leg
    return result | _mixed_arms(rng, "lap", "knees", "hanging", "chin"), ("sitting", style), True


def _floor(rng: np.random.Generator) -> _Drawn:
    u, style = rng.uniform, str(rng.choice(["long", "crosslegged", "knees up", "side"]))
    result = _trunk(rng.uniform(-25, 15), rng.normal(0, 5), rng.normal(0, 12))
    for s in "lr":
        if style == "long":
            result |= _leg(s, (u(3, 25), u(-4, 6)), (u(3, 25), u(-8, 0)), (u(0, 20), u(30, 70)))
        elif style == "crosslegged":
            result |= _leg(s, (u(48, 62), u(2, 14)), (u(-80, -62), u(-18, -6)), (u(-60, -20), u(-20, 10)))
        elif style == "knees up":
            result |= _leg(s, (u(2, 20), u(38, 58)), (u(0, 10), u(-70, -48)), (0, u(-20, 0)))
        else:
            bent = (s == "l") == bool(rng.random() < 0.5)
            knee = (u(-110, -60), u(-8, 2)) if bent else (u(0, 15), u(-8, 0))
            result |= _leg(s, (u(35, 60), u(-4, 8)), knee, (0, u(-20, 20)))
    arms = {"knees up": ("behind", "knees")}.get(style, ("lap", "knees", "behind"))
    return result | _mixed_arms(rng, *arms), ("floor", style), False


def _kneeling(rng: np.random.Generator) -> _Drawn:
    u, style = rng.uniform, str(rng.choice(["upright", "on heels", "one knee"]))
    result = _trunk(rng.uniform(-5, 35), rng.normal(0, 5), rng.normal(0, 12))
    front = str(rng.choice(["l", "r"]))
    for s in "lr":
        spread = u(3, 16)
        if style == "on heels":
            result |= _leg(s, (spread, u(-14, -4)), (180 - u(0, 8), u(-4, 2)), (180, u(-25, -5)))
        elif style == "one knee" and s == front:
            result |= _leg(s, (spread, u(-12, 6)), (u(-5, 10), u(-100, -85)), (0, u(-25, -10)))
        else:
            result |= _leg(s, (u(0, 40), u(-97, -82)), (180 - u(0, 12), u(-6, 2)), (180, u(-60, -20)))
    return result | _mixed_arms(rng, "hanging", "lap", "raised"), ("kneeling", style), True


def _all_fours(rng: np.random.Generator) -> _Drawn:
    u = rng.uniform
    result = _trunk(u(70, 98), rng.normal(0, 4), rng.normal(0, 6))
    for s in "lr":
        result |= _leg(s, (u(-10, 30), u(-100, -75)), (180 - u(0, 10), u(-6, 3)), (180, u(-60, -20)))
        result[f"{s}_upper_arm"] = _way(u(0, 60), u(-88, -68), s)
        result[f"{s}_forearm"] = _way(u(-30, 30), u(-90, -78), s)
    return result, ("all fours",), False


def _squatting(rng: np.random.Generator) -> _Drawn:
    u = rng.uniform
    result = _trunk(u(25, 60), rng.normal(0, 5), rng.normal(0, 10))
    for s in "lr":
        spread = u(12, 40)
        result |= _leg(s, (spread, u(-5, 25)), (180 + spread * 0.3, u(-72, -55)), (spread, u(-30, -12)))
    return result | _mixed_arms(rng, "knees", "raised", "hanging"), ("squatting",), True


def _lying(rng: np.random.Generator) -> _Drawn:
    """First as if it stood, its front ahead; then laid down."""
    u, style = rng.uniform, str(rng.choice(["back", "front", "side"]))
    result = _trunk(rng.normal(0, 4) + (12 if style == "side" else 0), rng.normal(0, 6), rng.normal(0, 5))
    for s in "lr":
        bent = rng.random() < (0.75 if style == "side" else 0.35)
        if style == "front":
            leg = ((90, u(-87, -68)), (u(60, 90), u(-88, -70)))
        elif bent and style == "back":
            leg = ((u(0, 25), u(-50, -25)), (180 - u(0, 20), u(-55, -30)))
        elif bent:
            leg = ((u(-5, 12), u(-60, 5)), (180 - u(0, 15), u(-70, -30)))
        else:
            leg = ((90, u(-88, -74)), (u(60, 100), u(-88, -76)))
        result |= _leg(s, leg[0], leg[1], (u(0, 60), u(-80, -40)))
        aside = {"back": (85, 100), "front": (70, 90), "side": (0, 35)}[style]
        lift = u(-75, 70)
        result[f"{s}_upper_arm"] = _way(u(*aside), lift, s)
        result[f"{s}_forearm"] = _way(u(*aside) - 20 * float(rng.random() < 0.5), lift + u(-30, 60), s)
    lay = {"back": np.array([-math.pi / 2, 0, 0]), "front": np.array([math.pi / 2, 0, 0]),
           "side": np.array([0.0, 0.0, float(rng.choice([-1, 1])) * math.pi / 2])}[style]  # fmt: skip
    turn = rotation_vector_to_matrix(lay)
    return {name: turn @ way for name, way in result.items()}, ("lying", style), False


KINDS: dict[str, Callable[[np.random.Generator], _Drawn]] = {
    "chair": _chair,
    "floor": _floor,
    "kneeling": _kneeling,
    "all fours": _all_fours,
    "squatting": _squatting,
    "lying": _lying,
}
