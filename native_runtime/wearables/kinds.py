"""The kinds of things that can be worn."""

from __future__ import annotations

#: Their titles, in the order in which they are shown.
KINDS: dict[str, str] = {
    "hair": "Hair",
    "brows": "Brows",
    "lashes": "Lashes",
    "top": "Top",
    "underwear": "Underwear",
    "shoes": "Shoes",
}
