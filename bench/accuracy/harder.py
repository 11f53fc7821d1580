"""The harder set: poses that nothing was tuned to, seats, floors, children, people who touch, short lenses.

Every third picture is for tuning, and its poses come from the clips of motion capture that tuning may see; the others
are held out, with poses of the clips that are held out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from native_runtime.camera import CM_PER_M, MHR_TO_BLENDER, mhr_to_blender
from native_runtime.mhr import Body
from native_runtime.synthetic.builds import random_build
from native_runtime.synthetic.library import FINGERS, library, part_of
from native_runtime.synthetic.views import about_z

from . import children
from .figures import Figure
from .footing import footed
from .mocap import Clip, clips, drawn
from .overlap import OverlapMeter
from .plan import SURROUNDINGS, Plan, person_in, recognisable
from .positions import random_position
from .posture import Posture, retarget, segment_directions
from .truth import split_of
from .views import Habits, Placed, random_view

Array = NDArray[np.float64]

EVERY = 3
"""One picture in so many is for tuning."""
PICTURES = 270
"""So many make about 300 people."""
SHORT_LENSES = Habits((21.6, 38.9), (-0.1, 0.24, 0.62))
"""0.5 to 0.9 of the diagonal, and cameras that look up and down."""
_SCENES = {"mocap": 0.42, "chair": 0.12, "lying": 0.08, "kneeling": 0.06, "floor": 0.06, "all fours": 0.03,
           "squatting": 0.04, "child": 0.08, "touching": 0.11}  # fmt: skip
_MOST_OVERLAP = 0.008
"""Metres that a truth's parts may lie within each other."""
_TRIES = 10
_UP = np.array([0.0, 1.0, 0.0])
_TUMBLING = 0.35
"""A trunk this much less upright (its cosine) has no standing feet."""


def harder_plan(body: Body, coarse: Body, number: int, rng: np.random.Generator) -> Plan:
    """The picture of a number. ``coarse`` is another level of detail of ``body``, by which overlaps are found."""
    pool = _pool(split_of(number, EVERY))
    maker = _People(body, coarse, pool)
    scene = str(rng.choice(list(_SCENES), p=list(_SCENES.values())))
    cut, hidden = rng.random() < 0.2, rng.random() < 0.15
    if scene == "touching":
        placed = maker.couple(rng)
    else:
        placed = [maker.placed(rng, "mocap" if scene == "child" else scene, scene == "child")]
    points = np.concatenate([np.asarray(p.vertices(body), np.float64)[::7] for p in placed])
    for attempt in range(40):
        cut = cut and attempt < 30  # some poses cannot be cut so that anything is left of them
        view = random_view(points, rng, cut, SHORT_LENSES)
        if cut and not recognisable(body, placed[0], view):
            continue
        if all((person_in(body, p, view, {}).vertices[:, 2] > 0.3).all() for p in placed):
            break
    kind = str(rng.choice(SURROUNDINGS, p=[0.12, 0.4, 0.33, 0.15]))
    return Plan(tuple(placed), view, kind, bool(cut), bool(hidden), {"scene": scene})


@cache
def _pool(split: str) -> list[Clip]:
    return clips(split)


@cache
def _meter(coarse: Body) -> OverlapMeter:
    return OverlapMeter(coarse)


