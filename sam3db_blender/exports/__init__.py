"""Characters for other programs: FBX, glTF, VRM, BVH and USD files with the bones that each target expects."""

from __future__ import annotations

from native_runtime.characters.exports.options import ExportOptions

from .export import export_character

__all__ = ["ExportOptions", "export_character"]
