"""Recognising a file's layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from native_runtime.build.sam3d_body.checkpoint import Checkpoint
from native_runtime.build.sam3d_body.tensors import StoredTensors, WithoutPrefix
from native_runtime.errors import ModelError

from . import official, transformers
from .layout import Layout, Shapes
from .recipes import Derived
from .unusable import check_usable

_LAYOUTS = (transformers.LAYOUT, official.LAYOUT)
"""The first whose marker is there counts."""
_NAMED = 3


@dataclass(frozen=True)
class Laid:
    """A checkpoint under official names.

    Attributes:
        layout: key of its layout.
        tensors: the model's, and whatever else it holds that nobody knows.
        rig: names in the checkpoint of MHR's tensors, where it holds the rig.
        foreign: stored names of what is ignored.
        guessed: official names of what the file leaves out in whole or in part: what it means is sure, not every bit.
    """

    layout: str
    tensors: StoredTensors
    rig: tuple[str, ...]
    foreign: tuple[str, ...]
    guessed: frozenset[str] = frozenset()


def official_names(checkpoint: Checkpoint, shapes: Shapes, title: str) -> Laid:
    """Bring back the official names; nothing large is read.

    Args:
        shapes: of all released models, by official name.

    Raises:
        ModelError: the file is quantised, or lacks parts of what it has under other names.
    """
    check_usable(checkpoint, title)
    names = checkpoint.names()
    for layout in _LAYOUTS:
        if (prefix := _prefix(names, layout)) is not None:
            return _laid(checkpoint, layout, prefix, shapes, title)
    return Laid("unknown", checkpoint, (), ())


def _prefix(names: Sequence[str], layout: Layout) -> str | None:
    """What stands before all names; None where the marker is missing, or there twice (the model stands in it twice)."""
    found = [
        name.removesuffix(layout.marker)
        for name in names
        if name == layout.marker or name.endswith(f".{layout.marker}")
    ]
    return found[0] if len(found) == 1 else None


def _laid(checkpoint: Checkpoint, layout: Layout, prefix: str, shapes: Shapes, title: str) -> Laid:
    source = WithoutPrefix(checkpoint, prefix)
    names = source.names()
    recipes = layout.recipes(source, shapes)
    used = {part for recipe in recipes.values() for part in recipe.parts}
    missing = sorted(used - set(names))
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise ModelError(
            f"{title} lacks {', '.join(missing[:_NAMED])}{more}. The download may be incomplete: take the file again."
        )
    foreign = tuple(name for name in names if name.startswith(layout.foreign))
    rig = tuple(name for name in names if layout.rig is not None and name.startswith(layout.rig))
    # Tensors that recipes read go by their official names only, unless they have those already.
    renamed = {part for name, recipe in recipes.items() for part in recipe.parts if part != name} - set(shapes)
    others = {name: name for name in names if name not in renamed and name not in {*foreign, *rig}}
    guessed = frozenset(name for name, recipe in recipes.items() if recipe.guessed)
    stored_rig = tuple(prefix + name for name in rig)
    return Laid(layout.key, Derived(source, recipes, others), stored_rig, foreign, guessed)
