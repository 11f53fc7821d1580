"""`sam3db dataset export`: characters that people corrected become a data set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from native_runtime.cli.commands import missing
from native_runtime.cli.console import Console, describe
from native_runtime.cli.words import counted
from native_runtime.errors import FileError, Sam3dbError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from native_runtime.corrections.export import FacesOf
    from native_runtime.corrections.folder import CharacterReader


def run(arguments: argparse.Namespace, console: Console) -> bool:
    """Run the command; whether every character could be used."""
    from native_runtime.corrections.export import check_target, export
    from native_runtime.corrections.folder import read_folder
    from native_runtime.corrections.photos import PhotoFolder

    folder, out = Path(arguments.folder), Path(arguments.out)
    for name in (arguments.folder, arguments.photos):
        if name is not None and not Path(name).is_dir():
            raise UsageError(f"There is no folder '{name}'.")
    check_target(out)
    if not arguments.consent:
        raise UsageError(_asked(folder, out, arguments.all, arguments.blur_faces))
    _require_pyarrow()
    characters = _reader(arguments, folder)
    faces = _faces_of(arguments.models) if arguments.blur_faces else None
    problems: list[dict[str, str]] = []

    def failed(what: str, error: Sam3dbError) -> None:
        console.warning(f"{what}: {error}")
        problems.append({"what": what, **describe(error)})

    console.status(f"Reading the characters in {folder}")
    photos = read_folder(
        folder,
        PhotoFolder(Path(arguments.photos)) if arguments.photos else None,
        characters,
        lambda path, error: failed(str(path), error),
        console.warning,
    )
    console.status(f"Writing the pictures and rows of {counted(len(photos), 'photo')}")
    about = {"command": arguments.command, "action": arguments.action}
    try:
        done = export(photos, out, failed, arguments.all, faces, unread=len(problems))
    except FileError as error:
        console.result({**about, "ok": False, "error": console.error(error), "problems": problems})
        return False
    content = done.content
    console.line(f"People: {content.people} ({content.corrected} corrected), pictures: {content.pictures}, in {out}")
    if done.passed_over:
        console.line(f"Left out, since nobody corrected them: {done.passed_over} (--all takes them).")
    console.result(
        {
            **about,
            "ok": not problems,
            "pictures": content.pictures,
            "people": content.people,
            "corrected": content.corrected,
            "keypoints_placed": sum(content.placed.values()),
            "passed_over": done.passed_over,
            "problems": problems,
            "files": [str(path) for path in done.files],
        }
    )
    return not problems


def _asked(folder: Path, out: Path, everybody: bool, blurred: bool) -> str:
    """What somebody agrees to with ``--consent``."""
    whom = "all characters" if everybody else "the characters that a person corrected"
    faces = "with faces made coarse" if blurred else "faces included (--blur-faces makes them coarse)"
    return (
        f"This would write {whom} in '{folder}' into '{out}': their photos, encoded again and without metadata, "
        f"{faces}; the pose, size and shape of each person; placed keypoints and masks. No names of files or folders "
        "are written, and nothing is sent anywhere. If the people in the photos and those who own the photos agree to "
        "the use for training, say so with --consent."
    )


def _require_pyarrow() -> None:
    """Raises where rows cannot be written, before anything is read."""
    from native_runtime.dataset.shards import library

    library()


def _reader(arguments: argparse.Namespace, folder: Path) -> CharacterReader | None:
    """What reads .blend files; None where there are none, or they are not wanted."""
    if arguments.blend is False or (arguments.blend is None and next(folder.rglob("*.blend"), None) is None):
        return None
    if arguments.corrections is None:
        raise missing("Reading .blend files (`--no-blend` leaves them out)")
    reader: CharacterReader = arguments.corrections()
    return reader


def _faces_of(models: str | None) -> FacesOf:
    """Finds faces by the landmark networks."""
    from native_runtime.detection.landmarks import BODY_POINTS
    from native_runtime.detection.networks import LandmarkNetworks

    networks = LandmarkNetworks(models)
    networks.warm_up()
    count = BODY_POINTS.index("mouth_right") + 1

    def found(pixels: NDArray[np.uint8]) -> Sequence[tuple[NDArray[np.float64], float]]:
        people = networks.people(pixels, with_hands=False)
        return [(person.points_2d[:count], float(max(person.bbox[2:] - person.bbox[:2]))) for person in people]

    return found
