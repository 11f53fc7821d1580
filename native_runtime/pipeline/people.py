"""Which people of a photo are chosen, and why there is nobody."""

from __future__ import annotations

from collections.abc import Sequence

from native_runtime.errors import NoPersonError, Remedy, UsageError

#: Pixels: people who are less tall are not found.
_LEAST_TALL = 40
#: Pixels: a person of that height is at least so wide, and a picture that is narrower shows nobody.
_LEAST_WIDE = 8


def choose_people(wanted: str | Sequence[int], count: int) -> list[int]:
    """Numbers of the people meant by ``"largest"``, ``"all"`` or a list of numbers, of ``count`` people there are.

    Raises:
        UsageError: the request makes no sense.
        NoPersonError: there is no person of that number.
    """
    if wanted == "largest":
        return [0]
    if wanted == "all":
        return list(range(count))
    if isinstance(wanted, str):
        raise UsageError(f"People are chosen by 'largest', 'all' or numbers, not {wanted!r}.")
    if not wanted or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in wanted):
        raise UsageError(f"People are chosen by one or more whole numbers from 0, not by {list(wanted)!r}.")
    beyond = [number for number in wanted if number >= count]
    if beyond:
        there = "is only person {first}" if count == 1 else "are people {first} to {last}, the largest first"
        text = f"There is no person {{wanted}} in this photo; there {there}."
        raise NoPersonError(text, wanted=beyond[0], first=0, last=count - 1)
    return list(dict.fromkeys(wanted))


def why_nobody(size: tuple[int, int]) -> tuple[str, Remedy | None]:
    """Why nobody was found in a photo of a size (width, height) px, and what to do."""
    if max(size) < _LEAST_TALL or min(size) < _LEAST_WIDE:
        return (
            f"nobody was found: at {size[0]} x {size[1]} pixels this picture is too small to show a person, who should "
            f"be at least {_LEAST_TALL} pixels tall. Choose a larger one.",
            None,
        )
    return (
        f"nobody was found in this photo. A person should be at least {_LEAST_TALL} pixels tall. Crop the photo.",
        Remedy.NAME_BOX,
    )
