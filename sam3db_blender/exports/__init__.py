"""Characters for other programs: FBX, glTF, VRM, BVH and USD files with the bones that each target expects."""

from __future__ import annotations

from .export import export_character
from .options import ExportOptions

__all__ = ["ExportOptions", "export_character"]
