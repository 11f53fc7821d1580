"""Names of files as text."""

from __future__ import annotations


def as_text(name: str) -> str:
    """A file's name as text that can be written anywhere: bytes of it that are not UTF-8, which systems other than
    Windows allow, become question marks.
    """
    return name.encode("utf-8", "replace").decode("utf-8")
