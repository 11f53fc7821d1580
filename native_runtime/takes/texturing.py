"""What the people of a video look like: a texture of each, and the colours of skin and hair, from their best frames."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from native_runtime.bounds import TEXTURE_SIZE
from native_runtime.errors import ModelError, NewerFormatError, PhotoError
from native_runtime.models import store
from native_runtime.pipeline.boxes import overlap
from native_runtime.pipeline.colours import colours_and_hair
from native_runtime.texture.files import EncodedTexture, TextureFiles, save_texture
from native_runtime.texture.hints import SEEN, seen_in_photo
from native_runtime.texture.making import make_texture
from native_runtime.texture.run import shot_of

from .camera import turned
from .footage import Footage, FrameRange
from .showing import best_frames
from .take import LOOK, Take

if TYPE_CHECKING:
    import os

    from native_runtime.detection.landmarks import PersonLandmarks
    from native_runtime.detection.networks import LandmarkNetworks
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body
    from native_runtime.pipeline.reporting import Reporter
    from native_runtime.pipeline.requests import Turn
    from native_runtime.texture.projection import Shot

    from .tracks import Sighting

_REVISION = 1
"""To be raised when textures are made in another way, so that those of before are made again."""
_MADE_OF = "made_of"
"""In a texture's record: a digest of all that it was made of."""


@dataclass(frozen=True)
class TakeTexture:
    """A texture of the person of a take.

    Attributes:
        files: where it is.
        look: the person's colours and hair, as an estimate has them among its details.
    """

    files: TextureFiles
    look: dict[str, Any]


class TextureMaker:
    """Makes the textures of the people of a video.

    Args:
        footage: the video.
        turn: degrees clockwise by which its frames are turned.
        takes: everybody's: who stands before somebody else hides them.
        sightings: who was seen in each frame, by its number, also those who have no take.
        body: of the takes.
        models: the models folder; None for the usual one.
        size: texels along each side.
    """

    def __init__(
        self,
        footage: Footage,
        turn: Turn,
        takes: Sequence[Take],
        sightings: Mapping[int, Sequence[Sighting]],
        body: Body,
        models: str | os.PathLike[str] | None = None,
        size: int = TEXTURE_SIZE,
    ) -> None:
        from native_runtime.detection.networks import LandmarkNetworks

        self._footage, self._turn, self._takes, self._sightings, self._body = footage, turn, takes, sightings, body
        self._size = size
        self._networks: LandmarkNetworks | None
        try:
            self._networks = LandmarkNetworks(store.models_dir(models))
        except ModelError:  # another engine made the takes: textures are made without outlines and faces
            self._networks = None

    def make(self, take: Take, stem: Path, reporter: Reporter) -> TakeTexture:
        """The texture of one of the takes, in files; one that was made of the same before is kept as it is.

        Args:
            stem: what the files' names begin with.
            reporter: hears when one is made, and of pictures that are kept under another name.

        Raises:
            Sam3dbError: no frame shows the person, or a file cannot be written.
        """
        best = best_frames(take, self._body)
        made_of = _digest(take, best, self._size)
        known = _known(stem, made_of)
        if known is not None:
            return known
        reporter.status(f"Making the texture of person {take.person}")
        pictures = self._pictures([int(take.frames[position]) for position in best])
        shots: list[Shot] = []
        look: dict[str, Any] = {}
        for position in best:
            photo = pictures.get(int(take.frames[position]))
            if photo is None:
                continue
            own, others = self._seen(take, position, photo)
            estimate = take.estimate(position, self._body)
            if own is not None:
                estimate = replace(estimate, details=estimate.details | {SEEN: seen_in_photo(own, others, photo)})
            look = look or colours_and_hair(estimate, photo, self._body, own)
            shots.append(shot_of(photo, estimate, self._body, self._beside(take, position)))
        if not shots:
            raise PhotoError("no frame shows them.")
        sources = {
            "photos": [{"name": take.footage.file, "frame": int(take.frames[position])} for position in best],
            "body_name": self._body.name,
            "body_hash": self._body.hash,
            LOOK: look,
            _MADE_OF: made_of,
        }
        texture = make_texture(self._body, shots, self._size)
        return TakeTexture(save_texture(texture, stem, sources, reporter.warning), look)

    def _pictures(self, numbers: Sequence[int]) -> dict[int, Photo]:
        """Frames of the footage by their numbers; those that cannot be read are missing."""
        if not numbers:
            return {}
        first, last = min(numbers), max(numbers)
        skip = frozenset(range(first, last + 1)) - frozenset(numbers)
        frames = turned(self._footage.frames(FrameRange(first, last + 1), skip), self._turn)
        return {frame.number: frame.photo for frame in frames}

    def _seen(self, take: Take, position: int, photo: Photo) -> tuple[PersonLandmarks | None, list[PersonLandmarks]]:
        """What the landmark networks see of the person of a take in a frame, and of everybody else there."""
        boxes = [one.box for one in self._sightings.get(int(take.frames[position]), ())]
        own = take.bbox[position]
        boxes.sort(key=lambda box: -overlap(box.tolist(), own.tolist()))
        boxes = [own, *boxes[1:]]
        if self._networks is None:
            return None, []
        corners = photo.to_working(np.array(boxes).reshape(-1, 2, 2)).reshape(-1, 4)
        try:
            first, *rest = self._networks.people_in(photo.pixels, corners)
        except ModelError:
            return None, []
        return first, [one for one in rest if one is not None]

    def _beside(self, take: Take, position: int) -> list[Estimate]:
        """The other people of a frame, as far as they have takes."""
        number = int(take.frames[position])
        return [
            other.estimate(other.index_of(number), self._body)
            for other in self._takes
            if other is not take and number in other.frames
        ]


def _digest(take: Take, positions: Sequence[int], size: int) -> str:
    """Of all in a take that a texture of some of its frames is made of."""
    text = [_REVISION, size, take.body_hash, take.footage.to_json(), take.frames[list(positions)].tolist()]
    digest = hashlib.sha256(repr(text).encode())
    for array in (
        take.model_parameters[list(positions)],
        take.camera_translation[list(positions)],
        take.expression[list(positions)],
        take.identity,
        take.intrinsics,
    ):
        digest.update(np.ascontiguousarray(np.round(array, 6)).tobytes())
    return digest.hexdigest()


def _known(stem: Path, made_of: str) -> TakeTexture | None:
    """The texture that was made of the same before, if its files can be read."""
    files = TextureFiles.of(stem)
    try:
        record = EncodedTexture.read(files).facts
    except (ModelError, NewerFormatError):
        return None
    look = record.get(LOOK)
    return TakeTexture(files, dict(look)) if record.get(_MADE_OF) == made_of and isinstance(look, dict) else None
