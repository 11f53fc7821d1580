"""A scene beside the artist's, in which a copy is built and handed to an exporter; it is removed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import bpy


@contextmanager
def side_scene(name: str) -> Iterator[bpy.types.Scene]:
    """An empty scene that is the current one inside the block; afterwards the window shows what it showed before."""
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    shown, layer = window.scene, window.view_layer
    try:
        scene = bpy.data.scenes.new(name)
        window.scene = scene
        with bpy.context.temp_override(window=window, scene=scene, view_layer=scene.view_layers[0]):
            yield scene
    finally:
        window.scene = shown
        window.view_layer = layer


@contextmanager
def nothing_stays() -> Iterator[None]:
    """Every data-block that is made inside the block is gone afterwards, whatever made it."""
    before = _all_pointers()
    try:
        yield
    finally:
        made = [block for blocks in _collections() for block in blocks if block.as_pointer() not in before]
        bpy.data.batch_remove(made)


@contextmanager
def names_lent(*wanted: tuple[Any, str]) -> Iterator[dict[str, str]]:
    """Lends the names of data-blocks to others: those that have them get them back afterwards.

    Exporters write the names of data-blocks, and no two of a kind may share one.

    Args:
        wanted: collections of ``bpy.data`` and names.

    Yields:
        The names that were lent, by the names that their owners have meanwhile.
    """
    lent: dict[str, str] = {}
    with ExitStack() as back:
        for collection, name in wanted:
            owner = collection.get((name, None))
            if owner is not None:
                owner.name = f"{name} aside"
                back.callback(setattr, owner, "name", name)
                lent[owner.name] = name
        yield lent


def _collections() -> Iterator[Any]:
    for attribute in bpy.data.bl_rna.properties:
        if attribute.type == "COLLECTION" and attribute.identifier not in (
            "libraries",
            "window_managers",
            "screens",
            "workspaces",
        ):
            yield getattr(bpy.data, attribute.identifier)


def _all_pointers() -> set[int]:
    return {block.as_pointer() for blocks in _collections() for block in blocks}
