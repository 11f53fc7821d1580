"""What the artist changed on a character by hand, kept until they discard it.

A rig carries, beside its record of the estimate, how it stood when this extension last posed it. What differs from that
was done by hand, with bones, sliders or the whole rig: it is noticed before anything else poses the rig, and is an edit
from then on. An edit of a limb gives way to pins that are put on the limb later, and stands again without them.

All of it is one text in a custom property that library overrides may change, so that it is saved, undone, appended and
overridden with the rig.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.characters.edit_groups import PARAMETERS, Slots, differences, units, yielding_to
from native_runtime.characters.state import CharacterState
from native_runtime.engines.edits import Edits
from native_runtime.errors import Sam3dbError
from native_runtime.files.formats import Format

from ..rig.properties import slider_path
from .prompt_keys import keypoint_at
from .provenance import Origin, read_origin, undamaged
from .readback import current_state, place_before_camera, units_of

if TYPE_CHECKING:
    from native_runtime.mhr import Body
    from native_runtime.prompts.prompt import Prompt

Array = NDArray[np.float64]

#: The custom property of a rig.
PROPERTY = "sam3db_edits"
FORMAT = Format("sam3db-edits", unversioned=True)
_TITLE = "The record of edits"
#: Model parameters, coefficients, joint parameters and metres that differ by less were not touched by hand: they went
#: through single precision and the arithmetic of bones.
TOUCHED = 1e-4
#: By how much (m, or an entry of the rotation) a rig's matrix must change to count as moved.
_MOVED = 1e-5
#: Px by which a pin must move to count as placed again.
_SAME_PX = 0.01


@dataclass(frozen=True)
class Memory:
    """What is remembered of a character.

    Attributes:
        slots: where which number is in ``applied``.
        applied: (n,) all numbers of the character when it was last posed, or when an edit was last noticed.
        posed: (3,) m the camera translation with which it was last posed.
        placed: (4, 4) the rig's world matrix then; None where it was built outside a photo's scene.
        mine: slot -> value, what the artist set.
        yielding: slots among these that give way to pins.
        engine: slot -> value, what the engine had in their place at its last answer.
        said: the prompts of the last request, by keys (``prompt_keys``).
        cause: what the next answer is due to, in words; empty where the prompts say it.
    """

    slots: Slots
    applied: Array
    posed: Array
    placed: Array | None = None
    mine: Mapping[int, float] = field(default_factory=dict)
    yielding: frozenset[int] = frozenset()
    engine: Mapping[int, float] = field(default_factory=dict)
    said: tuple[Prompt, ...] = ()
    cause: str = ""

    @property
    def firm(self) -> dict[int, float]:
        """The edits that hold now."""
        return {slot: value for slot, value in self.mine.items() if slot not in self.yielding}

    def edits(self) -> Edits | None:
        """The edits in the engines' form, which does not have ``beyond``; None where there are none."""
        slots = self.slots
        place = [self.mine[slot] for slot in slots.translation if slot in self.mine]
        edits = Edits(
            identity=_within(self.mine, slots.identity),
            expression=_within(self.mine, slots.expression),
            model_parameters=_within(self.mine, slots.parameters),
            camera_translation=np.array(place) if place else None,
            yielding=frozenset(slot for slot in self.yielding if slot < PARAMETERS)
            | (frozenset({0}) if self.yielding & set(slots.translation) else frozenset()),
        )
        return edits if edits.to_json() else None

    def heard(self, answered: CharacterState, without: Mapping[str, Any]) -> Memory:
        """After an answer: what the engine has in place of the edits.

        Args:
            answered: the answer's numbers; the engine's own where it was not asked about an edit.
            without: what it had in place of those that it was asked about (``Edits.replaced``).
        """
        replaced, slots, flat = Edits.from_json(without), self.slots, self.slots.flat(answered)
        engine = {slot: float(flat[slot]) for slot in self.mine} | dict(replaced.model_parameters)
        for name in ("identity", "expression"):
            engine |= {getattr(slots, name)[i]: value for i, value in getattr(replaced, name).items()}
        if replaced.camera_translation is not None:
            engine |= dict(zip(slots.translation, replaced.camera_translation.tolist()))
        return replace(self, engine={slot: engine[slot] for slot in self.mine})

    def edited(self, state: CharacterState) -> CharacterState:
        """A state with the edits that hold in it, those beyond the model parameters included."""
        flat = self.slots.flat(replace(state, beyond=np.zeros_like(state.beyond)))
        firm = self.firm
        flat[list(firm)] = list(firm.values())
        return self.slots.state(flat)

    def without(self, dropped: Iterable[int]) -> Memory:
        """Without some of the edits."""
        gone = set(dropped)
        return replace(
            self,
            mine={slot: value for slot, value in self.mine.items() if slot not in gone},
            yielding=self.yielding - gone,
            engine={slot: value for slot, value in self.engine.items() if slot not in gone},
        )

    def to_text(self, body: Body, kind: str = "<f8") -> str:
        """As the property holds it. The groups are for the panel, which knows no body.

        Args:
            kind: of numbers; single precision is what Blender keeps.
        """
        return json.dumps(
            {
                "format": str(FORMAT),
                "sizes": [len(self.slots.identity), len(self.slots.expression), len(self.slots.beyond) // 7],
                "applied": pack(self.applied, kind),
                "posed": self.posed.tolist(),
                "placed": None if self.placed is None else self.placed.ravel().tolist(),
                "mine": [list(self.mine), pack(np.array(list(self.mine.values())), kind)],
                "yielding": sorted(self.yielding),
                "engine": [list(self.engine), pack(np.array(list(self.engine.values())), kind)],
                "said": [list(prompt) for prompt in self.said],
                "cause": self.cause,
                "groups": differences(body, self.slots, self.mine, self.engine, self.yielding),
            },
            ensure_ascii=False,
        )

    @classmethod
    @undamaged(_TITLE)
    def from_text(cls, text: str, kind: str = "<f8") -> Memory:
        """Reads what ``to_text`` wrote."""
        content = FORMAT.parsed(text, _TITLE)
        placed = content["placed"]
        return cls(
            slots=Slots(*content["sizes"]),
            applied=unpack(content["applied"], kind),
            posed=np.array(content["posed"], np.float64),
            placed=None if placed is None else np.array(placed, np.float64).reshape(4, 4),
            mine=_pairs(content["mine"], kind),
            yielding=frozenset(content["yielding"]),
            engine=_pairs(content["engine"], kind),
            said=tuple(tuple(prompt) for prompt in content["said"]),
            cause=content["cause"],
        )


def pack(numbers: Array, kind: str = "<f8") -> str:
    """Numbers (n,) as text."""
    return base64.b64encode(zlib.compress(np.asarray(numbers, np.float64).astype(kind).tobytes(), 6)).decode("ascii")


def unpack(text: str, kind: str = "<f8") -> Array:
    """Reads what ``pack`` wrote."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).astype(np.float64)


@undamaged(_TITLE)
def shown_groups(rig: bpy.types.Object) -> list[tuple[str, str]]:
    """What the artist edited, in words, and by how much the engine would have it otherwise (empty: about the same).

    Only what was noticed when the pose was last inferred: it is for panels, which must not look at every bone.
    """
    text = rig.get(PROPERTY)
    return [] if not text else [(str(name), str(by)) for name, by in FORMAT.parsed(text, _TITLE)["groups"]]


def recall(rig: bpy.types.Object, body: Body) -> Memory:
    """What is remembered of a character; without that, its record says how it stood."""
    text, origin = rig.get(PROPERTY), read_origin(rig)
    if text:
        known = Memory.from_text(str(text))
        if known.slots == Slots.of(body):
            return known
    slots, placed = Slots.of(body), origin.placed
    recorded = CharacterState.of(origin.state, len(body.joint_names))
    if text is None and rig.override_library is not None:
        # of an older version: the record is the linked file's, and nothing shows what was inferred since
        recorded, placed = current_state(rig, body, scaled=True), _matrix(rig)
    return Memory(slots, slots.flat(recorded), recorded.camera_translation, placed)


def begin(rig: bpy.types.Object) -> None:
    """Makes room on a new rig: a library override keeps only properties that the linked file has as well."""
    rig[PROPERTY] = ""
    rig.property_overridable_library_set(slider_path(PROPERTY), True)


def remember(rig: bpy.types.Object, body: Body, memory: Memory) -> None:
    """Writes it onto the rig."""
    if rig.get(PROPERTY) is None:
        begin(rig)
    rig[PROPERTY] = memory.to_text(body)


def notice(rig: bpy.types.Object, body: Body, said: Sequence[Prompt] | None = None) -> Memory:
    """What is remembered, with what the artist did by hand since. Nothing is written.

    Args:
        said: the prompts as they are now; None: those of the last request.

    Raises:
        Sam3dbError: the body does not fit.
    """
    memory = recall(rig, body)
    flat = memory.slots.flat(_edited_state(rig, body, memory))
    changed = np.abs(flat - memory.applied) > TOUCHED
    touched = set(units(body, changed).tolist())
    if touched:
        order = sorted(touched)
        memory = replace(
            memory,
            applied=_with(memory.applied, {slot: flat[slot] for slot in order}),
            mine={**memory.mine, **{slot: float(flat[slot]) for slot in order}},
            yielding=memory.yielding - touched,
            engine=dict(zip(order, memory.applied[order].tolist())) | dict(memory.engine),
        )
    return memory if said is None else _hear(memory, body, said)


def _hear(memory: Memory, body: Body, said: Sequence[Prompt]) -> Memory:
    """With other prompts than before: edits of limbs that got a pin since give way to it."""
    before, now = ({p[0]: p[1:3] for p in prompts if p[3:] in ((), ("place",))} for prompts in (memory.said, said))
    new = [k for k, at in now.items() if k not in before or np.abs(np.subtract(at, before[k])).max() > _SAME_PX]
    pinned, later = (yielding_to(body, memory.slots, [keypoint_at(key) for key in keys]) for keys in (now, new))
    yielding = ((memory.yielding & pinned) | later) & memory.mine.keys()
    return replace(memory, yielding=frozenset(yielding), said=tuple(said))


def _edited_state(rig: bpy.types.Object, body: Body, memory: Memory) -> CharacterState:
    """What the character is now. As long as its place in the world, or before its camera, is as it was, nobody moved
    it.
    """
    bpy.context.evaluated_depsgraph_get()  # so that matrices are those of now
    origin, moved_from = read_origin(rig), memory.placed
    if moved_from is not None:
        now = _matrix(rig)
        before = _before_camera(rig, memory.posed) if _moved(now, moved_from) else now
        moved_from = moved_from if before is None else before if _moved(now, before) else None
    arrays = {**origin.arrays, "camera_translation": memory.posed}
    return current_state(rig, body, Origin(origin.id, arrays, origin.details, moved_from), scaled=True)


def _before_camera(rig: bpy.types.Object, translation: Array) -> Array | None:
    """(4, 4) where the photo's camera sees a person with this ``camera_translation``; None without a camera."""
    try:
        return place_before_camera(rig, translation)
    except Sam3dbError:
        return None


def _matrix(rig: bpy.types.Object) -> Array:
    """(4, 4) the rig's place in the world, without any scale of its own."""
    matrix = np.array(rig.matrix_world, np.float64)
    matrix[:3, :3] *= units_of(rig) / np.linalg.norm(matrix[:3, :3], axis=0)
    return matrix


def _moved(matrix: Array, before: Array) -> bool:
    return bool(np.abs(matrix - before).max() > _MOVED * max(1.0, float(np.abs(before[:3, 3]).max())))


def _within(mine: Mapping[int, float], slots: range) -> dict[int, float]:
    return {slot - slots.start: value for slot, value in mine.items() if slot in slots}


def _with(numbers: Array, values: Mapping[int, float]) -> Array:
    out = numbers.copy()
    out[list(values)] = list(values.values())
    return out


def _pairs(content: Sequence[Any], kind: str) -> dict[int, float]:
    return dict(zip(content[0], unpack(content[1], kind).tolist()))
