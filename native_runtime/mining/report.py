"""What mining writes: ``mining.json``, and the contact sheet of whom to correct first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native_runtime.batch.photos import MINING_FILE, MINING_FORMAT
from native_runtime.errors import UsageError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format
from native_runtime.files.names import as_text
from native_runtime.render.contact_sheet import Entry, write_contact_sheet

from .judging import Judgement
from .kinds import TITLES, Kind
from .language_model.question import Described

FORMAT = Format(MINING_FORMAT)
NAME = MINING_FILE
SHEET = "contact_sheet"


@dataclass(frozen=True)
class MinedPerson:
    """A person of a photo, and what is thought of their estimate.

    Attributes:
        photo: relative path, with "/".
        person: number in the photo.
        estimate: the ``.npz`` file.
        judgement: what is thought.
        files: other files of the person, such as a .blend.
        described: what a language model said of the photo; None where it was not asked, or said nothing of use.
    """

    photo: str
    person: int
    estimate: Path
    judgement: Judgement
    files: tuple[Path, ...] = ()
    described: Described | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is hard about the photo: by the rules, then what the language model told besides."""
        told = self.described.kinds if self.described else ()
        return (*self.judgement.kinds, *(kind for kind in told if kind not in self.judgement.kinds))


@dataclass(frozen=True)
class Mined:
    """All that was mined.

    Attributes:
        photos, estimates: the folders.
        people: highest score first.
        chosen: numbers in ``people`` of those to correct first.
        failed: photos without any estimate, and why.
        left_out: photos that could not be looked at, estimates that could not be read, and why.
        options: what was asked for beyond that.
    """

    photos: Path
    estimates: Path
    people: Sequence[MinedPerson]
    chosen: Sequence[int]
    failed: Sequence[tuple[str, str]] = ()
    left_out: Sequence[tuple[str, str]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As in ``mining.json``."""
        chosen = set(self.chosen)
        return {
            "format": str(FORMAT),
            "photos": as_text(str(self.photos)),
            "estimates": as_text(str(self.estimates)),
            "options": dict(self.options),
            "people": [
                {
                    "rank": number + 1,
                    "photo": as_text(one.photo),
                    "person": one.person,
                    "estimate": as_text(str(one.estimate)),
                    "score": round(one.judgement.score, 4),
                    "chosen": number in chosen,
                    "kinds": list(one.kinds),
                    "reasons": list(one.judgement.reasons),
                    "described": None if one.described is None else one.described.to_json(),
                    "signs": one.judgement.signs.to_json(),
                }
                for number, one in enumerate(self.people)
            ],
            "failed": [{"photo": as_text(name), "reason": reason} for name, reason in self.failed],
            "left_out": [{"file": as_text(name), "reason": reason} for name, reason in self.left_out],
        }


def read_mined(path: Path) -> dict[str, Any]:
    """The content of a ``mining.json`` of any version.

    Raises:
        UsageError: it cannot be read, or is no such file.
        NewerFormatError: a newer version of the program wrote it.
    """
    try:
        content: dict[str, Any] = FORMAT.parsed(path.read_bytes(), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise UsageError(f"{path} is not what mining wrote: {error}.") from error
    return content


def write_report(mined: Mined, out: Path, previews: Mapping[int, Path], title: str) -> list[Path]:
    """Write both.

    Args:
        previews: pictures by numbers in ``people``.
        title: stands above the sheet.

    Raises:
        OSError: they cannot be written.
    """
    text = json.dumps(mined.to_json(), indent=1, allow_nan=False) + "\n"
    entries = [_entry(mined.people[number], previews.get(number)) for number in mined.chosen]
    entries += [Entry(name, error=reason) for name, reason in mined.failed[: len(entries)]]
    sheet = write_contact_sheet(entries, out / f"{SHEET}.html", out / f"{SHEET}.png", title)
    return [write_atomically(out / NAME, text.encode()), *sheet]


def _entry(one: MinedPerson, preview: Path | None) -> Entry:
    kinds = ", ".join(TITLES[kind] for kind in one.kinds)
    score = f"{100 * one.judgement.score:.0f} %"
    reasons = "; ".join(one.judgement.reasons)
    links = {path.suffix[1:]: path for path in (*one.files, one.estimate)}
    caption = tuple(line for line in (f"{score}: {kinds}" if kinds else score, reasons) if line)
    return Entry(one.photo, preview, links, caption)
