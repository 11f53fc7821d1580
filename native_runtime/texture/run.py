"""Does a request: reads estimates and photos, makes the textures and writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from native_runtime.camera import resize_intrinsics
from native_runtime.engines.details import turn_of
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, PhotoError, UsageError
from native_runtime.files.hashes import sha256_of
from native_runtime.image.reading import read_mask, read_photo
from native_runtime.models import store
from native_runtime.models.store import load_body

from .files import TextureFiles, save_texture
from .hints import SEEN, read_hints, seen_in_photo, with_hints
from .making import Texture, make_texture
from .projection import Bools, Shot

if TYPE_CHECKING:
    import os

    from native_runtime.image.reading import Photo
    from native_runtime.mhr import Body

    from .request import TextureRequest


@dataclass(frozen=True)
class SavedTexture:
    """A texture, in files.

    Attributes:
        estimates: that it was made from.
    """

    estimates: tuple[str, ...]
    texture: Texture
    files: TextureFiles


def jobs_of(request: TextureRequest) -> list[TextureRequest]:
    """One request for each texture that is to be made."""
    if request.one_person:
        return [request]
    return [
        replace(
            request,
            estimates=(estimate,),
            photos=request.photos[number : number + 1],
            masks=request.masks[number : number + 1],
        )
        for number, estimate in enumerate(request.estimates)
    ]


def run_job(job: TextureRequest, out: Path, warn: Callable[[str], None] | None = None) -> SavedTexture:
    """Makes one texture from all estimates of a request.

    Args:
        warn: as of ``save_texture``.

    Raises:
        Sam3dbError: a file is missing, damaged or does not go with the others.
    """
    estimates = [Estimate.load(path) for path in job.estimates]
    names = {estimate.body_name for estimate in estimates}
    if len(names) > 1:
        raise UsageError(f"The estimates are of different bodies: {', '.join(sorted(names))}. Take those of one body.")
    body = load_body(job.body or names.pop(), job.models)
    shots, photos = [], []
    for number, (path, estimate) in enumerate(zip(job.estimates, estimates)):
        photo = read_photo(job.photos[number] if job.photos else _photo_beside(Path(path), estimate))
        photo = photo.turned_by(turn_of(estimate.details))
        mask = read_mask(job.masks[number], photo.original_size) if job.masks else None
        others = bystanders(Path(path), estimate)
        if estimate.details.get(SEEN) is None:
            estimate = looked_at_again(estimate, others, photo, job.models)
        shots.append(shot_of(photo, estimate, body, others, mask))
        photos.append(photo.path)
    texture = make_texture(body, shots, job.size, job.light)
    sources = {
        "photos": [{"name": photo.name, "sha256": sha256_of(photo)} for photo in photos],
        "estimates": [Path(path).name for path in job.estimates],
        "body_name": body.name,
        "body_hash": body.hash,
    }
    files = save_texture(texture, out / Path(job.estimates[0]).stem, sources, warn)
    return SavedTexture(job.estimates, texture, files)


def shot_of(
    photo: Photo,
    estimate: Estimate,
    body: Body,
    others: Sequence[Estimate] = (),
    mask: Bools | None = None,
) -> Shot:
    """A photo with the person who was estimated in it; what the estimate tells of the photo (``hints``) is heeded.

    Args:
        others: other people's estimates in it, of any body of which the estimate has vertices; those of other bodies
            than ``body`` are left out.
        mask: (H, W) of the original photo, see ``Shot``.

    Raises:
        PhotoError: the photo has another size than the one that was estimated.
        ModelError: the estimate is of another body, or damaged.
    """
    size = tuple(int(n) for n in estimate.image_size)
    if photo.original_size != size:
        turned = photo.original_size == size[::-1]
        raise PhotoError(
            f"{photo.path} has {photo.original_size[0]} x {photo.original_size[1]} pixels, but the estimate was made "
            f"in a photo of {size[0]} x {size[1]}. "
            + ("Save the photo upright, as it was estimated." if turned else "Name the photo of the estimate.")
        )
    placed = estimate.on_build(body)
    if placed.body_name != body.name or len(placed.vertices) != body.vertex_count:
        raise ModelError(f"The estimate is of the body '{estimate.body_name}', not of '{body.name}'.")
    scale = np.array(photo.scale)
    if mask is not None and mask.shape != photo.pixels.shape[:2]:
        shrunk = cv2.resize(mask.astype(np.float32), photo.size, interpolation=cv2.INTER_AREA)
        mask = np.asarray(shrunk > 0.5)
    hints = read_hints(estimate.details, size, photo.size)
    beside = [other.on_build(body) for other in others]
    shot = Shot(
        photo.pixels,
        resize_intrinsics(estimate.intrinsics, *scale),
        placed.vertices.astype(np.float64),
        tuple(
            (other.vertices.astype(np.float64), body.triangles)
            for other in beside
            if other.body_name == body.name and len(other.vertices) == body.vertex_count
        ),
        mask=mask,
    )
    return with_hints(shot, hints)


def looked_at_again(
    estimate: Estimate, others: Sequence[Estimate], photo: Photo, models: str | os.PathLike[str] | None = None
) -> Estimate:
    """An estimate that also tells what the landmark networks see of the people in its photo, as those of earlier
    versions do not; unchanged where the networks are not installed or see nobody there.

    Args:
        others: other people's estimates in the photo.
    """
    from native_runtime.detection.networks import LandmarkNetworks

    boxes = np.array([one.bbox for one in (estimate, *others)]).reshape(-1, 2, 2)
    try:
        networks = LandmarkNetworks(store.models_dir(models))
        own, *beside = networks.people_in(photo.pixels, photo.to_working(boxes).reshape(-1, 4), with_hands=False)
    except ModelError:
        return estimate
    if own is None:
        return estimate
    told = seen_in_photo(own, [one for one in beside if one is not None], photo)
    return replace(estimate, details=estimate.details | {SEEN: told})


def bystanders(path: Path, estimate: Estimate) -> list[Estimate]:
    """The other people of the same photo whose estimates lie beside one, as ``sam3db estimate`` names them."""
    stem, mark, _ = path.stem.rpartition("_person")
    if not mark:
        return []
    found = []
    for other in sorted(path.parent.glob("*_person*.npz")):
        name, _, number = other.stem.rpartition("_person")
        if name != stem or other.name == path.name or not number.isdigit():
            continue
        try:
            beside = Estimate.load(other)
        except ModelError:
            continue
        if beside.photo == estimate.photo and np.array_equal(beside.image_size, estimate.image_size):
            found.append(beside)
    return found


def _photo_beside(path: Path, estimate: Estimate) -> Path:
    """The photo that an estimate names: beside it, in the folder above, or in the working folder."""
    for folder in (path.parent, path.parent.parent, Path()):
        place = folder / estimate.photo
        if estimate.photo and place.is_file():
            return place
    raise PhotoError(
        f"The photo {estimate.photo or 'of the estimate'} is not beside {path}: name the photos, one for each estimate."
    )
