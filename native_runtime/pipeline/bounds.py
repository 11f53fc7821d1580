"""Bounds and defaults of what may be said about people."""

from __future__ import annotations

LEAST_TALL, MOST_TALL = 50.0, 250.0
"""Cm, between which heights of people lie."""
YOUNGEST, OLDEST = 5.0, 90.0
"""Years, between which the default body knows ages."""
PROMPT_ERROR = 0.02
"""How far off prompts are where nothing else is known, as part of the person's height; see ``docs/fit.md``."""
REFINE = 0.3
"""What the photo counts against an engine's answer unless something else is said; see ``docs/fit.md``."""
