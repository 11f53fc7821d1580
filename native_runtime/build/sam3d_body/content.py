"""Whether a checkpoint's numbers are those of the released model, in whatever layout and file they lie.

Others extracted the released DINOv3-H+ into two safetensors files (the backbone, with the mask token that the release
lacks as zeros, and everything else), all numbers as float32 or int64, in the order of their names, and published size
and SHA-256 of both. The same bytes are made here of any checkpoint, tensor by tensor, and hashed, not written.
Source: localai-org/sam3d.cpp, ``reference/TRAINED_BODY.md`` and ``reference/extract_body_checkpoint.py``.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from native_runtime.errors import ModelError, Remedy

from .tensors import StoredTensors
from .variants import Variant

Part = Literal["backbone", "rest"]
Contents = Mapping[tuple[str, Part], tuple[int, str]]
"""(variant, part) -> size in bytes and SHA-256 of the part's extraction."""

PUBLISHED: Contents = {
    ("dinov3", "backbone"): (
        3_363_078_840,
        "98afde8ac5c13c68f3b7c7baf7cc8fa525df901fe1cec44b57d018fba11d53cc",
    ),
    ("dinov3", "rest"): (451_167_984, "4c6b3f63ce8a050f6587cf833a036bad3f68377d86cfe69d591502c1373ba0a3"),
}
_BACKBONE = "backbone.encoder."
_LEFT_OUT = {"backbone": (), "rest": ("hand_pose_comps_ori",)}
_LOSSLESS = {"backbone": ("bfloat16", "float32", "float64"), "rest": ("float32", "float64")}
"""How each part's floating point numbers can be stored without loss: the release has bfloat16, and float32."""
_TITLES = {"backbone": "backbone", "rest": "part after the backbone"}


@dataclass(frozen=True)
class Content:
    """What a checkpoint's numbers turned out to be.

    Attributes:
        released: parts whose numbers are those of the release, to the last bit.
        notes: what could not be told, and why.
    """

    released: tuple[Part, ...]
    notes: tuple[str, ...]


def check_content(
    tensors: StoredTensors,
    variant: Variant,
    contents: Contents,
    guessed: Collection[str],
    tell: Callable[[float], None],
) -> Content:
    """Compare all numbers with what is published of them.

    Args:
        tensors: under official names.
        contents: what is published.
        guessed: tensors that the file leaves out, and that were made again: they may differ in what does not matter
            (zeros of another sign), so nothing is refused because of them.
        tell: called with the fraction that is read.

    Raises:
        ModelError: they differ, although they are stored in full.
    """
    released: list[Part] = []
    notes = []
    digests = _Digests(tensors, variant, tell)
    for part in get_args(Part):
        size = _size(variant, part)
        known = {name: sha for (name, own), (length, sha) in contents.items() if own == part and length == size}
        if not known:
            continue
        obstacle = digests.obstacle(part)
        if obstacle is not None:
            notes += [obstacle] if variant.name in known else []
            continue
        digest = digests.of(part)
        if digest in known.values() and digest != known.get(variant.name):
            raise ModelError(
                f"The {_TITLES[part]} is that of another released model than {variant.title}, whose backbone this is: "
                "the file was put together from two. Take all parts of one model."
            )
        if digest == known.get(variant.name):
            released.append(part)
        elif variant.name not in known:
            continue
        elif not frozenset(_names(variant, part)).isdisjoint(guessed):
            notes.append(
                f"The numbers of the {_TITLES[part]} could not be confirmed as the released ones, since this layout "
                "leaves some of them out."
            )
        else:
            raise ModelError(
                f"The numbers of the {_TITLES[part]} are not those of SAM 3D Body {variant.title} as it was released: "
                "they were damaged or altered, or come from another training. Take a published file.",
                Remedy.OWN_WEIGHTS,
            )
    return Content(tuple(released), tuple(notes))


class _Digests:
    """SHA-256 of parts of a checkpoint in the form of the extraction."""

    def __init__(self, tensors: StoredTensors, variant: Variant, tell: Callable[[float], None]) -> None:
        self._tensors, self._variant, self._tell = tensors, variant, tell
        self._there = frozenset(tensors.names())
        self._total = sum(math.prod(tensors.shape(name)) for name in self._there)
        self._done = 0

    def obstacle(self, part: Part) -> str | None:
        """Why a part cannot be compared, in a sentence."""
        names = _names(self._variant, part)
        if missing := [name for name in names if name not in self._there and name not in self._variant.optional]:
            return f"The {_TITLES[part]} is not complete ({len(missing)} tensors), so it was not compared."
        kinds = {self._tensors.kind(name) for name in names if name in self._there}
        if rounded := sorted(kind for kind in kinds if "float" in kind and kind not in _LOSSLESS[part]):
            return (
                f"The {_TITLES[part]} is stored in {', '.join(rounded)}, so it cannot be compared with the released "
                "numbers."
            )
        return None

    def of(self, part: Part) -> str:
        """The SHA-256, in hexadecimal."""
        digest = hashlib.sha256(_header(self._variant, part))
        for name in _names(self._variant, part):
            if name in self._there:
                array = self._tensors.read(name)
                self._done += array.size
                self._tell(self._done / self._total)
            else:
                array = np.zeros(self._variant.tensors[name][0], np.float32)
            digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).data)
        return digest.hexdigest()


def _names(variant: Variant, part: Part) -> list[str]:
    """A part's tensors in the order of the extraction, which sorts the names without the backbone's prefix."""
    of_backbone = part == "backbone"
    return sorted(
        name
        for name in variant.tensors
        if name.startswith("backbone.") == of_backbone and not name.endswith(_LEFT_OUT[part])
    )


def _header(variant: Variant, part: Part) -> bytes:
    """What the extraction begins with."""
    entries, start = {}, 0
    for name in _names(variant, part):
        shape, dtype = variant.tensors[name]
        kind, width = ("F32", 4) if "float" in dtype else ("I64", 8)
        stop = start + math.prod(shape) * width
        entries[name.removeprefix(_BACKBONE)] = {"dtype": kind, "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _size(variant: Variant, part: Part) -> int:
    """Bytes of the extraction."""
    shapes = [variant.tensors[name] for name in _names(variant, part)]
    return len(_header(variant, part)) + sum(
        math.prod(shape) * (4 if "float" in dtype else 8) for shape, dtype in shapes
    )
