"""The way from a photo to the files of its people's estimates, which commands, batches and the worker take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.errors import NoPersonError, PromptError

from .heights import one_each
from .inference import Inference
from .people import choose_people
from .readings import ReadPhoto
from .reporting import Reporter
from .requests import EstimateRequest

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate
    from native_runtime.image.reading import Photo


@dataclass(frozen=True)
class SavedEstimate:
    """A person's estimate, in files.

    Attributes:
        person: their number in the photo.
        bbox: x0 y0 x1 y1 px.
        stem: of the files, which end in ``.npz`` and ``.json``.
    """

    person: int
    bbox: list[float]
    estimate: Estimate
    stem: Path

    def described(self, digits: int | None = None) -> dict[str, Any]:
        """``person``, ``seconds`` of each stage and ``warnings`` as results tell them.

        Args:
            digits: of the seconds.
        """
        seconds = {name: float(value) for name, value in self.estimate.seconds.items()}
        if digits is not None:
            seconds = {name: round(value, digits) for name, value in seconds.items()}
        return {"person": self.person, "bbox": self.bbox, "seconds": seconds, "warnings": list(self.estimate.warnings)}


def estimate_photo(
    request: EstimateRequest,
    inference: Inference,
    reporter: Reporter,
    stem: Callable[[int], Path],
    photo: Photo | None = None,
    left_out: Callable[[NoPersonError], None] | None = None,
    early: Callable[[ReadPhoto, list[SavedEstimate]], None] | None = None,
) -> tuple[ReadPhoto, Iterator[SavedEstimate]]:
    """Look at a photo, then estimate and save the people who are meant, each when the next one is asked for.

    Args:
        stem: where the estimate of a person goes, by their number.
        photo: the photo, where it was read already; nothing of it is kept then.
        left_out: as for `Inference.estimates`.
        early: called with the rougher estimates before the last ones, which are saved as well, under another stem;
            None: there are none.

    Raises:
        PhotoError, ModelError, UsageError, NoPersonError, PromptError: as `Inference.read`, `Inference.estimates`,
            `choose_people`, `read_photo` (of the mask) and `mask_of` do; from `choose_people` on but for the mask's
            file, when the first person is asked for.
        OSError: an estimate cannot be written.
    """
    from native_runtime.image.reading import read_photo

    mask = read_photo(request.mask) if request.mask else None  # before any work on the photo
    found = inference.read(request, reporter) if photo is None else inference.look(photo, request, reporter)
    return found, _saved(request, found, mask, inference, reporter, stem, left_out, early)


def _saved(
    request: EstimateRequest,
    found: ReadPhoto,
    mask_picture: Photo | None,
    inference: Inference,
    reporter: Reporter,
    stem: Callable[[int], Path],
    left_out: Callable[[NoPersonError], None] | None,
    early: Callable[[ReadPhoto, list[SavedEstimate]], None] | None,
) -> Iterator[SavedEstimate]:
    from native_runtime.image.reading import mask_of

    boxes = found.bboxes
    chosen = choose_people(request.persons, len(boxes))
    if (request.keypoints or mask_picture) and len(chosen) != 1:
        raise PromptError("Keypoint prompts and a mask belong to one person; choose one.")
    heights, ages = one_each(request.height_cm, chosen), one_each(request.age, chosen, "age")
    mask = mask_of(mask_picture, found.photo.original_size) if mask_picture else None
    numbers = ", ".join(str(number + 1) for number in chosen)  # as people count
    reporter.status(f"Fitting {'person' if len(chosen) == 1 else 'people'} {numbers} of {len(boxes)}")

    def tell(rough: Sequence[tuple[int, Estimate]]) -> None:
        assert early is not None
        early(found, [_save(person, boxes[person], estimate, stem(person)) for person, estimate in rough])
        reporter.progress(0.65)
        reporter.status(f"Refining {'person' if len(chosen) == 1 else 'people'} {numbers} of {len(boxes)}")

    estimates = inference.estimates(
        found,
        chosen,
        request.keypoints,
        mask,
        request.inference,
        left_out,
        tell if early else None,
        request.refine,
        request.sex,
        heights,
        ages,
        request.prompt_error,
    )
    for done, (person, estimate) in enumerate(estimates, start=1):
        for warning in estimate.warnings:
            reporter.warning(warning)
        yield _save(person, boxes[person], estimate, stem(person))
        reporter.progress(0.5 + 0.5 * done / len(chosen))


def _save(person: int, box: list[float], estimate: Estimate, stem: Path) -> SavedEstimate:
    estimate.save(stem)
    return SavedEstimate(person, box, estimate, stem)
