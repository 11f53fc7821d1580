"""The files of several photos of one person: NAME_views.json, its estimates, and the photos themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.engines.details import turn_of
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, PhotoError
from native_runtime.image.reading import read_photo
from native_runtime.takes.views.summary import read_summary

if TYPE_CHECKING:
    from native_runtime.image.reading import Photo

#: Folders above the summary's in which photos are looked for.
_ABOVE = 2


@dataclass(frozen=True)
class SeenPerson:
    """A person as one of several photos shows them.

    Attributes:
        photo: the photo, or what became of it when its lens's distortion was removed.
        title: the photo's name for people.
        estimate: the body before the photo's camera.
        about: what the summary says of the photo.
    """

    photo: Photo
    title: str
    estimate: Estimate
    about: dict[str, Any]

    @property
    def has_file(self) -> bool:
        """Whether the photo's file has the pixels that the estimate refers to."""
        width, height = (int(side) for side in self.estimate.image_size)
        return not self.photo.turn and self.photo.original_size == (width, height)


@dataclass(frozen=True)
class SeenViews:
    """All of them.

    Attributes:
        one_pose: whether all photos show the same moment.
        body_name: of the body.
        people: one for each photo.
    """

    one_pose: bool
    body_name: str
    people: tuple[SeenPerson, ...]


def read_views_file(summary: Path, photos: Sequence[Path] | None = None, folder: Path | None = None) -> SeenViews:
    """Reads what was made of several photos, and the photos.

    Args:
        summary: NAME_views.json; the estimates lie beside it.
        photos: the photos, in the summary's order; None where they are to be looked for by their names, beside the
            summary and in the folders above it.
        folder: where they are looked for first.

    Raises:
        ModelError: the summary or an estimate is missing or damaged.
        NewerFormatError: a newer version of the program wrote it.
        PhotoError: a photo is missing, or cannot be read.
    """
    content = read_summary(summary)
    views = content["views"]
    if photos is not None and len(photos) != len(views):
        raise ModelError(f"{summary} is about {len(views)} photos, not about {len(photos)}.")
    people = []
    for number, about in enumerate(views):
        name, stored = about.get("photo"), about.get("estimate")
        if not isinstance(name, str) or not isinstance(stored, str):
            raise ModelError(f"{summary} is no usable summary of views: it does not name the files of its photos.")
        estimate = Estimate.load(summary.parent / Path(stored).name)
        given = None if photos is None else photos[number]
        picture = about.get("picture")
        if picture:
            photo = read_photo(_found(summary, str(picture), None, folder))
        else:
            photo = read_photo(given or _found(summary, name, given, folder))
            photo = photo.turned_by(turn_of(estimate.details))
        people.append(SeenPerson(photo, Path(name).stem, estimate, dict(about)))
    body_name = people[0].estimate.body_name if people else ""
    return SeenViews(bool(content.get("one_pose")), body_name, tuple(people))


def _found(summary: Path, name: str, given: Path | None, folder: Path | None) -> Path:
    """A photo by its name."""
    if given is not None:
        return given
    folders = [summary.parent, *summary.parent.parents][: _ABOVE + 1]
    found = (place / Path(name).name for place in ([folder] if folder is not None else []) + folders)
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise PhotoError(
            f"The photo {name} is not beside {summary.name}: put it there, or say which folder holds the photos."
        )
    return path
