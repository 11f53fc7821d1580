"""Where a truth's bodies touch: the floor, a seat, themselves, each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from native_runtime.synthetic.anatomy import Anatomy

Array = NDArray[np.float64]

FLOOR = 0.03
"""Metres that skin may be above the floor and still rest on it: a shoe's sole lies between."""
SKIN = 0.012
"""Metres between skins that touch; clothes lie between."""
_OWN = {"hand": ("head", "trunk", "thigh", "shin", "foot", "hand", "upper_arm", "forearm"), "foot": ("foot", "thigh")}
_SEATED = ("torso", "l_thigh", "r_thigh", "l_hand", "r_hand")


def contacts(
    anatomy: Anatomy, bodies: Sequence[Array], floor: float, seats: Sequence[float | None]
) -> list[list[dict[str, Any]]]:
    """Each person's contacts.

    Args:
        bodies: posed vertices (V, 3) m of each person, world axes (z up).
        floor: its height, m.
        seats: the height of each person's seat, or None.

    Returns:
        For each person entries with ``part`` (a group of ``Anatomy``), ``with`` (``floor``, ``seat``, ``self`` or
        ``person K``), ``other`` (the other's part, for skin on skin) and ``place`` (3,) m, world axes.
    """
    parts = {name: np.flatnonzero((anatomy.group == name) & anatomy.skin) for name in np.unique(anatomy.group)}
    found: list[list[dict[str, Any]]] = []
    for own, (vertices, seat) in enumerate(zip(bodies, seats)):
        entries: list[dict[str, Any]] = []

        def add(part: str, thing: str, places: Array, other: str = "", entries: Any = entries) -> None:
            entry = {"part": part, "with": thing, "place": [round(float(v), 4) for v in places.mean(axis=0)]}
            entries.append(entry | ({"other": other} if other else {}))

        for name, mine in parts.items():
            places = vertices[mine]
            low = places[places[:, 2] < floor + FLOOR]
            if len(low):
                add(name, "floor", low)
            if seat is not None and seat > floor + FLOOR and name in _SEATED:
                on = places[np.abs(places[:, 2] - seat) < SKIN]
                if len(on):
                    add(name, "seat", on)
        for end, others in _OWN.items():
            for side in "lr":
                mine = parts[f"{side}_{end}"]
                for name, theirs in parts.items():
                    bare = name[2:] if name[1] == "_" else {"torso": "trunk", "neck": "trunk"}.get(name, name)
                    if bare not in others or (
                        name[0] == side and name[1] == "_" and bare != "thigh" and bare != "shin"
                    ):
                        continue
                    near = cKDTree(vertices[theirs]).query(vertices[mine])[0]
                    if (near < SKIN).any():
                        add(f"{side}_{end}", "self", vertices[mine][near < SKIN], name)
        for index, others_vertices in enumerate(bodies):
            if index == own:
                continue
            near, which = cKDTree(others_vertices).query(vertices, distance_upper_bound=SKIN)
            for name, mine in parts.items():
                close = mine[near[mine] < SKIN]
                if len(close):
                    touched, counts = np.unique(anatomy.group[which[close]], return_counts=True)
                    add(name, f"person {index}", vertices[close], str(touched[counts.argmax()]))
        found.append(entries)
    return found
