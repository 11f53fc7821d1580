"""From photos to estimates: photos are read ahead in a thread, people are estimated in the caller's."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from native_runtime.batch.outputs import Results
from native_runtime.batch.photos import PhotoFile
from native_runtime.batch.plan import Plan, Planner
from native_runtime.batch.record import Record, Stage
from native_runtime.batch.settings import ESTIMATE, Settings
from native_runtime.errors import NoPersonError, PhotoError
from native_runtime.image.reading import Photo, read_photo
from native_runtime.pipeline.decoding import part_of
from native_runtime.pipeline.estimating import estimate_photo
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Reporter, Silent
from native_runtime.pipeline.requests import EstimateRequest

_AHEAD = 2
"""Decoded photos that wait; one of 48 megapixels takes 144 MB."""
_POLL_S = 0.2


@dataclass(frozen=True)
class ReadAhead:
    """A photo whose turn has come.

    Attributes:
        file: which one.
        plan: what is to be done; None where the file cannot be read.
        photo: its picture, where an estimate is to be made.
        error: why there is no plan or no picture.
    """

    file: PhotoFile
    plan: Plan | None = None
    photo: Photo | None = None
    error: Exception | None = None


def read_now(file: PhotoFile, planner: Planner) -> ReadAhead:
    """The plan of a photo, and its picture where an estimate is to be made."""
    plan = None
    try:
        plan = planner.look(file)
        photo = read_photo(file.path) if plan.needs_estimate and not plan.finished else None
        return ReadAhead(file, plan, photo)
    except OSError as error:
        refused = PhotoError(f"{file.path}: the file cannot be read ({error.strerror or error}).")
        return ReadAhead(file, plan, error=refused)
    except Exception as error:
        return ReadAhead(file, plan, error=error)


class Reader:
    """Reads the photos of a run ahead of the inference, a few at a time."""

    def __init__(self, files: Sequence[PhotoFile], planner: Planner) -> None:
        self._files, self._planner = files, planner
        self._ready: queue.Queue[ReadAhead] = queue.Queue(maxsize=_AHEAD)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._read, name="photos", daemon=True)
        self._thread.start()

    def photos(self, alive: Callable[[], None]) -> Iterator[ReadAhead]:
        """Each photo in order; ``alive`` is called now and then while none is ready."""
        for _ in self._files:
            while True:
                try:
                    yield self._ready.get(timeout=_POLL_S)
                    break
                except queue.Empty:
                    alive()

    def close(self) -> None:
        """Read no more."""
        self._given_up.set()
        self._thread.join()

    def _read(self) -> None:
        for file in self._files:
            ready = read_now(file, self._planner)
            while not self._given_up.is_set():
                try:
                    self._ready.put(ready, timeout=_POLL_S)
                    break
                except queue.Full:
                    continue
            if self._given_up.is_set():
                return


class Estimator:
    """Makes and writes the estimates of a photo's people.

    Args:
        reporter: may raise to stop the work between two steps.
    """

    def __init__(
        self, settings: Settings, inference: Inference, results: Results, reporter: Reporter | None = None
    ) -> None:
        self._settings, self._inference, self._results = settings, inference, results
        self._reporter = reporter or Silent()

    def estimate(self, plan: Plan, photo: Photo) -> Record:
        """The photo's record with the stage of the estimates; those that were made from older ones are still listed.

        Raises:
            NoPersonError: nobody is there, or nobody who was meant.
            ModelError, UsageError: the engine cannot be opened, or cannot do what the settings say.
            OSError: an estimate cannot be written.
        """
        started = time.perf_counter()
        request = part_of(EstimateRequest, self._settings, photo=photo.path)
        name, left_out = PurePosixPath(plan.before.name), list[NoPersonError]()
        with self._results.room() as room:
            found, estimates = estimate_photo(
                request,
                self._inference,
                self._reporter,
                lambda person: room / f"{name.name}_person{person}",
                photo,
                left_out.append,
            )
            people = [saved.described(digits=4) for saved in estimates]
            if not people:
                raise left_out[0] if len(left_out) == 1 else NoPersonError(" ".join(map(str, left_out)))
            outputs = self._results.publish(room, name.parent.as_posix())
        fingerprint = plan.wanted[ESTIMATE]
        spent = time.perf_counter() - started
        record = plan.before.with_stages({ESTIMATE: Stage(fingerprint, fingerprint, outputs, round(spent, 3))})
        return replace(
            record,
            state="begun",
            image_size=found.photo.original_size,
            turn=found.photo.turn,
            found=len(found.bboxes),
            people=tuple(person | {"bbox": [round(value, 2) for value in person["bbox"]]} for person in people),
            notes=(*found.photo.notes, *map(str, left_out)),
            fault=None,
        )
