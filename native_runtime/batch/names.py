"""What the results of each photo are called: as the photo, in the same sub-folder, never two alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from native_runtime.batch.photos import same_text

# Characters that some file system, shell or program refuses in a file's name.
_AWKWARD = dict.fromkeys([*map(ord, '<>:"/\\|?*'), *range(32), 127], "_")
# Names that Windows keeps for devices, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}

# So are the results of one person called; a photo of such a name, the results of another photo's person.
_LIKE_A_PERSON = re.compile(r"_person[0-9]+$")


def clean_name(text: str, otherwise: str = "photo") -> str:
    """A file or folder name that every system takes, as near to ``text`` as can be."""
    name = text.translate(_AWKWARD).strip().rstrip(". ")
    if name.split(".")[0].casefold() in _DEVICES:
        name = f"_{name}"
    return name or otherwise


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
