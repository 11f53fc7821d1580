"""The names of each photo's results: the photo's own, in the same sub-folder, always unique."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from native_runtime.batch.photos import same_text

LONGEST_NAME = 180
"""Bytes in UTF-8 of a result's name. File systems take 255 (143 to 255 where names are encrypted); the rest is for what
is appended: the person, the kind of picture, a target's name, the ending, and what temporary names add."""
_HASH_DIGITS = 8

# Characters that some file system, shell or program refuses in a file's name.
_AWKWARD = dict.fromkeys([*map(ord, '<>:"/\\|?*'), *range(32), 127], "_")
# What Python puts for bytes of a file's name that are not UTF-8.
_ONLY_ON_DISK = re.compile("[\ud800-\udfff]")
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}

# So are the results of one person called; a photo of such a name, the results of another photo's person.
_LIKE_A_PERSON = re.compile(r"_person[0-9]+$")


def clean_name(text: str, otherwise: str = "photo") -> str:
    """A file or folder name that every system takes, as near to ``text`` as can be."""
    name = _ONLY_ON_DISK.sub("_", text).translate(_AWKWARD).strip().rstrip(". ")
    if name.split(".")[0].casefold() in _DEVICES:
        name = f"_{name}"
    return short_name(name or otherwise)


def short_name(name: str, longest: int = LONGEST_NAME) -> str:
    """The name where it has at most ``longest`` bytes in UTF-8; else its beginning and a hash of the whole, so that two
    long names that differ only at their ends stay two.
    """
    data = name.encode("utf-8", "surrogatepass")
    if len(data) <= longest:
        return name
    digest = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
    # A character that the cut goes through is left out as a whole.
    beginning = data[: longest - _HASH_DIGITS - 1].decode("utf-8", "ignore").rstrip(". ")
    return f"{beginning}-{digest}"


def result_names(photos: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """For each photo the path of its results from the output folder, with "/", and without an ending.

    Sub-folders are mirrored; the name is the photo's without its ending, numbered where two would be one on some file
    system. A photo keeps the name that it had, so that one that is added later does not rename the others.

    Args:
        photos: relative paths, in order.
        known: names given by earlier runs; those of photos that are gone stay taken, since their results are there.
    """
    names: dict[str, str] = {}
    taken = {same_text(name) for name in known.values()}
    for photo in photos:
        names[photo] = known.get(photo) or _free(_wished(photo), taken)
        taken.add(same_text(names[photo]))
    return names


def has_room(name: str) -> bool:
    """Whether the name of a photo's results leaves room for what is appended to it."""
    return len(name.rpartition("/")[2].encode("utf-8", "surrogatepass")) <= LONGEST_NAME + _HASH_DIGITS


def _wished(photo: str) -> str:
    *folders, file = photo.split("/")
    stem = clean_name(file.rpartition(".")[0] or file)
    if _LIKE_A_PERSON.search(stem):
        stem += "-1"
    return "/".join([*(clean_name(folder, "folder") for folder in folders), stem])


def _free(base: str, taken: set[str]) -> str:
    name, number = base, 2
    while same_text(name) in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def result_stems(photos: Sequence[str]) -> list[str]:
    """What the results of each photo are called: the file's name without its ending, numbered where two would be
    equal.
    """
    stems: list[str] = []
    taken: set[str] = set()
    for photo in photos:
        stem = base = clean_name(Path(photo).stem)
        number = 2
        while stem.casefold() in taken:
            stem = f"{base}-{number}"
            number += 1
        taken.add(stem.casefold())
        stems.append(stem)
    return stems
