"""Which of the released models a checkpoint contains, and whether it is complete.

Each variant has a folder of templates with a ``variant.json``: the official name, shape and type of every tensor.
A checkpoint's names may carry one common prefix (``model.``, ``module.``, ``state_dict.``): it is found by comparing
the ends of its names with the official ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from native_runtime.errors import ModelError
from native_runtime.files.formats import Format

from .tensors import StoredTensors

TEMPLATES = Path(__file__).with_name("templates")
FORMAT = Format("sam3db-variant", unversioned=True)
FILE = "variant.json"
_TITLES = {"dinov3": "DINOv3-H+", "vith": "ViT-H"}
_RELEASED = "Take model.ckpt of facebook/sam-3d-body-dinov3 or facebook/sam-3d-body-vith as it is published."
_NOT_LOADED = ("head_pose.mhr.", "head_pose_hand.mhr.")
"""MHR itself, which some programs save with the model. It is taken from its own file."""
_NAMED = 3
_HAND_PARTS = ("hand_pe_layer",)


@dataclass(frozen=True)
class Variant:
    """A released model.

    Attributes:
        name: ``dinov3`` or ``vith``.
        folder: where its templates lie.
        tensors: shape and type by official name.
        optional: those that a checkpoint may lack: training or an unused path needs them.
        image_size: (w, h) px of the crops.
        feature_size: (h, w) of the encoder's output.
        opset: of the graphs.
        size_step: px; crops of every multiple of it serve (in version 0.1.0 only those of ``image_size``).
    """

    name: str
    folder: Path
    tensors: Mapping[str, tuple[tuple[int, ...], str]]
    optional: frozenset[str]
    image_size: tuple[int, int]
    feature_size: tuple[int, int]
    opset: int
    size_step: int = 512

    @property
    def title(self) -> str:
        """What people call it."""
        return _TITLES.get(self.name, self.name)

    @property
    def hand_parts(self) -> frozenset[str]:
        """The tensors that only the decoder of hands needs: without them a model poses bodies alone."""
        first = {name: name.partition(".")[0] for name in self.tensors}
        return frozenset(name for name, part in first.items() if part.endswith("_hand") or part in _HAND_PARTS)

    @staticmethod
    def load(folder: Path) -> Variant:
        """Read ``variant.json``.

        Raises:
            ModelError: it is damaged.
        """
        path = folder / FILE
        try:
            content = FORMAT.parsed(path.read_text(encoding="utf-8"), path)
            constants = content["constants"]
            image, features = constants["image_size"], constants["feature_size"]
            return Variant(
                name=str(content["variant"]),
                folder=folder,
                tensors={name: (tuple(shape), str(dtype)) for name, (shape, dtype) in content["tensors"].items()},
                optional=frozenset(content["optional"]),
                image_size=(int(image[0]), int(image[1])),
                feature_size=(int(features[0]), int(features[1])),
                opset=int(constants["opset"]),
                size_step=int(constants.get("size_step", image[1])),
            )
        except (OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ModelError(f"The list of tensors {path} is damaged ({error}). Install this program again.") from error


class Renamed:
    """The tensors of a source under their official names."""

    def __init__(self, source: StoredTensors, names: Mapping[str, str]) -> None:
        self._source, self._names = source, names

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._source.shape(self._names[name])

    def kind(self, name: str) -> str:
        return self._source.kind(self._names[name])

    def read(self, name: str) -> NDArray[Any]:
        return self._source.read(self._names[name])


def known_variants(templates: Path = TEMPLATES) -> list[Variant]:
    """All variants that there are graphs for.

    Raises:
        ModelError: there are none, or one is damaged.
    """
    found = [Variant.load(path.parent) for path in sorted(templates.glob(f"*/{FILE}"))]
    if not found:
        raise ModelError(f"There are no graphs in {templates}. Install this program again.")
    return found


@dataclass(frozen=True)
class Recognised:
    """What a checkpoint holds.

    Attributes:
        variant: which model.
        tensors: under their official names.
        hands: whether it has the parts for hands; they are there as a whole, or not at all.
    """

    variant: Variant
    tensors: Renamed
    hands: bool


def recognise(source: StoredTensors, variants: Sequence[Variant], title: str) -> Recognised:
    """The variant that a checkpoint holds, and its tensors under their official names.

    Args:
        title: what to call the checkpoint in messages.

    Raises:
        ModelError: it holds another model, only a part of one, or the same one twice.
    """
    names = source.names()
    present = frozenset(names)
    best: tuple[tuple[int, int], Variant, str] | None = None
    for variant in variants:
        for prefix in _prefixes(names, variant):
            score = _score(source, variant, prefix, present)
            if best is None or score > best[0]:
                best = score, variant, prefix
    if best is None or best[0][1] < len(best[1].tensors) // 2:
        known = 0 if best is None else best[0][1]
        wanted = min(len(variant.tensors) for variant in variants)
        raise ModelError(
            f"{title} is not a checkpoint of SAM 3D Body, or only a part of one: of the {wanted} tensors that one has, "
            f"{known} are among its {len(names)}. {_RELEASED}"
        )
    _, variant, prefix = best
    _check_single(names, variant, title)
    _check(source, variant, prefix, title)
    found = {name: prefix + name for name in variant.tensors if prefix + name in present}
    return Recognised(variant, Renamed(source, found), hands=not variant.hand_parts.isdisjoint(found))


def _prefixes(names: Iterable[str], variant: Variant) -> Counter[str]:
    """What stands before official names in the checkpoint's names, and how often."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in variant.tensors:
                found["".join(f"{part}." for part in parts[:start])] += 1
    return found


