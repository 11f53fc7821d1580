"""What a layout is: names by which it is recognised, and recipes for the official tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from native_runtime.build.sam3d_body.tensors import StoredTensors

from .recipes import Recipe

Shapes = Mapping[str, tuple[int, ...]]
"""Official names and shapes."""


@dataclass(frozen=True)
class Layout:
    """How a program names the model's tensors.

    Attributes:
        key: for manifests.
        title: for people.
        marker: a name that only this layout has, behind any common prefix.
        recipes: (file, official names and shapes) -> recipe by official name, of all that is stored otherwise.
        foreign: beginnings of the names of what is not Meta's, and not needed.
        rig: beginning of the names of the rig, where the layout holds it.
    """

    key: str
    title: str
    marker: str
    recipes: Callable[[StoredTensors, Shapes], Mapping[str, Recipe]]
    foreign: tuple[str, ...] = ()
    rig: str | None = None
