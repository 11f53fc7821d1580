"""The numbers of a character by the names that an artist knows, and by the limbs that pins are on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from native_runtime.fitting.hold import limbs_of, main_joints
from native_runtime.fitting.problem import named_rows
from native_runtime.mhr import PointSet

from .rig_map import RigMap
from .settings import parameters_of
from .sliders import is_length, label_of
from .state import CharacterState

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Array = NDArray[np.float64]

PARAMETERS, _CHANNELS = 204, 7
#: Of a joint the channels that shift and that turn it; of the model parameters, those of the whole body.
_SHIFT, _TURN = (0, 1, 2), (3, 4, 5)

PLACE, SPINE, FACE = "Place", "Spine", "Face"
#: What bones are called by how their names begin, without the side.
_BONES = (
    ("c_spine", SPINE), ("c_neck", "Neck"), ("c_head", "Head"), ("c_", "Jaw and Tongue"), ("eye", "Eye"),
    ("clavicle", "Shoulder"), ("uparm", "Upper Arm"), ("lowarm", "Forearm"), ("wrist_twist", "Forearm"),
    ("wrist", "Hand"),
    ("thumb", "Thumb"), ("index", "Index Finger"), ("middle", "Middle Finger"), ("ring", "Ring Finger"),
    ("pinky", "Little Finger"), ("upleg", "Thigh"), ("lowleg", "Shin"), ("ball", "Toes"),
    ("foot", "Foot"), ("talocrural", "Foot"), ("subtalar", "Foot"), ("transversetarsal", "Foot"),
)  # fmt: skip
_SIDES = {"l_": "Left ", "r_": "Right "}

#: What an engine must differ by from an edit to be worth a word: radians, cm of a bone, doublings of a size, a
#: coefficient of the shape and of the face, and metres.
_TURNED, _LENGTHENED, _SCALED, _SHAPED, _FACED, _PLACED = 0.1, 1.0, 0.07, 0.25, 0.1, 0.02


@dataclass(frozen=True)
class Slots:
    """Where which number of a character is when all stand in one row.

    Attributes:
        identities, expressions, joints: how many the body has.
    """

    identities: int
    expressions: int
    joints: int

    @classmethod
    def of(cls, body: Body) -> Slots:
        return cls(body.identity_count, body.expression_count, len(body.joint_names))

    @property
    def parameters(self) -> range:
        return range(PARAMETERS)

    @property
    def identity(self) -> range:
        return range(PARAMETERS, PARAMETERS + self.identities)

    @property
    def expression(self) -> range:
        return range(self.identity.stop, self.identity.stop + self.expressions)

    @property
    def translation(self) -> range:
        return range(self.expression.stop, self.expression.stop + 3)

    @property
    def beyond(self) -> range:
        return range(self.translation.stop, self.translation.stop + self.joints * _CHANNELS)

    def flat(self, state: CharacterState) -> Array:
        """(n,) all numbers in one row."""
        return np.concatenate(
            [
                state.model_parameters,
                state.identity,
                state.expression,
                state.camera_translation,
                state.beyond.ravel(),
            ]
        )

    def state(self, flat: Array) -> CharacterState:
        """The reverse of ``flat``."""
        parameters, identity, expression, place, beyond = (
            flat[part.start : part.stop]
            for part in (self.parameters, self.identity, self.expression, self.translation, self.beyond)
        )
        return CharacterState(parameters, identity, expression, place, beyond.reshape(-1, _CHANNELS))


class _Names:
    """What follows from a body alone: names of slots, and limbs."""

    def __init__(self, body: Body) -> None:
        self._body, self.slots = body, Slots.of(body)

    @cached_property
    def spine(self) -> NDArray[np.intp]:
        """The parameters that pose the spine. Bones share them out among each other, so they are kept together."""
        homes = RigMap.of(self._body).homes
        rows = np.flatnonzero(homes.transform[:, list(homes.shared)].any(axis=1))
        return np.array([*homes.shared, *(i for i, row in enumerate(homes.rows) if row in rows)], np.intp)

    @cached_property
    def units(self) -> list[NDArray[np.intp]]:
        """Slots that are meaningful only together: the rotation of a bone, that of the body, its place, the spine."""
        first = self.slots.beyond.start
        found = {
            joint: [first + joint * _CHANNELS + channel for channel in _TURN] for joint in range(self.slots.joints)
        }
        for index, row in enumerate(RigMap.of(self._body).homes.rows):
            if row >= 0 and row % _CHANNELS in _TURN:
                found[row // _CHANNELS].append(index)
        bones = [np.array(indices, np.intp) for indices in found.values()]
        return [*bones, np.array(_TURN), np.array(self.slots.translation), self.spine]

    @cached_property
    def of_slot(self) -> list[str]:
        """Of each slot the group that it belongs to."""
        rig_map, names = RigMap.of(self._body), [""] * self.slots.beyond.stop
        bones = [_bone_group(name) for name in self._body.joint_names]
        for index, row in enumerate(rig_map.homes.rows):
            names[index] = bones[row // _CHANNELS] if row >= 0 else ""
        starts = {"skeleton": 0, "pose": 0, "shape": self.slots.identity.start, "expression": None}
        for slider in rig_map.sliders:
            start = starts[slider.section]
            if start is not None:
                names[start + slider.index] = label_of(slider.key, in_cm=False)
        for index in self.spine:
            names[index] = SPINE
        for index in (*range(6), *self.slots.translation):
            names[index] = PLACE
        for index in self.slots.expression:
            names[index] = FACE
        for index in self.slots.beyond:
            names[index] = bones[(index - self.slots.beyond.start) // _CHANNELS]
        return names

    @cached_property
    def posing(self) -> NDArray[np.bool_]:
        """(204,) the parameters that pose. The rest are proportions, which no pin ever moves against an edit."""
        return parameters_of(self._body, "pose")

    @cached_property
    def lengths(self) -> dict[int, float]:
        """The parameters that are lengths, and how many cm one of each is."""
        sliders = RigMap.of(self._body).section("skeleton")
        return {slider.index: slider.units for slider in sliders if is_length(slider.key)}

    @cached_property
    def angles(self) -> frozenset[int]:
        """The parameters that are angles, posing or not."""
        skeleton = RigMap.of(self._body).section("skeleton")
        turned = {slider.index for slider in skeleton if slider.angle}
        return frozenset(np.flatnonzero(self.posing).tolist()) | turned

    @cached_property
    def _limbs(self) -> NDArray[np.int64]:
        return limbs_of(self._body)

    @cached_property
    def _limb_of_keypoint(self) -> NDArray[np.int64]:
        rows = named_rows(self._body, self._body.keypoint_names)
        return np.asarray(self._limbs[main_joints(PointSet.from_rows(self._body, rows))])

    @cached_property
    def _limb_of_slot(self) -> NDArray[np.int64]:
        """Of each slot the limb that a pin on it moves it with, -1 for the trunk's, -2 where no pin does."""
        out = np.full(self.slots.beyond.stop, -2)
        transform = self._body.parameterisation
        for index in np.flatnonzero(self.posing):
            moved = set(self._limbs[transform.rows[transform.columns == index] // _CHANNELS].tolist())
            out[index] = moved.pop() if len(moved) == 1 else -1
        out[list(self.slots.translation)] = -1
        out[list(self.slots.beyond)] = np.repeat(self._limbs, _CHANNELS)
        return out

    def yielding_to(self, keypoints: Sequence[int]) -> set[int]:
        limbs = self._limb_of_keypoint[list(keypoints)]
        return set(np.flatnonzero(np.isin(self._limb_of_slot, limbs)).tolist())


_known: WeakKeyDictionary[Body, _Names] = WeakKeyDictionary()


def _names(body: Body) -> _Names:
    found = _known.get(body)
    if found is None:
        found = _known[body] = _Names(body)
    return found


def units(body: Body, changed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The slots that count as changed where some are: see ``_Names.units``."""
    out = changed.copy()
    out[:3] = False
    if not out.any():
        return np.flatnonzero(out)
    for unit in _names(body).units:
        out[unit] |= out[unit].any()
    return np.flatnonzero(out)


def read_ahead(body: Body) -> None:
    """Works out what all this needs of a body, so that it is at hand soon."""
    _names(body).yielding_to([0])


def yielding_to(body: Body, slots: Slots, keypoints: Sequence[int]) -> set[int]:
    """The slots that pins on keypoints move."""
    return _names(body).yielding_to(keypoints) if keypoints else set()


def slots_of(body: Body, group: str, mine: Iterable[int]) -> set[int]:
    """Those of the slots that belong to a group."""
    names = _names(body).of_slot
    return {slot for slot in mine if names[slot] == group}


def differences(
    body: Body, slots: Slots, mine: Mapping[int, float], engine: Mapping[int, float], yielding: Iterable[int]
) -> list[tuple[str, str]]:
    """The groups with edits that hold, in the body's order, and by how much an engine differs; "" where it agrees."""
    names, found = _names(body).of_slot, dict[str, tuple[float, str]]()
    for slot in sorted(set(mine) - set(yielding)):
        by = _apart(body, slots, slot, abs(engine.get(slot, mine[slot]) - mine[slot]))
        found[names[slot]] = max(found.get(names[slot], (0.0, "")), by, key=lambda pair: pair[0])
    return [(name, text if share >= 1.0 else "") for name, (share, text) in found.items()]


def _apart(body: Body, slots: Slots, slot: int, by: float) -> tuple[float, str]:
    """A difference as a share of what is worth a word, and in words."""
    if slot in slots.translation:
        return by / _PLACED, f"{100 * by:.0f} cm"
    if slot in slots.identity:
        return by / _SHAPED, f"{by:.2f}"
    if slot in slots.expression:
        return by / _FACED, f"{by:.2f}"
    known = _names(body)
    channel = (slot - slots.beyond.start) % _CHANNELS if slot in slots.beyond else 6
    if channel in _TURN or slot in known.angles:
        turned = min(by % (2 * np.pi), -by % (2 * np.pi))
        return turned / _TURNED, f"{np.degrees(turned):.0f}\N{DEGREE SIGN}"
    if channel in _SHIFT or slot in known.lengths:
        length = by * known.lengths.get(slot, 1.0)
        return length / _LENGTHENED, f"{length:.1f} cm"
    return by / _SCALED, f"{100 * (2**by - 1):.0f} %"


def _bone_group(bone: str) -> str:
    side = _SIDES.get(bone[:2], "")
    name = bone[2:] if side else bone
    group = next((group for start, group in _BONES if name.startswith(start)), PLACE)
    return f"{side}{group}"