def _score(source: StoredTensors, variant: Variant, prefix: str, present: frozenset[str]) -> tuple[int, int]:
    """How many official names of the variant are there with the right shape, and how many at all."""
    there = [name for name in variant.tensors if prefix + name in present]
    return sum(source.shape(prefix + name) == variant.tensors[name][0] for name in there), len(there)


def _check_single(names: Sequence[str], variant: Variant, title: str) -> None:
    needed = len(variant.tensors.keys() - variant.optional - variant.hand_parts)
    whole = sorted(prefix for prefix, count in _prefixes(names, variant).items() if count >= needed)
    if len(whole) > 1:
        raise ModelError(
            f"{title} contains the model {len(whole)} times, under {' and '.join(repr(prefix) for prefix in whole)}. "
            f"It is unclear which one is meant. {_RELEASED}"
        )


def _check(source: StoredTensors, variant: Variant, prefix: str, title: str) -> None:
    there = {name.removeprefix(prefix) for name in source.names() if name.startswith(prefix)}
    faults = []
    needed = variant.tensors.keys() - variant.optional
    if variant.hand_parts.isdisjoint(there):
        needed -= variant.hand_parts
    if missing := sorted(needed - there):
        faults.append(f"{_some(missing)} missing")
    unexpected = sorted(name for name in there - variant.tensors.keys() if not name.startswith(_NOT_LOADED))
    if unexpected:
        faults.append(f"{_some(unexpected)} unexpected")
    wrong = []
    for name in sorted(there & variant.tensors.keys()):
        shape, dtype = variant.tensors[name]
        stored, kind = source.shape(prefix + name), source.kind(prefix + name)
        if stored != shape:
            wrong.append(f"{name} {_times(stored)} instead of {_times(shape)}")
        elif ("float" in kind) != ("float" in dtype):
            wrong.append(f"{name} {kind} instead of {dtype}")
    if wrong:
        faults.append(f"{_some(wrong)} of another shape or type")
    if faults:
        advice = "The download may be incomplete, or this is another version of the model."
        raise ModelError(
            f"{title} is not the complete SAM 3D Body model {variant.title}: {'; '.join(faults)}. {advice} {_RELEASED}"
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more are" if len(names) > _NAMED else " are" if len(names) > 1 else " is"
    return ", ".join(name[:100] for name in names[:_NAMED]) + more


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
