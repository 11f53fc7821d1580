"""What is kept of photos stays within its bound."""

from __future__ import annotations

from dataclasses import dataclass

from native_runtime.engines.sam3d_body.memory import Kept


@dataclass(frozen=True)
class Thing:
    nbytes: int


def test_the_least_recently_used_goes_first() -> None:
    kept = Kept(limit=100)
    for key in "abc":
        kept.put("photo", key, Thing(30))
    assert kept.get("photo", "a") is not None
    kept.put("photo", "d", Thing(30))
    assert [kept.get("photo", key) is not None for key in "abcd"] == [True, False, True, True]
    assert (kept.bytes, kept.dropped) == (90, 1)


def test_one_thing_stays_however_large() -> None:
    kept = Kept(limit=10)
    kept.put("photo", "small", Thing(5))
    kept.put("photo", "large", Thing(50))
    assert kept.get("photo", "large") is not None
    assert kept.get("photo", "small") is None
    assert (kept.bytes, kept.dropped) == (50, 1)


def test_a_thing_replaces_an_older_one() -> None:
    kept = Kept(limit=100)
    kept.put("photo", "a", Thing(60))
    kept.put("photo", "a", Thing(70))
    assert (kept.bytes, kept.dropped) == (70, 0)


def test_an_owner_takes_only_its_own_along() -> None:
    kept = Kept(limit=100)
    kept.put("first", "a", Thing(10))
    kept.put("second", "a", Thing(20))
    kept.release("first")
    assert kept.get("first", "a") is None
    assert kept.get("second", "a") is not None
    assert kept.bytes == 20
