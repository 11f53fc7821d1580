"""A typed height: the whole body larger or smaller, as nearly alike as its sliders allow, and where it stands then.

In a photo, somebody twice as tall and twice as far away looks the same. So that a person stays on the photo, all of the
body is scaled and moved along the view by the same factor. MHR has no parameter for the size of a whole body: lengths
of the skeleton, sizes of the hands and coefficients of the shape together come near it, and least squares say how.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from native_runtime.camera import CM_PER_M, mhr_to_camera
from native_runtime.errors import UsageError
from native_runtime.fitting.problem import project, projection_jacobian
from native_runtime.mhr.state import PlacedState

from .bounded import least_squares_within
from .children import of_age_for
from .definitions import STATURE
from .measurer import Measurer
from .turning import turned_to_sight
from .typed import MET, Missed, Solved
from .unknowns import HEAD_SIZES, Unknowns

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]
State = TypeVar("State", bound=PlacedState)

_SAMPLED = 600
"""Vertices that stand for the surface."""
_JOINTS = 4.0
"""How much more the joints count than the surface, for the pose depends on them."""
_TIGHT = 0.01
"""Cm that the height may ordinarily be off, where the rest is off by one."""
_EASE = 0.05
"""What a change of a coefficient by 1 costs, in cm of the surface; lengths are free."""
_ROUNDS = 4
_HANDS = ("scale_l_hands", "scale_r_hands")
_HAND_PARTS = ("wrist", "thumb", "index", "middle", "ring", "pinky")
_TURNS = 6


def with_height(measurer: Measurer, parameters: ArrayLike, identity: ArrayLike, height: float) -> Solved:
    """A body of another height, otherwise as nearly alike as can be.

    Args:
        measurer: of the body.
        parameters: (204,) model parameters in any pose.
        identity: (n_id,) coefficients.
        height: cm, 50 to 250.

    Returns:
        the body, a child's where only children are so tall and the body knows ages. Lengths may leave their sliders'
        ranges, which are those of adults, but not what can be typed. Where even that is not enough, ``missed`` names
        the nearest height, which the body then has.

    Raises:
        UsageError: a height that nobody has.
    """
    check_height(height)
    standing = measurer.standing
    # children are no small adults: from that age's body on, it is scaled
    start, own = of_age_for(standing.body, parameters, identity, measurer.stature(parameters, identity), height)
    unknowns, count = Unknowns.of(standing), len(standing.lengths)
    first = np.concatenate([start[standing.lengths], own])
    low, high = np.minimum(unknowns.floor, first), np.maximum(unknowns.ceiling, first)
    fixed = (unknowns.ceiling <= unknowns.floor) | np.concatenate([np.zeros(count, bool), ~_sizes(standing.body)])
    low, high = np.where(fixed, first, low), np.where(fixed, first, high)
    before = standing.figure(start, first[count:])
    factor = height / measurer.stature(start, first[count:])
    scaled = _with_hands(measurer, start, factor)

    # hands have their own size; their joints say nothing of the lengths above them
    bodily = np.flatnonzero([
        not name.removeprefix("l_").removeprefix("r_").startswith(_HAND_PARTS[1:]) for name in standing.body.joint_names
    ])  # fmt: skip
    surface = _sample(measurer)
    moving = [standing.joint_motion[bodily], standing.vertex_motion(surface)]
    moving[0] = np.concatenate([moving[0], np.zeros((len(bodily), 3, len(first) - count))], axis=2)
    weights = np.concatenate([
        np.full(len(bodily), np.sqrt(_JOINTS / len(bodily))), np.full(len(surface), np.sqrt(1.0 / len(surface)))
    ])  # fmt: skip
    motion = np.concatenate(moving) * weights[:, None, None]
    place = np.broadcast_to(np.eye(3), (len(motion), 3, 3)) * weights[:, None, None]  # wherever it stands
    rows = np.concatenate([motion, place], axis=2).reshape(-1, len(first) + 3)
    ease = np.diag(np.concatenate([np.full(count, 1e-3), _EASE * np.sqrt(unknowns.costs[count:]), np.full(3, 1e-6)]))
    goal = factor * np.concatenate([before.joints[bodily], before.vertices[surface]])
    x = first.copy()
    for _ in range(_ROUNDS):
        figure = standing.figure(_full(measurer, scaled, x[:count]), x[count:])
        tall = measurer.read(figure, STATURE.key)
        assert tall is not None
        there = np.concatenate([figure.joints[bodily], figure.vertices[surface]])
        target = np.concatenate([
            ((goal - there) * weights[:, None]).ravel(),
            np.diag(ease)[:-3] * (first - x), np.zeros(3),
            [(height - tall.value) / _TIGHT],
        ])  # fmt: skip
        exact = np.concatenate([measurer.slopes(tall), np.zeros(3)])[None] / _TIGHT
        far = np.full(3, 1e4)
        step = least_squares_within(
            np.concatenate([rows, ease, exact]),
            target,
            np.concatenate([low - x, -far]),
            np.concatenate([high - x, far]),
        )
        x = x + step[:-3]
    solved, coefficients = _full(measurer, scaled, x[:count]), x[count:]
    values = measurer.measured(solved, coefficients).values
    reached = values[STATURE.key]
    missed = () if abs(reached - height) <= MET else (Missed(STATURE.key, height, reached),)
    return Solved(solved, coefficients, values, missed)


def check_height(height: float) -> None:
    """Refuse what is no height of a person.

    Raises:
        UsageError: it is out of range, or no number.
    """
    if not (np.isfinite(height) and STATURE.low <= height <= STATURE.high):
        raise UsageError(f"A height lies between {STATURE.low:g} and {STATURE.high:g} cm, not at {height:g} cm.")


def of_height(
    measurer: Measurer, state: State, intrinsics: ArrayLike, height: float, turning: bool = False
) -> tuple[State, Solved]:
    """A body before a camera, of another height and where it looks the same in the picture.

    The person moves along the line of sight of the root, as far as the height grew; then all of the place gives way a
    little, so that the points of the body are as near as can be to where they were in the picture.

    Args:
        measurer: of the body.
        state: the body as it stands now.
        intrinsics: (3, 3) px.
        height: cm, 50 to 250.
        turning: whether joints may turn a little for it; else the pose stays exactly.

    Returns:
        the state, and what was solved.

    Raises:
        UsageError: a height that nobody has.
    """
    body, camera = measurer.standing.body, np.asarray(intrinsics, np.float64)
    factor = height / measurer.stature(state.model_parameters, state.identity)
    solved = with_height(measurer, state.model_parameters, state.identity, height)
    factor *= solved.values[STATURE.key] / height
    root = body.pose(state.model_parameters).translations[body.joint_index("root")] / CM_PER_M
    offset = mhr_to_camera(root * CM_PER_M, np.zeros(3))
    place = factor * (offset + state.camera_translation) - offset
    moved = replace(state, model_parameters=solved.parameters, identity=solved.identity, camera_translation=place)
    before, after = _points(measurer, state), _points(measurer, moved)
    moved = replace(moved, camera_translation=place + _aligned(before, after, camera))
    return turned_to_sight(body, state, moved, factor) if turning else moved, solved


def _points(measurer: Measurer, state: PlacedState) -> Array:
    """(n, 3) m, camera axes: keypoints, and a sample of the surface."""
    body = measurer.standing.body
    pose = body.pose(state.model_parameters)
    vertices = body.posed_vertices(pose, state.identity, state.expression)
    points = np.concatenate([body.keypoints(pose, vertices), vertices[measurer.standing.kept[_sample(measurer)]]])
    return np.asarray(mhr_to_camera(points, state.camera_translation))


def _aligned(before: Array, after: Array, intrinsics: Array) -> Array:
    """(3,) m by which to move points so that they project as nearly as can be to where others did."""
    goal, shift = project(before, intrinsics), np.zeros(3)
    in_front = (before[:, 2] > 0.1) & (after[:, 2] > 0.1)
    if in_front.sum() < 3:
        return shift
    for _ in range(_TURNS):
        there = (after + shift)[in_front]
        slopes = projection_jacobian(there, intrinsics).reshape(-1, 3)
        off = (goal[in_front] - project(there, intrinsics)).ravel()
        shift = shift + np.linalg.lstsq(slopes, off, rcond=None)[0]
    return shift


def _sample(measurer: Measurer) -> NDArray[np.int64]:
    """Some of the kept vertices, spread over them: the same ones each time."""
    count = len(measurer.standing.kept)
    return np.unique(np.linspace(0, count - 1, min(count, _SAMPLED)).astype(np.int64))


def _with_hands(measurer: Measurer, parameters: Array, factor: float) -> Array:
    """Parameters with larger hands, within what can be typed."""
    body, grown = measurer.standing.body, parameters.copy()
    for name in _HANDS:
        index = body.parameter_index(name)
        low, high = min(-1.0, grown[index]), max(1.0, grown[index])
        grown[index] = np.clip(grown[index] + np.log2(factor), low, high)
    return grown


def _sizes(body: Body) -> NDArray[np.bool_]:
    """(n_id,) the coefficients that may help to scale a body: not those that give face or bust another form.

    Where a body has none for the size of its head (MHR's own have principal components), all may.
    """
    groups, names = body.identity_groups, body.identity_names
    if not set(HEAD_SIZES).issubset(map(str, names)):
        return np.ones(len(names), bool)
    return np.array([
        name in HEAD_SIZES or (group != "head" and not str(name).startswith("breasts"))
        for group, name in zip(groups, names)
    ])  # fmt: skip


def _full(measurer: Measurer, start: Array, values: Array) -> Array:
    parameters = start.copy()
    parameters[measurer.standing.lengths] = values
    return parameters