class _People:
    """Makes people of one pool of clips."""

    def __init__(self, body: Body, coarse: Body, pool: list[Clip]) -> None:
        self.body, self.coarse, self.pool, self.meter = body, coarse, pool, _meter(coarse)

    def placed(self, rng: np.random.Generator, kind: str, child: bool) -> Placed:
        """Somebody at the origin, facing the viewer at -y more often than not."""
        return self._put(self.figure(rng, kind, child), rng)

    def _put(self, figure: Figure, rng: np.random.Generator) -> Placed:
        narrow = figure.tags[0] != "mocap" or rng.random() < 0.5
        yaw = float(rng.uniform(-1.3, 1.3) if narrow and rng.random() < 0.6 else rng.uniform(-np.pi, np.pi))
        draft = Placed(figure, yaw, np.zeros(3))
        return replace(draft, root=np.array([0.0, 0.0, -float(draft.vertices(self.body)[:, 2].min())]))

    def figure(self, rng: np.random.Generator, kind: str, child: bool) -> Figure:
        """Somebody in a pose of motion capture, or in a position of ``positions.KINDS``, not within themselves."""
        build = _child(self.body, rng) if child else random_adult(self.body, rng)
        best: tuple[float, Figure] | None = None
        for _ in range(_TRIES):
            posture = drawn(self.pool, rng) if kind == "mocap" else random_position(kind, self.pool, rng)
            figure = self._answer(posture, build, rng)
            depth = self._overlap(figure)
            if best is None or depth < best[0]:
                best = depth, figure
            if depth <= _MOST_OVERLAP:
                break
        assert best is not None
        return replace(best[1], about=best[1].about | {"overlap_mm": round(1000 * best[0], 1)})

    def _answer(
        self, posture: Posture, build: Figure, rng: np.random.Generator, reach: dict[str, Array] | None = None
    ) -> Figure:
        met = retarget(self.body, posture, reach)
        upright = posture.segments["trunk"] @ _UP > _TUMBLING
        standing = posture.tags[0] in ("mocap", "squatting") and upright and reach is None
        values = footed(self.body, met.parameters, ("upright",), _UP) if standing else met.parameters
        values = with_hands(self.body, values, rng) + build.parameters
        said = {"missed_degrees": round(met.limbs, 2), "missed_most": round(max(met.missed.values()), 1)}
        return replace(build, parameters=values, pose=posture.label, tags=posture.tags, about=build.about | said)

    def _overlap(self, figure: Figure) -> float:
        return self.meter.within_itself(self._coarse(figure)).depth

    def _coarse(self, figure: Figure) -> Array:
        """(V, 3) m of the coarse body, MHR axes."""
        return figure.posed(self.coarse)[1] / 100

    # --- two who touch -----------------------------------------------------------------------------------------------

    def couple(self, rng: np.random.Generator) -> list[Placed]:
        """Two people, pushed together until they touch; often one lays a hand on the other."""
        for _ in range(_TRIES):
            kinds_ = ["chair", "chair"] if rng.random() < 0.25 else ["mocap", "mocap"]
            one, other = (self.figure(rng, kind, bool(k and rng.random() < 0.25)) for k, kind in enumerate(kinds_))
            if not all(f.tags[0] == "sitting" or self._stands(f) for f in (one, other)):
                continue
            first = self._put(one, rng)
            facing = first.yaw + float(rng.choice([0.0, rng.normal(0, 0.5), np.pi])) + float(rng.normal(0, 0.2))
            second = replace(self._put(other, rng), yaw=facing)
            way = np.array([rng.choice([-1.0, 1.0]), rng.normal(0, 0.4), 0.0])
            second = self._pushed(first, second, way / np.linalg.norm(way))
            if rng.random() < 0.6:
                second = self._with_hand_on(first, second, rng) or second
            if self._between(first, second) <= _MOST_OVERLAP:
                return [first, second]
        return [first, second]

    def _stands(self, figure: Figure) -> bool:
        joints = figure.posed(self.body)[0]
        place = {name: joints[self.body.joint_index(name)] for name in ("c_neck", "root", "l_foot", "r_foot")}
        feet = min(place["l_foot"][1], place["r_foot"][1])
        return bool(
            place["root"][1] - feet > 60 * figure.size and place["c_neck"][1] > place["root"][1] + 30 * figure.size
        )

    def _between(self, first: Placed, second: Placed) -> float:
        return self.meter.between(first.vertices(self.coarse), second.vertices(self.coarse))

    def _pushed(self, first: Placed, second: Placed, way: Array) -> Placed:
        """``second`` comes from far along ``way`` until its skin is a centimetre from ``first``'s."""
        tree = cKDTree(first.vertices(self.body))
        mesh = np.asarray(second.vertices(self.body), np.float64)
        away = 3.0
        for _ in range(60):
            gap = float(tree.query(mesh + way * away)[0].min())
            if gap < 0.011 or away < 0.05:
                break
            away -= max(0.6 * (gap - 0.008), 0.003)
        return replace(second, root=second.root + way * away)

    def _with_hand_on(self, first: Placed, second: Placed, rng: np.random.Generator) -> Placed | None:
        """``second`` with a hand on the other's shoulder, back, arm or hand; None where it does not come out."""
        body = self.body
        joints = first.figure.posed(body)[0]
        surface = np.asarray(first.vertices(body), np.float64)
        pivot = joints[body.joint_index("root")]
        name = str(rng.choice(["l_uparm", "r_uparm", "c_spine3", "l_lowarm", "r_wrist", "l_wrist", "c_spine1"]))
        goal = first.root + _to_world(first, joints[body.joint_index(name)] - pivot)
        # The nearest skin towards the other person, plus half a hand.
        towards = second.root - goal
        towards[2] = 0.0
        towards /= max(float(np.linalg.norm(towards)), 1e-6)
        near = surface[np.linalg.norm(surface - goal, axis=1) < 0.2]
        height = float(((near - goal) @ towards).max()) if len(near) else 0.08
        goal = goal + towards * (min(height, 0.14) + 0.02)
        figure = second.figure
        own = figure.posed(body)[0]
        root = own[body.joint_index("root")]
        side = min("lr", key=lambda s: float(np.linalg.norm(
            second.root + _to_world(second, own[body.joint_index(f"{s}_uparm")] - root) - goal)))  # fmt: skip
        local = _from_world(second, goal - second.root)
        wrist = local - 8.0 * figure.size * (local / np.linalg.norm(local))
        posture = _posture_of(body, figure, without=side)
        build = replace(figure, parameters=_only_scales(body, figure.parameters))
        moved = replace(second, figure=self._answer(posture, build, rng, {f"{side}_wrist": wrist / figure.size}))
        if self._overlap(moved.figure) > _MOST_OVERLAP or self._between(first, moved) > _MOST_OVERLAP:
            return None
        return moved


