"""The pictures of the engines: one runner as each of them sees him (``python -m bench.shelf_pictures`` draws them)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import bpy.utils.previews

_previews: Any = None
_missing: set[str] = set()


def icon(engine: str) -> int:
    """The icon of an engine's picture; 0 where there is none yet."""
    from ..files.pictures import load

    global _previews
    if engine in _missing:
        return 0
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if engine not in _previews:
        path = Path(str(resources.files("rig_templates").joinpath("shelf", "pictures", f"{engine}.jpg")))
        if not load(_previews, engine, path):
            _missing.add(engine)
            return 0
    return int(_previews[engine].icon_id)


def detach() -> None:
    """Leaves nothing behind."""
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
        _previews = None
