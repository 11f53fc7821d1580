"""What was seen in each frame of a take, on disk: a run that was interrupted goes on where it was.

One file a frame, which appears whole or not at all, under ``NAME_frames``. A note beside them says what they depend on;
frames that were read under other settings are read again. They are kept for the next run (another person, corrected
tracks, prompts), and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.errors import UsageError
from native_runtime.files.atomic import atomic_file, write_atomically

from .camera_motion import Turn
from .observations import OUTLINE, FrameObservation
from .tracks import Sighting

_REVISION = 3
"""To be raised when frames are read in another way, so that those of before are read again."""
_NOTE = "settings.json"
_END = "end"
_SIGHTING = ("box", "points", "weights", "look")


@dataclass(frozen=True, eq=False)
class SeenPerson:
    """Somebody in a frame.

    Attributes:
        sighting: where, for the question who it is.
        observation: what is seen of them, for the fit.
    """

    sighting: Sighting
    observation: FrameObservation


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """What was seen in a frame.

    Attributes:
        number: of the frame in the footage.
        time: s.
        people: everybody, each once.
        cut: whether another scene begins here.
        turn: how the camera turned since the frame before.
        search: whether nothing is needed from the frame before to read this one.
    """

    number: int
    time: float
    people: tuple[SeenPerson, ...]
    cut: bool = False
    search: bool = False
    turn: Turn = field(default_factory=Turn.none)

    @property
    def sightings(self) -> list[Sighting]:
        return [person.sighting for person in self.people]


class FrameStore:
    """The frames of a take in a folder.

    Args:
        folder: made where it does not exist.
        depends: everything that the content of frames depends on, ready for JSON; frames that were read otherwise are
            removed. None: those that are there are meant.

    Attributes:
        folder: of the frames.
        settings: a digest of what the content of frames depends on.

    Raises:
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path, depends: Mapping[str, Any] | None) -> None:
        self.folder = folder
        known = ""
        with suppress(OSError, ValueError):
            known = (folder / _NOTE).read_text(encoding="utf-8")
        wanted = known if depends is None else json.dumps({"revision": _REVISION, **depends}, sort_keys=True)
        if depends is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if known != wanted:
            self.forget(self.numbers())
            for path in folder.glob("*.json"):
                path.unlink()
            write_atomically(folder / _NOTE, wanted.encode())
        self.settings = hashlib.sha256(wanted.encode()).hexdigest()

    def numbers(self) -> list[int]:
        """The frames that are there, in order."""
        found = (re.fullmatch(r"(\d{6,})\.npz", path.name) for path in self.folder.iterdir())
        return sorted(int(match.group(1)) for match in found if match)

    def forget(self, numbers: Sequence[int]) -> None:
        """Remove frames, later ones first: what remains is a beginning, whenever that is interrupted."""
        (self.folder / _END).unlink(missing_ok=True)
        for number in sorted(numbers, reverse=True):
            self._path(number).unlink(missing_ok=True)

    def finish(self) -> None:
        """Note that the footage has no more frames than there are."""
        write_atomically(self.folder / _END, b"")

    @property
    def finished(self) -> bool:
        """Whether the footage has no more frames than there are."""
        return (self.folder / _END).exists()

    def keep(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep something beside the frames, under a name, that goes when they are read again."""
        write_atomically(self.folder / f"{name}.json", json.dumps(content).encode())

    def kept(self, name: str) -> dict[str, Any] | None:
        """What was kept under a name; None where nothing is, or it is damaged."""
        try:
            content = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def write(self, frame: SeenFrame) -> None:
        """Keep a frame; when this returns, it is whole on the disk.

        Raises:
            OSError: the disk takes no more.
        """
        about = {
            "number": frame.number,
            "time": frame.time,
            "cut": frame.cut,
            "search": frame.search,
            "rotation": frame.turn.rotation.tolist(),
            "share": frame.turn.share,
            "people": len(frame.people),
        }
        arrays: dict[str, NDArray[Any]] = {"about": np.array(json.dumps(about))}
        for place, person in enumerate(frame.people):
            arrays |= {f"{place}.sighting.{name}": getattr(person.sighting, name) for name in _SIGHTING}
            arrays |= {f"{place}.{name}": value for name, value in person.observation.to_arrays().items()}
        # masks are large and smooth: packed they take a tenth
        with (
            atomic_file(self._path(frame.number)) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
                archive.writestr(f"{name}.npy", buffer.getvalue())

    def read(self, number: int) -> SeenFrame | None:
        """A frame; None where it is not there or damaged, and is to be read again."""
        return self._read(number, lambda arrays, place: FrameObservation.from_arrays(_of(arrays, f"{place}.")))

    def outline(self, number: int) -> SeenFrame | None:
        """As ``read``, without the observations: quick, and enough to tell who is who."""
        return self._read(number, lambda arrays, place: FrameObservation(number))

    def observation(self, number: int, place: int, mask: bool = True) -> FrameObservation:
        """What is seen of one person of a frame.

        Args:
            place: among the people of the frame.
            mask: whether with the person's outline, which is large.

        Raises:
            UsageError: the frame is gone or damaged.
        """
        try:
            with np.load(self._path(number), allow_pickle=False) as arrays:
                return FrameObservation.from_arrays(_of(arrays, f"{place}.", mask))
        except Exception as error:  # see `_read`
            raise UsageError(f"Frame {number} in {self.folder} is damaged. Remove the folder and run again.") from error

    def _read(self, number: int, observed: Any) -> SeenFrame | None:
        try:
            with np.load(self._path(number), allow_pickle=False) as arrays:
                about = json.loads(str(arrays["about"]))
                people = tuple(
                    SeenPerson(
                        Sighting(*(np.asarray(arrays[f"{place}.sighting.{name}"], np.float64) for name in _SIGHTING)),
                        observed(arrays, place),
                    )
                    for place in range(int(about["people"]))
                )
                return SeenFrame(
                    int(about["number"]),
                    float(about["time"]),
                    people,
                    bool(about["cut"]),
                    bool(about["search"]),
                    Turn(np.asarray(about["rotation"], np.float64).reshape(3, 3), float(about["share"])),
                )
        except Exception:  # numpy and zipfile raise many kinds for damaged files; the frame is read again
            return None

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"


def _of(arrays: Any, prefix: str, mask: bool = True) -> dict[str, NDArray[Any]]:
    left_out = [f"{prefix}sighting."] if mask else [f"{prefix}sighting.", f"{prefix}{OUTLINE}"]
    return {
        name.removeprefix(prefix): arrays[name]
        for name in arrays.files
        if name.startswith(prefix) and not name.startswith(tuple(left_out))
    }
