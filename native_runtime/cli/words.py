"""Words of what commands say. Standard library only."""

from __future__ import annotations


def counted(count: int, one: str, several: str | None = None) -> str:
    """A number and what it counts: "1 photo", "2 photos"."""
    return f"{count} {one if count == 1 else several or f'{one}s'}"
