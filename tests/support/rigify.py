"""The buttons that Rigify gives a rig of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy


def rigify_buttons(rigify: bpy.types.Object, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rigify's buttons of one kind in the script of its panel, with their settings."""
    script = bpy.data.texts[f"{rigify.name}_ui.py"].as_string()
    pattern = (
        rf"operator\('pose\.(rigify_{kind}_(?!bake)\w+)', text='[FI]K->[FI]K[^\n]*\n((?:\s+props\.\w+ = [^\n]+\n)+)"
    )
    for button, lines in re.findall(pattern, script):
        yield button, dict(re.findall(r"props\.(\w+) = '([^']*)'", lines))