def _to_world(placed: Placed, arm: Array) -> Array:
    """cm in MHR axes to m in the world."""
    result: Array = mhr_to_blender(arm) @ about_z(placed.yaw).T
    return result


def _from_world(placed: Placed, arm: Array) -> Array:
    """m in the world to cm in MHR axes."""
    result: Array = (arm @ about_z(placed.yaw)) @ MHR_TO_BLENDER * CM_PER_M
    return result


def _posture_of(body: Body, figure: Figure, without: str) -> Posture:
    """The posture that a figure has, without the arm of a side."""
    segments = segment_directions(body, figure.posed(body)[0])
    for part in ("upper_arm", "forearm"):
        del segments[f"{without}_{part}"]
    return Posture(segments, None, f"{figure.pose}, hand on the other", figure.tags)


def _only_scales(body: Body, parameters: Array) -> Array:
    return np.where([name.startswith("scale_") for name in body.parameter_names], parameters, 0.0)


def with_hands(body: Body, values: Array, rng: np.random.Generator) -> Array:
    """A shape for each hand, and what motion capture does not tell about wrists and forearms."""
    result, hands = values.copy(), library()["hands"]
    for side in "lr":
        shape = hands[str(rng.choice(list(hands), p=_HAND_SHARES))]
        for index, name in enumerate(body.parameter_names):
            if name.startswith(f"{side}_") and part_of(name) in FINGERS:
                result[index] = shape.get(name[2:], 0.0) + rng.normal(0, 0.08)
        for name, spread in (("lowarm_twist", 0.3), ("wrist_ry", 0.2), ("wrist_rz", 0.2)):
            result[body.parameter_index(f"{side}_{name}")] += rng.normal(0, spread)
    limited = np.array([name[2:].split("_")[0].rstrip("0123456789") in (*FINGERS, "lowarm", "wrist")
                        for name in body.parameter_names])  # fmt: skip
    return np.where(limited, np.clip(result, body.limit_min, body.limit_max), result)


