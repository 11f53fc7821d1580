"""What can be worn: the styles of each kind, and how each is made for a body.

A module that makes wearables says its styles in a table of its own; ``STYLES`` joins them. Windows and commands list
them from there.
"""

from __future__ import annotations

from collections.abc import Mapping

from native_runtime.errors import Sam3dbError
from native_runtime.mhr import Body

from . import brows, garments, hair, lashes, shoes
from .choice import Choice, Style, Wearer
from .wearable import Wearable

#: The styles of each kind by their names in files, in the order in which they are shown.
STYLES: dict[str, Mapping[str, Style]] = {
    hair.KIND: hair.STYLES,
    "brows": brows.STYLES,
    "lashes": lashes.STYLES,
    **garments.STYLES,
    shoes.KIND: shoes.STYLES,
}


def make(body: Body, choice: Choice, wearer: Wearer | None = None) -> Wearable:
    """A choice made for a body.

    Args:
        wearer: the person, where one is known.

    Raises:
        Sam3dbError: there is no such style.
    """
    style = STYLES.get(choice.kind, {}).get(choice.style)
    if style is None:
        known = ", ".join(STYLES.get(choice.kind, {})) or "none"
        raise Sam3dbError(f"There is no style '{choice.style}' of {choice.kind}. Known: {known}.")
    if style.fit is not None and wearer is not None:
        return style.fit(body, choice, wearer)
    return style.make(body, choice)
