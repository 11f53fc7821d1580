"""Bounds of the options of an export."""

from __future__ import annotations

MOST_CORRECTIVES, CORRECTIVES_LIMIT = 32, 500
"""So many shape keys are added at most where nothing else is said, and where anything is."""
