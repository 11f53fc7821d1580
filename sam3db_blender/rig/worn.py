"""What a character wears in the scene: meshes that this extension made, each known by a custom property."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from native_runtime.wearables.wearable import Wearable

#: The custom property of such a mesh: what it is and what it was made of, as JSON (``wearables.attaching``).
WORN_PROPERTY = "sam3db_worn"
#: The custom property of a rig: the kinds of which somebody chose what the character wears, or that it wears none.
_CHOSEN = "sam3db_worn_chosen"
#: Custom properties with the body's vertices that each vertex is bound to, and their weights: one row after the other.
_ANCHORS, _SHARES = "sam3db_anchors", "sam3db_shares"


def is_worn(obj: bpy.types.Object) -> bool:
    """Whether an object is hair, a garment or the like that was made for a character."""
    return obj.type == "MESH" and obj.get(WORN_PROPERTY) is not None


def worn_by(rig: bpy.types.Object) -> list[bpy.types.Object]:
    """What a character wears, by name."""
    return sorted((child for child in rig.children if is_worn(child)), key=lambda obj: obj.name)


def chosen_kinds(rig: bpy.types.Object) -> set[str]:
    """The kinds of which somebody chose by hand what a character wears, or that it wears none."""
    kinds = rig.get(_CHOSEN, "")
    return set(kinds.split()) if isinstance(kinds, str) else set()


def mark_chosen(rig: bpy.types.Object, kind: str, chosen: bool) -> None:
    """Notes whether what a character wears of a kind was chosen by hand."""
    kinds = chosen_kinds(rig) - {kind} | ({kind} if chosen else set())
    if kinds:
        rig[_CHOSEN] = " ".join(sorted(kinds))
    else:
        rig.pop(_CHOSEN, None)


def keep_binding(obj: bpy.types.Object, wearable: Wearable) -> None:
    """Stores what each vertex of a worn mesh is bound to, so that corrections of the body can be carried over."""
    obj[_ANCHORS] = wearable.anchors.ravel().tolist()
    obj[_SHARES] = wearable.shares.ravel().tolist()


def carried(obj: bpy.types.Object, offsets: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Offsets (V, 3) of the body's vertices at those of a worn mesh (N, 3); None where it has no binding that fits."""
    anchors, shares = np.array(obj.get(_ANCHORS, ()), np.int64), np.array(obj.get(_SHARES, ()), np.float64)
    count = len(obj.data.vertices)  # type: ignore[union-attr]
    if not count or not len(anchors) or len(anchors) % count or len(anchors) != len(shares):
        return None
    if anchors.max() >= len(offsets):
        return None
    rows = offsets[anchors.reshape(count, -1)]
    return np.einsum("nak,na->nk", rows, shares.reshape(count, -1)).astype(np.float32)
