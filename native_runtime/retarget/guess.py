"""Which bone of an unknown armature corresponds to which joint of MHR: by a map, by names, or by shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .maps import RetargetMap
from .names import read_names
from .roles import EXPECTED, SIDES, spine_of
from .shape import guess_by_shape
from .skeletons import TargetSkeleton

#: Where a rig has controls of its own for forward kinematics ("fk"), these are meant.
_ARMS: tuple[dict[str, str], ...] = (
    {
        "clavicle": "clavicle collar collarbone clav scapula shoulder shoulderblade",
        "uparm": "upperarmfk upperarm uparm armupper arm shldr shldrbend upperarmbend armstretch humerus bicep",
        "lowarm": "forearmfk forearm lowerarm lowarm armlower forearmbend forearmstretch lowerarmstretch elbow",
        "wrist": "handfk hand wrist",
    },
    {"clavicle": "clavicle collar collarbone clav", "uparm": "shoulder", "lowarm": "elbow", "wrist": "wrist hand"},
)
_LEGS: tuple[dict[str, str], ...] = (
    {
        "upleg": "thighfk thigh upperleg upleg legupper thighbend thighstretch upperlegstretch femur",
        "lowleg": "shinfk shin calf lowerleg lowleg leglower leg legstretch lowerlegstretch knee tibia",
        "foot": "footfk foot ankle",
        "ball": "toefk toe toes toebase ball toeroot",
    },
    {"upleg": "hip", "lowleg": "knee", "foot": "ankle", "ball": "foot toe toes toebase ball"},
    {"upleg": "leg", "lowleg": "knee", "foot": "ankle foot", "ball": "toe toes toebase ball"},
)
_HEAD = "head skull"
_NECK = "neck"
_JAW = "jaw jawroot lowerjaw mandible"
_EYE = "eye eyeball"
_FINGERS = {
    "thumb": ("thumb",),
    "index": ("index", "pointer"),
    "middle": ("middle", "mid"),
    "ring": ("ring",),
    "pinky": ("pinky", "pinkie", "little"),
}
_METACARPAL = frozenset({"metacarpal", "meta", "carpal", "palm"})
#: So much of a body must have been found by names, otherwise the skeleton's shape is asked.
_ENOUGH = 0.7


@dataclass(frozen=True)
class Guess:
    """An assignment and where it comes from.

    Attributes:
        assigned: MHR joint -> bone.
        how: in words, for the artist.
        by: the map's name, ``names`` or ``shape``.
    """

    assigned: Mapping[str, str]
    how: str
    by: str


def assigned_by(retarget: RetargetMap, names: Iterable[str]) -> dict[str, str]:
    """MHR joint -> bone, for those of the names that a map knows."""
    found: dict[str, str] = {}
    for name in names:
        joint = retarget.joint_of(name)
        entry = None if joint is None else retarget.bone_of(joint)
        if joint is not None and entry is not None and name.endswith(entry):
            found.setdefault(joint, name)
    return found


def fits(retarget: RetargetMap, assigned: Mapping[str, str]) -> bool:
    """Whether all bones that a map requires have been found."""
    return all(entry.joint in assigned for entry in retarget.bones if entry.required and entry.joint != "body_world")


def guess(target: TargetSkeleton, maps: Sequence[RetargetMap]) -> Guess:
    """The likeliest assignment.

    Args:
        maps: those that are tried first; one fits where all bones that it requires are there.
    """
    fitting = [(assigned_by(retarget, target.names), retarget) for retarget in maps]
    fitting = [(assigned, retarget) for assigned, retarget in fitting if fits(retarget, assigned)]
    if fitting:
        assigned, retarget = max(fitting, key=lambda pair: len(pair[0]))
        return Guess(assigned, f"The map '{retarget.title}' fits", retarget.name)
    by_names = guess_by_names(target)
    if _share(by_names) >= _ENOUGH:
        return Guess(by_names, "Guessed from the bones' names", "names")
    by_shape = guess_by_shape(target)
    if _share(by_shape) > _share(by_names):
        return Guess(by_shape, "Guessed from the shape of the skeleton, since its names are not known", "shape")
    return Guess(by_names, "Only some bones could be identified by their names", "names")


def _share(assigned: Mapping[str, str]) -> float:
    return sum(joint in assigned for joint in EXPECTED) / len(EXPECTED)


def guess_by_names(target: TargetSkeleton) -> dict[str, str]:
    """MHR joint -> bone, by names and by what hangs on what."""
    return _Reader(target).read()


class _Reader:
    """Limbs, head and fingers have telling names in nearly every armature; hips, spine and neck are what connects
    them.
    """

    def __init__(self, target: TargetSkeleton) -> None:
        self.target = target
        self.names = read_names(target.names)
        self.found: dict[str, int] = {}

    def read(self) -> dict[str, str]:
        for side in SIDES:
            self._limb(side, _ARMS)
            self._limb(side, _LEGS)
        self._middle()
        for side in SIDES:
            self._toes(side)
            if f"{side}_wrist" in self.found:
                self._fingers(side)
        if not any(self.names[bone].word.endswith("fk") for bone in self.found.values()):
            self._face()  # which in control rigs looks where its own controls are
        assigned: dict[str, str] = {}
        used: set[int] = set()
        for joint, bone in self.found.items():
            if bone not in used:
                used.add(bone)
                assigned[joint] = self.target.names[bone]
        return assigned

    def _ancestors(self, bone: int) -> list[int]:
        chain = [bone]
        while (parent := int(self.target.parents[chain[-1]])) >= 0:
            chain.append(parent)
        return chain

    def _named(self, side: str, words: str) -> list[int]:
        """The bones of these words, those of the first words first, then those nearest to the root."""
        order = words.split()
        found = [
            (order.index(name.word), len(self._ancestors(i)), i)
            for i, name in enumerate(self.names)
            if name.side == side and not name.helper and name.word in order
        ]
        return [i for *_, i in sorted(found)]

    def _limb(self, side: str, schemes: tuple[dict[str, str], ...]) -> None:
        """Names mean different things in different rigs (a "shoulder" may be a collar bone or an upper arm): the
        reading that explains most bones as one chain is taken.
        """
        best: dict[str, int] = {}
        for scheme in schemes:
            chain: dict[str, int] = {}
            above = None
            for part, words in scheme.items():
                named = [bone for bone in self._named(side, words) if bone not in chain.values()]
                below = [bone for bone in named if above is None or above in self._ancestors(bone)[1:]]
                # in control rigs an arm hangs on the shoulder that is seen, not on the one that is posed
                candidates = below or (named if list(chain) == ["clavicle"] else [])
                if candidates:
                    chain[part] = above = candidates[0]
            if len(chain) > len(best):
                best = chain
        self.found.update({f"{side}_{part}": bone for part, bone in best.items()})

    def _toes(self, side: str) -> None:
        """Five toes are not a ball of the foot."""
        ball = self.found.get(f"{side}_ball")
        if ball is not None:
            siblings = np.flatnonzero(self.target.parents == self.target.parents[ball])
            if sum(self.names[i].word == self.names[ball].word for i in siblings) > 1:
                del self.found[f"{side}_ball"]

    def _common(self, joints: Iterable[str]) -> int | None:
        """The bone on which all of these hang that were found."""
        lines = [self._ancestors(self.found[joint])[1:] for joint in joints if joint in self.found]
        shared = [bone for bone in lines[0] if all(bone in line for line in lines[1:])] if len(lines) > 1 else []
        return shared[0] if shared else None

    def _middle(self) -> None:
        heads = self._named("c", _HEAD)
        arms = [joint for side in SIDES for joint in (f"{side}_uparm", f"{side}_clavicle") if joint in self.found]
        chest = self._common(arms)
        if heads:
            inside = [bone for bone in heads if chest is None or chest in self._ancestors(bone)]
            self.found["c_head"] = (inside or heads)[0]
        hips = self._common([*(f"{side}_upleg" for side in SIDES), *(["c_head"] if heads else arms)])
        if hips is None:
            hips = next(iter(self._named("c", "hips hip pelvis")), None)
        if hips is not None:
            self.found["root"] = hips
        if heads:
            line = self._ancestors(self.found["c_head"])[1:]
            between = line[: line.index(chest)] if chest in line else []
            neck = [bone for bone in line if self.names[bone].word.startswith(_NECK) and bone != hips] or between
            neck = [bone for bone in neck if not self.names[bone].helper] or neck
            if neck:
                self.found["c_neck"] = neck[-1]
        if hips is not None and chest is not None:
            line = self._ancestors(chest)
            spine = line[: line.index(hips)][::-1] if hips in line else []
            self.found.update(spine_of([bone for bone in spine if not self.names[bone].helper]))

    def _face(self) -> None:
        for joint, side, words in (("c_jaw", "c", _JAW), ("l_eye", "l", _EYE), ("r_eye", "r", _EYE)):
            bones = self._named(side, words)
            if bones:
                self.found[joint] = bones[0]

    # --- fingers ---

    def _fingers(self, side: str) -> None:
        wrist = self.found[f"{side}_wrist"]
        mine = [(i, name) for i, name in enumerate(self.names) if name.side == side and not name.helper and i != wrist]
        # in control rigs fingers hang on the hand that is seen, not on the one that is posed
        mine = [(i, name) for i, name in mine if wrist in self._ancestors(i)] or mine
        counted = [(i, name) for i, name in mine if name.word == "finger" and name.numbers]
        first = min((int(name.numbers[0][0]) for _, name in counted), default=0)
        for number, (finger, words) in enumerate(_FINGERS.items()):
            bones = [i for i, name in mine if set(words) & set(name.words) and "toe" not in name.words]
            bones = bones or [i for i, name in counted if int(name.numbers[0][0]) - first == number]
            self._finger(side, finger, self._chain(bones), wrist)

    def _chain(self, bones: list[int]) -> list[int]:
        """The longest chain of these bones, each a child of the one before."""
        lines = [[b for b in reversed(self._ancestors(bone)) if b in bones] for bone in bones]
        return max(lines, key=len, default=[])

    def _finger(self, side: str, finger: str, bones: list[int], wrist: int) -> None:
        heads = self.target.heads
        if finger == "thumb":
            numbers = [0, 1, 2, 3] if len(bones) >= 4 else [1, 2, 3]
        else:
            numbers = [1, 2, 3]
            # a bone that begins nearer to the wrist than it is long lies in the palm
            inside = len(bones) > 1 and (
                _METACARPAL & set(self.names[bones[0]].words)
                or np.linalg.norm(heads[bones[0]] - heads[wrist]) < np.linalg.norm(heads[bones[1]] - heads[bones[0]])
            )
            if inside and finger == "pinky":
                numbers = [0, 1, 2, 3]
            elif inside:
                bones = bones[1:]
        self.found.update({f"{side}_{finger}{number}": bone for number, bone in zip(numbers, bones)})
