"""The default body's levels of detail, finest first, as an artist reads them."""

from __future__ import annotations

LEVELS = {"default": "Fine", "default-lod1": "Medium", "default-lod2": "Coarse"}
