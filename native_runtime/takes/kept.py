"""The fits of a take's people by what was seen alone, kept beside the frames: what prompts change is fitted from there.

Like the frames (``frames``) they may be deleted at any time; a run with the video makes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError, NewerFormatError

from .frames import FrameStore
from .observations import FrameObservation
from .take import Take

_KEPT = "kept"


@dataclass(frozen=True)
class KeptFit:
    """What a fit was made from.

    Attributes:
        made_of: everything that it depends on, ready for JSON.
        places: by the footage's number of a frame the person's place among those of the frame.
    """

    made_of: Mapping[str, Any]
    places: Mapping[int, int]


class KeptFits:
    """The fits in a folder of frames."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, take: Take, fit: KeptFit) -> None:
        """Keep a person's fit.

        Raises:
            OSError: the disk takes no more.
        """
        about = {
            "made_of": dict(fit.made_of),
            "places": [[frame, place] for frame, place in sorted(fit.places.items())],
        }
        replace(take, details={**take.details, _KEPT: about}).save(self._stem(take.person))

    def find(self, person: int) -> tuple[Take, KeptFit] | None:
        """A person's fit; None where none is kept, or it is damaged."""
        try:
            take = Take.load(f"{self._stem(person)}.npz")
            about = take.details[_KEPT]
            places = {int(frame): int(place) for frame, place in about["places"]}
            fit = KeptFit(dict(about["made_of"]), places)
        except (ModelError, NewerFormatError, KeyError, TypeError, ValueError):
            return None
        return replace(take, details={name: value for name, value in take.details.items() if name != _KEPT}), fit

    def read(self, person: int, made_of: Mapping[str, Any]) -> Take | None:
        """A person's fit; None where none is kept that was made of this."""
        found = self.find(person)
        return found[0] if found is not None and found[1].made_of == made_of else None

    def _stem(self, person: int) -> Path:
        return self._folder / f"person{person}"


def observer_of(frames: FrameStore, places: Mapping[int, int]) -> Callable[[int, bool], FrameObservation]:
    """Gives what was seen of a person in a frame, with or without the outline; nothing where they were hidden.

    Args:
        places: by frame, the person's among those of the frame.
    """

    def observed(number: int, mask: bool) -> FrameObservation:
        if number not in places:
            return FrameObservation(number)
        return frames.observation(number, places[number], mask)

    return observed
