"""Textures that are made along with estimates: a part of the worker's requests `estimate` and `views`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.errors import Sam3dbError

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.pipeline.estimating import SavedEstimate
    from native_runtime.pipeline.readings import ReadPhoto
    from native_runtime.pipeline.reporting import Reporter
    from native_runtime.takes.views.run import SavedViews

ESTIMATED = 0.6
"""How far a request for estimates and textures is when the estimates are there."""


class FirstPart:
    """A reporter of the first part of some work.

    Args:
        reporter: of the whole.
        share: of the whole, 0..1.
    """

    def __init__(self, reporter: Reporter, share: float) -> None:
        self._reporter, self._share = reporter, share

    def status(self, text: str) -> None:
        self._reporter.status(text)

    def progress(self, value: float) -> None:
        self._reporter.progress(self._share * value)

    def warning(self, text: str) -> None:
        self._reporter.warning(text)


def textures_of_people(
    found: ReadPhoto, people: Sequence[SavedEstimate], mask: str | None, reporter: Reporter
) -> dict[int, dict[str, str]]:
    """The files of the textures of people of one photo, by their numbers; a warning about whoever gets none.

    Args:
        mask: a picture, white where the one person is.
    """
    from native_runtime.image.reading import read_mask
    from native_runtime.texture.run import shot_of

    drawn = read_mask(mask, found.photo.original_size) if mask else None
    made = {}
    for number, saved in enumerate(people):
        reporter.status("Making the texture" + (f" of person {saved.person + 1}" if len(people) > 1 else ""))
        others = [other.estimate for other in people if other is not saved]
        try:
            shot = shot_of(found.photo, saved.estimate, found.engine.body, others, drawn)
            made[saved.person] = _texture(
                found.engine.body, [(shot, found.photo, saved.estimate)], saved.stem, reporter
            )
        except Sam3dbError as error:
            reporter.warning(f"Person {saved.person + 1} got no texture: {error}")
        reporter.progress(ESTIMATED + (1 - ESTIMATED) * (number + 1) / len(people))
    return made


def texture_of_views(saved: SavedViews, body: Body, reporter: Reporter) -> dict[str, str] | None:
    """The files of the texture of a person of several photos, from all of them; None, and a warning, where there is
    none.
    """
    from native_runtime.engines.details import turn_of
    from native_runtime.image.reading import read_photo
    from native_runtime.texture.run import shot_of

    reporter.status("Making the texture")
    try:
        seen = []
        for view in saved.views:
            if view.picture is None:
                photo = read_photo(view.photo).turned_by(turn_of(view.estimate.details))
            else:
                photo = read_photo(view.picture)
            seen.append((shot_of(photo, view.estimate, body), photo, view.estimate))
        return _texture(body, seen, saved.views[0].stem, reporter)
    except Sam3dbError as error:
        reporter.warning(f"The character got no texture: {error}")
        return None


def _texture(body: Body, seen: Sequence[tuple[Any, Photo, Estimate]], stem: Path, reporter: Reporter) -> dict[str, str]:
    from native_runtime.texture.files import save_texture
    from native_runtime.texture.making import make_texture

    sources = {
        "photos": [{"name": estimate.photo or photo.path.name} for _, photo, estimate in seen],
        "body_name": body.name,
        "body_hash": body.hash,
    }
    files = save_texture(make_texture(body, [shot for shot, *_ in seen]), stem, sources, reporter.warning)
    return files.to_json()
