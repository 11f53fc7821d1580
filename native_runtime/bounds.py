"""Bounds and defaults of what users may choose.

Nothing is imported here: commands list their options, and Blender its properties, before anything else is loaded.
"""

from __future__ import annotations

LEAST_TALL, MOST_TALL = 50.0, 250.0
"""Cm, between which heights of people lie."""
YOUNGEST, OLDEST = 5.0, 90.0
"""Years, between which the default body knows ages."""
PROMPT_ERROR = 0.02
"""How far off prompts are where nothing else is known, as part of the person's height; see ``docs/fit.md``."""
REFINE = 0.3
"""What the photo counts against an engine's answer unless something else is said; see ``docs/fit.md``."""
MOST_CORRECTIVES, CORRECTIVES_LIMIT = 32, 500
"""So many shape keys an export adds at most where nothing else is said, and where anything is."""
TEXTURE_SIZES, TEXTURE_SIZE = (1024, 2048, 4096), 2048
"""Texels along each side that a texture may have, and the usual one."""
PICTURE_ENDINGS = (
    "jpg",
    "jpeg",
    "jpe",
    "jfif",
    "mpo",
    "png",
    "webp",
    "tif",
    "tiff",
    "bmp",
    "heic",
    "heif",
    "hif",
    "avif",
    "gif",
)
"""What the names of readable pictures end with, as a rule; the bytes decide."""
