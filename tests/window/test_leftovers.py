"""Switching the extension off and on again, and reloading it, leaves nothing behind and doubles nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from .blender import Blender
from .conftest import MAKING_S, Opener

pytestmark = [pytest.mark.slow, pytest.mark.real_blender]

WRIST = 41
LISTENING_S = 30.0
#: What comes and goes with work.
PASSING = ("timer", "thread", "child process")


def test_switched_off_it_leaves_nothing(open_blender: Opener, photos: Path) -> None:
    blender = open_blender(640, 480)
    blender.call("scene.empty")
    fresh = lasting(blender)
    assert {word.split()[0] for word in fresh} >= {"type", "operator", "property", "handler", "menu"}
    assert [word for word, count in fresh.items() if count > 1] == []

    def works() -> None:
        before = pinned(blender)
        blender.call("leftovers.drag", keypoint=WRIST, right=8.0)
        blender.wait(lambda: pinned(blender) != before and not blender.call("scene.waiting"), MAKING_S)
        assert {state for state, _ in blender.call("scene.statuses").values()} == {"idle"}

    blender.call("scene.make_character", photo=str(photos / "dancing.jpg"), body="default-lod2")
    blender.wait(lambda: bool(blender.call("scene.rigs")), MAKING_S)
    works()
    assert blender.call("leftovers.traces").get("child process") == 1
    working = lasting(blender)  # with what listens to Blender since there is a character
    assert working.items() > fresh.items()
    assert [word for word, count in working.items() if count > 1] == []

    def all_there() -> bool:
        return lasting(blender) == working

    for again in (works, lambda: None):
        blender.call("leftovers.switch", on=False)
        time.sleep(1.5)
        assert blender.call("leftovers.traces") == {}
        blender.call("leftovers.switch", on=True)
        blender.wait(all_there, LISTENING_S)
        again()

    for again in (works, lambda: None):
        blender.call("leftovers.reload")
        blender.wait(all_there, LISTENING_S)
        assert blender.call("leftovers.traces").get("child process", 0) <= 1
        again()

    # in the middle of a request
    blender.call("leftovers.drag", keypoint=WRIST, right=8.0)
    blender.wait(lambda: blender.call("scene.waiting"), MAKING_S)
    blender.call("leftovers.switch", on=False)
    time.sleep(1.5)
    assert blender.call("leftovers.traces") == {}
    blender.call("leftovers.switch", on=True)  # Blender remembers it, and other tests have the same preferences
    blender.wait(all_there, LISTENING_S)
    assert blender.complaints == []
    assert blender.quit() == 0


def lasting(blender: Blender) -> dict[str, int]:
    """The traces that are there all the time."""
    return {word: count for word, count in blender.call("leftovers.traces").items() if not word.startswith(PASSING)}


def pinned(blender: Blender) -> list[float]:
    """Where the wrist's handle was settled."""
    return blender.call("scene.standing")["handles"]["right_wrist"]["place"]
