"""Mining a folder: estimates are judged photo by photo, and the worst are shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native_runtime.batch.manifest import is_output_folder
from native_runtime.batch.photos import FolderContent, look_through, require_own_folder
from native_runtime.batch.run import run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.engines.details import turn_of
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, PhotoError, Sam3dbError, UsageError
from native_runtime.files.system_errors import readable
from native_runtime.image.reading import Photo, read_photo
from native_runtime.models import store
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter
from native_runtime.pipeline.requests import LookRequest
from native_runtime.render.files import save_picture

from .choice import balanced
from .flip import flipped
from .folder import FoundPhoto, look_into
from .judging import Judge
from .language_model.asking import Asker, LimitReachedError
from .language_model.question import UnusableAnswerError
from .preview import panels
from .report import Mined, MinedPerson, write_report
from .seen import SeenPhoto, look

ESTIMATES = "estimates"
"""Folder within the results for the estimates of a folder of photos."""
_PREVIEWS = "previews"


@dataclass(frozen=True)
class MineRequest:
    """What is to be mined.

    Attributes:
        folder: a batch's output folder, or a folder of photos.
        out: where the results go.
        count: how many people are shown.
        photos: where the photos of a batch lie now; None for where they lay.
        flip: whether mirrored photos are estimated as well.
        batch: how photos without estimates are read; its folders are set here.
        asker: a language model to be asked about the worst photos; None for none.
    """

    folder: Path
    out: Path
    batch: BatchRequest
    count: int = 60
    photos: Path | None = None
    flip: bool = False
    asker: Asker | None = None


@dataclass(frozen=True)
class MineResult:
    """What came of it.

    Attributes:
        mined: everybody who was judged.
        files: that were written, the data first, then the sheet.
        ok: whether every photo was estimated and judged.
    """

    mined: Mined
    files: tuple[Path, ...]
    ok: bool


@dataclass
class _Judged:
    """Collects what is known of a folder's people."""

    people: list[MinedPerson] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def mine(request: MineRequest, reporter: Reporter, inference: Inference | None = None) -> MineResult:
    """Judge everybody in a folder and show the worst.

    Raises:
        UsageError: there is no such folder, nothing in it, or the request makes no sense.
        ModelError: networks or bodies are missing.
        OSError: the results cannot be written.
    """
    if request.count < 1:
        raise UsageError(f"At least one person is shown, not {request.count}.")
    inference = inference or Inference(kept_photos=1)
    if is_output_folder(request.folder):
        _check_output_folder(request)
        estimates, complete = request.folder, True
    else:
        estimates, complete = _estimated(request, _photos(request, reporter), reporter, inference)
    folder = look_into(estimates, request.photos)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder for the results cannot be made. {readable(error)}") from error
    photos, judged = folder.photos, _Judged()
    judges: dict[str, Judge] = {}
    for number, photo in enumerate(photos):
        reporter.status(f"Judging {photo.name}")
        _judge_photo(photo, request, inference, judges, judged)
        reporter.progress((number + 1) / len(photos))
    people = sorted(judged.people, key=lambda one: -one.judgement.score)
    if request.asker is not None:
        people = _described(people, {photo.name: photo for photo in photos}, request.asker, reporter)
    chosen = balanced([one.judgement.score for one in people], [one.kinds for one in people], request.count)
    options = {"flip": request.flip, "count": request.count}
    mined = Mined(folder.place, estimates, people, chosen, folder.failed, judged.left_out, options)
    reporter.status("Writing the contact sheet")
    previews = _previews(mined, {photo.name: photo for photo in photos}, request.out, judges)
    files = write_report(mined, request.out, previews, f"{folder.place.name}: most likely wrong")
    for name, reason in judged.left_out:
        reporter.warning(f"{name}: {reason}")
    return MineResult(mined, tuple(files), complete and not judged.left_out and not folder.failed)


def _check_output_folder(request: MineRequest) -> None:
    """What can be known to be wrong with a batch's output folder before anything is written."""
    if request.folder.resolve() == request.out.resolve():
        raise UsageError(f"The results need a folder of their own: {request.out} holds those of the batch.")
    if request.photos is not None:
        require_own_folder(request.photos, request.out)


def _photos(request: MineRequest, reporter: Reporter) -> FolderContent:
    """What a folder of photos holds, without the results in it.

    Raises:
        UsageError: there are no photos in it, or the results would lie among them.
    """
    folder = request.folder.absolute()
    require_own_folder(folder, request.out)
    reporter.status(f"Looking for photos in {folder}")
    content = look_through(folder, request.batch.patterns, request.batch.recursive, request.out)
    if content.photos:
        return content
    if next(folder.glob("*.npz"), None) is not None:
        raise UsageError(
            f"There are no photos in {folder}, but single estimates: mining needs the output folder of a batch, which "
            "says what photo each is of, or a folder of photos."
        )
    raise UsageError(f"There are no photos in {folder}.")


def _estimated(
    request: MineRequest, content: FolderContent, reporter: Reporter, inference: Inference
) -> tuple[Path, bool]:
    """The folder of the estimates of a folder of photos, which are made; whether there is one of every photo."""
    batch = replace(request.batch, folder=request.folder, out=request.out / ESTIMATES)
    result = run_batch(batch, reporter, inference, content=content)
    return request.out / ESTIMATES, result.ok


