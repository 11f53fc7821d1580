"""`sam3db estimate`, and what `sam3db character` shares with it: a photo that fails never stops the rest."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_runtime.batch.faults import disk_full, is_disk_full
from native_runtime.batch.names import result_stems
from native_runtime.cli.console import Console
from native_runtime.cli.requests import check_files, request_of
from native_runtime.errors import NoPersonError, UsageError
from native_runtime.files.system_errors import readable
from native_runtime.pipeline.decoding import gather
from native_runtime.pipeline.estimating import SavedEstimate, estimate_photo
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.readings import ReadPhoto
from native_runtime.pipeline.requests import EstimateRequest, PhotoReading, Refinement, check_prompt_error

if TYPE_CHECKING:
    from native_runtime.engines.estimate import Estimate


WriteCharacter = Callable[["ReadPhoto", "Estimate", Path], dict[str, str]]
"""Makes files of a photo and one person's estimate, whose names begin with a path; returns them by their kind."""


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every photo succeeded."""
    check(arguments)
    return estimate_photos(arguments, console)


def estimate_photos(
    arguments: argparse.Namespace, console: Console, write_character: WriteCharacter | None = None
) -> bool:
    """Estimate everybody who is chosen, and make a character of each estimate; whether every photo succeeded."""
    started = time.perf_counter()
    out = make_folder(arguments.out)
    inference = Inference(kept_photos=1)
    photos = []
    for photo, stem in zip(arguments.photos, result_stems(arguments.photos)):
        photos.append(_one_photo(photo, out / stem, arguments, inference, console, write_character))
    ok = all(photo["error"] is None for photo in photos)
    console.result(
        {
            "command": arguments.command,
            "ok": ok,
            "photos": photos,
            "seconds": round(time.perf_counter() - started, 3),
        }
    )
    return ok


def check(arguments: argparse.Namespace) -> None:
    """What can be known to be wrong before any work is done.

    Raises:
        UsageError: the arguments do not fit together, or name a file that is not there.
        PromptError: the file of prompts has mistakes.
    """
    for what, given in (("prompts", arguments.prompts), ("mask", arguments.mask), ("box", arguments.boxes)):
        if given and len(arguments.photos) > 1:
            raise UsageError(f"--{what} belongs to one photo; {len(arguments.photos)} were given.")
    if arguments.prompts or arguments.mask:
        what = "--prompts" if arguments.prompts else "--mask"
        if arguments.persons == "all":
            raise UsageError(f"{what} belongs to one person; choose one with --person largest or --person N.")
    if arguments.persons is None and len(arguments.boxes or ()) > 1:
        arguments.persons = "all"
    check_files(arguments, "prompts", "mask")
    if arguments.prompts:
        from native_runtime.prompts.prompt import read_prompts

        read_prompts(arguments.prompts)
    error = arguments.prompt_error
    if error is not None:
        check_prompt_error(error)
        if error > 0 and not arguments.prompts:
            raise UsageError("--prompt-error says how far off the places of --prompts may be: give both.")
    request_of(PhotoReading, arguments)
    gather(Refinement, arguments)


def make_folder(name: str) -> Path:
    """The folder for the results.

    Raises:
        UsageError: it cannot be made.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder for the results cannot be made. {readable(error)}") from error
    except ValueError as error:
        raise UsageError(f"The folder {name} for the results cannot be made ({error}).") from error
    return folder


def _one_photo(
    photo: str,
    stem: Path,
    arguments: argparse.Namespace,
    inference: Inference,
    console: Console,
    write_character: WriteCharacter | None,
) -> dict[str, Any]:
    """All chosen people of one photo. ``people`` holds those that were written, also when a later one fails."""
    result: dict[str, Any] = {
        "photo": photo,
        "engine": None,
        "image_size": None,
        "found": 0,
        "people": [],
        "notes": [],
        "error": None,
    }
    with console.one_of_many(result):
        from native_runtime.prompts.prompt import read_prompts

        keypoints = read_prompts(arguments.prompts) if arguments.prompts else ()
        unsaid = [f"{arguments.prompts}: no keypoints are given."] if arguments.prompts and not keypoints else []
        for note in unsaid:
            console.warning(note)
        request = request_of(EstimateRequest, arguments, photo=photo, keypoints=keypoints)
        # Appended, not `with_suffix`: a photo may be called "holiday.2024".
        unseen: list[NoPersonError] = []
        found, estimates = estimate_photo(
            request,
            inference,
            console,
            lambda person: stem.with_name(f"{stem.name}_person{person}"),
            left_out=unseen.append,
        )
        result["image_size"] = list(found.photo.original_size)
        result["engine"] = found.engine.name
        result["notes"] = [*unsaid, *found.photo.notes, *found.notes]
        result["found"] = len(found.bboxes)
        with disk_watched(stem.parent):
            for saved in estimates:
                result["people"].append(_one_person(found, saved, console, write_character))
        if len(unseen) == 1 and not found.empty_boxes:
            raise unseen[0]
        if found.empty_boxes or unseen:
            raise NoPersonError(" ".join([*found.empty_boxes, *map(str, unseen)]))
    return result


@contextmanager
def disk_watched(folder: Path) -> Iterator[None]:
    """Say of an error that comes from a full disk which disk it is and what to do."""
    try:
        yield
    except Exception as error:
        if is_disk_full(error, folder):
            raise disk_full(folder, "run the same command again") from error
        raise


def _one_person(
    found: ReadPhoto, saved: SavedEstimate, console: Console, write_character: WriteCharacter | None
) -> dict[str, Any]:
    files = {"npz": f"{saved.stem}.npz", "json": f"{saved.stem}.json"}
    described = saved.described(digits=4)
    if write_character is not None:
        started = time.perf_counter()
        files |= write_character(found, saved.estimate, saved.stem)
        described["seconds"]["character"] = round(time.perf_counter() - started, 4)
    for name in files.values():
        console.line(name)
    return described | {"files": files}
