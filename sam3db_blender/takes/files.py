"""The files of takes: reading them, and finding the footage that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from native_runtime.errors import ModelError, UsageError
from native_runtime.takes.take import Take
from native_runtime.texture.files import EncodedTexture, TextureFiles

#: Folders above a take's in which its footage is looked for.
_ABOVE = 2


def read_takes(files: Sequence[Path]) -> list[Take]:
    """The takes of some files, those of the same person only once.

    Raises:
        ModelError: a file is missing, damaged or no take.
        NewerFormatError: a newer version of the program wrote it.
        UsageError: two are of the same person and time.
    """
    takes = [Take.load(file) for file in files]
    seen: dict[tuple[str, int, int], Path] = {}
    for take, file in zip(takes, files):
        key = take.footage.file, take.person, int(take.frames[0])
        if key in seen:
            raise UsageError(f"'{file.name}' and '{seen[key].name}' are of the same person: choose one of them.")
        seen[key] = file
    return takes


def footage_of(take: Take, file: Path) -> Path | None:
    """The footage of a take, where it lies beside the take's file or a folder or two above; None elsewhere."""
    name = Path(take.footage.file).name
    folders = [file.parent, *file.parent.parents][: _ABOVE + 1]
    return next((folder / name for folder in folders if name and (folder / name).exists()), None)


def texture_of(take: Take, file: Path) -> EncodedTexture | None:
    """The texture of a take's person, where it lies beside the take's file; None where there is none.

    Raises:
        ModelError, NewerFormatError: it cannot be read, or is of another body.
    """
    files = TextureFiles.of(file.with_suffix(""))
    if not files.record.is_file():
        return None
    texture = EncodedTexture.read(files)
    if texture.facts.get("body_name") != take.body_name:
        raise ModelError(f"{files.colour} was made for another body than the take's.")
    return texture