def _judge_photo(
    photo: FoundPhoto, request: MineRequest, inference: Inference, judges: dict[str, Judge], judged: _Judged
) -> None:
    """Judge everybody in a photo. What cannot be read is left out, or judged by the rest."""
    estimates = []
    for path in photo.estimates:
        try:
            estimates.append((path, Estimate.load(path)))
        except ModelError as error:
            judged.left_out.append((path.name, str(error)))
    if not estimates:
        return
    seen = None
    try:
        picture = read_photo(photo.path).turned_by(turn_of(estimates[0][1].details))
        seen = look(picture, inference.networks(request.batch.models, request.batch.providers))
    except (PhotoError, OSError) as error:
        text = readable(error) if isinstance(error, OSError) else error
        judged.left_out.append((photo.name, f"The photo was not looked at. {text}"))
    try:
        known = [(path, *_on_body(estimate, request, judges)) for path, estimate in estimates]
    except Sam3dbError as error:
        judged.left_out.append((photo.name, str(error)))
        return
    mirrored = _flipped(seen, [estimate for _, estimate, _ in known], request, inference)
    for (path, estimate, judge), flip in zip(known, mirrored, strict=True):
        judgement = judge.judge(estimate, seen, flip)
        files = photo.files.get(path.stem, ())
        judged.people.append(MinedPerson(photo.name, estimate.person, path, judgement, files))


def _flipped(
    seen: SeenPhoto | None, estimates: Sequence[Estimate], request: MineRequest, inference: Inference
) -> list[Estimate | None]:
    if not request.flip or seen is None:
        return [None] * len(estimates)
    first = estimates[0]
    look_again = LookRequest(
        photo=seen.photo.path,
        focal_px=float(first.intrinsics[0, 0]),
        engine=first.engine,
        body=first.body_name,
        models=request.batch.models,
        providers=request.batch.providers,
    )
    return flipped(seen.photo, estimates, look_again, inference)


def _on_body(estimate: Estimate, request: MineRequest, judges: dict[str, Judge]) -> tuple[Estimate, Judge]:
    """An estimate on the build of its body that is installed, and the judge of that body.

    Raises:
        ModelError: the body is missing, or its shapes are others than the estimate's.
    """
    judge = _judge_of(estimate.body_name, request, judges)
    here = estimate.on_build(judge.body)
    if (len(here.identity), len(here.vertices)) != (judge.body.identity_count, judge.body.vertex_count):
        raise ModelError(f"The estimate is of another build of the body '{estimate.body_name}'.")
    return here, judge


def _judge_of(name: str, request: MineRequest, judges: dict[str, Judge]) -> Judge:
    if name not in judges:
        judges[name] = Judge(store.load_body(name, request.batch.models))
    return judges[name]


def _described(
    people: list[MinedPerson], photos: Mapping[str, FoundPhoto], asker: Asker, reporter: Reporter
) -> list[MinedPerson]:
    """With what a language model says of them, the worst first, as far as its limits allow. A server that fails ends
    the asking, not the mining.
    """
    described = list(people)
    for number, one in enumerate(people):
        try:
            estimate = Estimate.load(one.estimate)
            picture = read_photo(photos[one.photo].path).turned_by(turn_of(estimate.details))
            reporter.status(f"Asking {asker.endpoint.host} about {one.photo}")
            described[number] = replace(one, described=asker.ask(_around(picture, estimate)))
        except UnusableAnswerError as error:
            reporter.warning(f"{one.photo}: {error}.")
        except (PhotoError, OSError):
            continue  # which photo cannot be read was said when it was judged
        except LimitReachedError as error:
            reporter.status(str(error))
            break
        except ModelError as error:
            reporter.warning(f"The language model is not asked any further. {error}")
            break
    return described


def _around(photo: Photo, estimate: Estimate) -> NDArray[np.uint8]:
    """The part of a photo around a person: nothing else needs to leave the machine."""
    box = photo.to_working(estimate.bbox.reshape(2, 2))
    margin = _MARGIN * (box[1] - box[0])
    low = np.floor(np.clip(box[0] - margin, 0, np.array(photo.size) - 1)).astype(int)
    high = np.ceil(np.clip(box[1] + margin, low + 1, photo.size)).astype(int)
    return photo.pixels[low[1] : high[1], low[0] : high[0]]


_MARGIN = 0.25
"""Of a person's box, on each side."""


def _previews(
    mined: Mined, photos: Mapping[str, FoundPhoto], out: Path, judges: Mapping[str, Judge]
) -> dict[int, Path]:
    """Pictures of those who are shown: the batch's own where it made some."""
    previews: dict[int, Path] = {}
    for number in mined.chosen:
        one = mined.people[number]
        photo = photos[one.photo]
        known = photo.previews.get(one.estimate.stem)
        if known is not None and known.is_file():
            previews[number] = known
            continue
        try:
            estimate = Estimate.load(one.estimate)
            picture = read_photo(photo.path).turned_by(turn_of(estimate.details))
        except (PhotoError, ModelError, OSError):
            continue  # which photo cannot be read was said when it was judged
        judge = judges[estimate.body_name]
        path = out / _PREVIEWS / f"{one.estimate.stem}-{_mark(one.photo)}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        previews[number] = save_picture(path, panels(estimate.on_build(judge.body), judge.body, picture))
    return previews


def _mark(photo: str) -> str:
    """A few letters that tell photos of one name in several folders apart."""
    return hashlib.sha256(photo.encode("utf-8", "surrogatepass")).hexdigest()[:8]
