"""The kinds of previews and their renderers as Blender's lists of choices show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from native_runtime.render.pictures import Kind

KIND_ITEMS: tuple[tuple[Kind, str, str], ...] = (
    ("panels", "Panels", "The photo, the character on it, and a view from the side; for a first look"),
    ("overlay", "Overlay", "The character on the photo"),
    ("beside", "Beside", "The photo, and the character beside it"),
    ("turntable", "Turntable", "The character from all around"),
    ("wire", "Wire", "The mesh as wires"),
    ("shaded", "Shaded", "The character in a studio"),
)
LOOK_ITEMS = (
    ("textured", "Textured", "With the pictures that the materials show, textures from photos among them"),
    ("clay", "Clay", "All in one tint for each person"),
)
RENDERER_ITEMS = (
    ("own", "Quick", "This extension's own: about a second per picture, on every machine"),
    ("workbench", "Workbench", "Blender's Solid view"),
    ("cycles", "Cycles", "The characters' own materials, soft shadows on the floor; slow"),
    ("eevee", "EEVEE", "The characters' own materials, fast with a graphics card"),
)
