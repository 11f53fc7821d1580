"""Rigs whose limbs have controls for inverse kinematics: what these are called, in each make of rig.

A make is a JSON file in ``rig_templates/control_rigs``. Names in it are lists: the first one that a rig has is meant,
since names differ between versions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from native_runtime.files.templates import load_json

_FOLDER = "control_rigs"
_LEAST_LIMBS = 2


@dataclass(frozen=True)
class Switch:
    """A property that says how a limb is posed.

    Attributes:
        bones: those that may have it; all bones where none is named.
        names: of the property.
        value: for inverse kinematics by a target and a pole.
    """

    bones: tuple[str, ...]
    names: tuple[str, ...]
    value: float


@dataclass(frozen=True)
class IkLimb:
    """An arm or a leg of one rig.

    Attributes:
        title: for people.
        joints: the MHR joints of its chain: where it begins, bends and ends.
        chain: the bones of its forward kinematics there.
        shown: a bone that stands where the limb bends, whatever it is posed by.
        target: the control of its end.
        pole: the control that it bends towards; None where there is none.
        swivel: a control that turns the limb about its own line instead of a pole; None where there is none.
        stiff: bones that the solver would stretch, by their own property, also where the target is within reach.
        switches: what is set for it.
        rest: controls that are to be at rest for the target to say where the end is.
        after: controls beyond its end, each with the bone that it is to stand like.
    """

    title: str
    joints: tuple[str, str, str]
    chain: tuple[str, str, str]
    shown: str
    target: str
    pole: str | None
    swivel: str | None
    stiff: tuple[str, ...]
    switches: tuple[Switch, ...]
    rest: tuple[str, ...]
    after: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ControlRig:
    """A rig with such controls.

    Attributes:
        title: of its make.
        bones: MHR joint -> control of forward kinematics, as far as the make's file says so.
        limbs: those that it has.
    """

    title: str
    bones: Mapping[str, str]
    limbs: tuple[IkLimb, ...]

    @property
    def assigned(self) -> dict[str, str]:
        """MHR joint -> control of forward kinematics, those of the limbs included."""
        chains = {joint: bone for limb in self.limbs for joint, bone in zip(limb.joints, limb.chain, strict=True)}
        return {**self.bones, **chains}


def control_rig_of(names: Collection[str]) -> ControlRig | None:
    """What a rig is, by the names of its bones; None where it has no controls of a make that is known."""
    there = set(names)
    found = [_found(_read(make), there) for make in makes()]
    best = max(found, key=lambda rig: len(rig.limbs), default=None)
    return best if best is not None and len(best.limbs) >= _LEAST_LIMBS else None


@cache
def makes() -> tuple[str, ...]:
    """The makes of rigs that are known, by the names of their files."""
    entries = resources.files("rig_templates").joinpath(_FOLDER).iterdir()
    return tuple(sorted(entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json")))


def titles() -> list[str]:
    """What people call the makes."""
    return [str(_read(make)["title"]) for make in makes()]


@cache
def _read(make: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = load_json(_FOLDER, f"{make}.json")
    return content


def _found(make: Mapping[str, Any], there: set[str]) -> ControlRig:
    bones = {joint: name for joint, names in make["bones"].items() if (name := _first(names, there)) is not None}
    limbs = (_limb(entry, there) for entry in make["limbs"])
    return ControlRig(make["title"], bones, tuple(limb for limb in limbs if limb is not None))


def _limb(entry: Mapping[str, Any], there: set[str]) -> IkLimb | None:
    chain = [_first(names, there) for names in entry["chain"]]
    shown, target = _first(entry["shown"], there), _first(entry["target"], there)
    upper, lower, end = chain
    if upper is None or lower is None or end is None or shown is None or target is None:
        return None
    after = [(_first(pair["control"], there), _first(pair["like"], there)) for pair in entry["after"]]
    first, middle, last = entry["joints"]
    return IkLimb(
        entry["name"],
        (first, middle, last),
        (upper, lower, end),
        shown,
        target,
        _first(entry["pole"], there),
        _first(entry["swivel"], there),
        tuple(name for name in entry["stiff"] if name in there),
        tuple(Switch(tuple(one["bone"]), tuple(one["property"]), float(one["ik"])) for one in entry["switches"]),
        tuple(name for name in entry["rest"] if name in there),
        tuple((control, like) for control, like in after if control is not None and like is not None),
    )


def _first(names: Sequence[str], there: set[str]) -> str | None:
    return next((name for name in names if name in there), None)