def _shares() -> list[float]:
    weights = [5.0 if name == "relaxed" else 1.0 for name in library()["hands"]]
    return [w / sum(weights) for w in weights]


_HAND_SHARES = _shares()


# --- builds ----------------------------------------------------------------------------------------------------------

_STATURES = {"female": (163.0, 6.5), "male": (176.5, 7.0)}
_MODEL_STATURE = 175.0
_SMALLER = {"scale_uplegs": -0.264, "scale_lowlegs": -0.264, "scale_spine_length": -0.352, "scale_neck_length": -0.057,
            "scale_uparms": -0.161, "scale_lowarms": -0.161}  # fmt: skip
"""What makes the default body 10.5 cm smaller."""


def random_adult(body: Body, rng: np.random.Generator) -> Figure:
    """A woman or a man of 18 to 80 years; the truth of both is kept."""
    sex = "female" if rng.random() < 0.5 else "male"
    sign = -1.0 if sex == "female" else 1.0
    years = float(rng.uniform(18, 80))
    old = float(np.clip((years - 25) / 50, -0.2, 1.1))
    mean, spread = _STATURES[sex]
    smaller = (_MODEL_STATURE - float(np.clip(rng.normal(mean, spread), 150, 196))) / 10.5
    identity, expression, scales = random_build(body, rng)
    scales = 0.5 * scales
    for name, step in _SMALLER.items():
        index = body.parameter_index(name)
        scales[index] = np.clip(scales[index] + smaller * step, body.limit_min[index], body.limit_max[index])
    chosen = {
        "gender": sign * rng.uniform(0.65, 1.1), "face_gender": sign * rng.uniform(0.5, 1.1),
        "hand_gender": sign * rng.uniform(0.5, 1.0), "age": old, "face_age": float(np.clip(old * 1.1 - 0.2, -0.5, 1.0)),
        "breasts": rng.normal(0, 0.5) if sex == "female" else rng.uniform(-0.3, 0.0),
        "weight": float(np.clip(rng.normal(0.15, 0.6), -0.9, 2.0)),
    }  # fmt: skip
    return _figure(body, _set(body, identity, chosen), expression, scales, {"sex": sex, "age": round(years, 1)})


def _child(body: Body, rng: np.random.Generator) -> Figure:
    """A girl or a boy of 3 to 13 years."""
    sex = "female" if rng.random() < 0.5 else "male"
    years = float(rng.uniform(*children.YEARS))
    identity, expression, scales = random_build(body, rng)
    scales, identity = 0.5 * scales, 0.5 * identity
    short = float(np.interp(years, [3, 13], [0.7, 0.0]))
    for name in ("scale_uplegs", "scale_lowlegs", "scale_uparms", "scale_lowarms"):
        index = body.parameter_index(name)
        scales[index] = np.clip(scales[index] - short, body.limit_min[index], body.limit_max[index])
    sign = -0.25 if sex == "female" else 0.25
    chosen = {"gender": sign, "face_gender": sign, "hand_gender": sign, "breasts": -0.9, "muscle": -0.5, "age": -0.2,
              "face_age": -0.9, "face_round": 0.5, "eye_opening": 0.5, "shoulders": -0.3, "hips": -0.2}  # fmt: skip
    head = children.head_scale(years)
    figure = _figure(body, _set(body, identity, chosen), expression, scales, {"sex": sex, "age": round(years, 1)})
    figure = replace(figure, head=head)
    upright = figure.posed(body)[1]
    stature = children.stature_cm(years) * float(np.exp(rng.normal(0, 0.04)))
    return replace(figure, size=stature / float(np.ptp(upright[:, 1])))


def _set(body: Body, identity: Array, values: dict[str, float]) -> Array:
    result = identity.copy()
    for name, value in values.items():
        if name in body.identity_names:
            result[list(body.identity_names).index(name)] = value
    return np.clip(result, body.identity_min, body.identity_max)


def _figure(body: Body, identity: Array, expression: Array, scales: Array, about: dict[str, Any]) -> Figure:
    return Figure(scales, identity, expression, "", (), about=about)
