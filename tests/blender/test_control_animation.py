"""A character that is animated through its controls by plain keys moves without a jump, and stands where it steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.control_animation import knees, play, slides, turning
from bench.control_clips import Actor, Clip, sit, walk
from native_runtime.mhr import Body

PLANTED = 1e-3  # m
#: Degrees a frame from one quarter of a frame to the next. A knee that snaps straight has 18, and a jump of any joint
#: four times its degrees.
JUMP = 6.0


@pytest.fixture(scope="module")
def real_body(default_body_path: Path) -> Body:
    """A coarse body with real proportions."""
    return Body.load(default_body_path.with_name("default-lod2.npz"))


def _check(actor: Actor, clip: Clip, jump: float, parts: int = 4) -> None:
    motion = play(actor, clip, parts)
    assert max(slides(actor, clip, motion).values()) < PLANTED
    _, change = turning(actor.body, motion)
    assert np.degrees(change.max()) < jump
    off, least = knees(actor, motion)
    assert np.degrees(off) < 2.0
    assert np.degrees(least) > 5.0


def test_walk(real_body: Body) -> None:
    actor = Actor(real_body)
    clip = walk(actor, 36)
    assert {(p.side, p.part) for p in clip.planted} == {(s, p) for s in "LR" for p in ("heel", "ball")}
    _check(actor, clip, JUMP)


def test_sit_down(real_body: Body) -> None:
    actor = Actor(real_body)
    clip = sit(actor, 90)
    _check(actor, clip, 1.0, parts=2)


def test_a_jump_is_seen(real_body: Body) -> None:
    """What these tests look at tells a leg that changes over without being snapped."""
    actor = Actor(real_body)
    clip = walk(actor, 12)
    for frame, ik in ((5.0, 1.0), (5.5, 0.0)):
        actor.controls["leg_ik.L"] = ik
        actor.controls.keyframe_insert('["leg_ik.L"]', frame=frame)
    motion = play(actor, clip)
    assert np.degrees(turning(real_body, motion)[1].max()) > JUMP
    assert max(slides(actor, clip, motion).values()) > PLANTED
