"""The sliders of a character: the custom properties of its armature object, without Blender.

Every one of MHR's 204 parameters has exactly one home. An angle of one joint (and the root's place) lives in the
channel of that joint's bone, where an artist poses it; everything else is a slider here: the proportions of the
skeleton, and the six parameters that spread over the spine. Identity and expression coefficients are sliders as well,
so that skeleton, shape and face stand side by side; they drive the mesh's shape keys.

Names, groups and descriptions come from ``rig_templates/mhr/sliders.json``; a parameter that it does not know keeps its
own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from native_runtime.files.templates import load_json
from native_runtime.mhr.ages import AGE_GROUP

from .wiring import ParameterHomes

if TYPE_CHECKING:
    from native_runtime.mhr import Body

Section = Literal["pose", "skeleton", "shape", "expression"]

#: Blender's own limits for the slider of a shape key; a value outside cannot be stored.
SHAPE_KEY_LIMIT = 10.0
#: Expressions are made for 0..1; the slider leaves room for exaggeration and for the opposite.
EXPRESSION_RANGE = (-1.0, 2.0)
#: What may be typed beyond a slider's range: MHR's limits are those of ordinary people, not of characters.
_TYPED_BEYOND = 4.0
_OTHER_GROUP = "Other"
_POSE_GROUP = "Spine"
_EXPRESSION_GROUP = "Face"
_SHAPE_GROUPS = {"body": "Body", "head": "Head", "hands": "Hands", AGE_GROUP: "Age"}


@dataclass(frozen=True)
class Slider:
    """One custom property.

    Attributes:
        key: the property's name, ``group: name``.
        section: which kind of number it is.
        group, name: as the panel shows them.
        index: of the model parameter (pose, skeleton) or of the coefficient (shape, expression).
        low, high: the range of the slider.
        floor, ceiling: what can be typed.
        description: the tooltip.
        units: how many units of the property one of the parameter or the coefficient is: lengths are in centimetres.
        angle: whether it is one, in radians.
    """

    key: str
    section: Section
    group: str
    name: str
    index: int
    low: float
    high: float
    floor: float
    ceiling: float
    description: str
    units: float = 1.0
    angle: bool = False


def character_sliders(body: Body) -> tuple[Slider, ...]:
    """All sliders of a body, in the order in which they are listed."""
    return (*parameter_sliders(body), *identity_sliders(body), *expression_sliders(body))


def parameter_sliders(body: Body) -> list[Slider]:
    """The sliders of those model parameters that are not a single channel of a bone, in the template's order."""
    template = load_json("mhr", "sliders.json")
    known: dict[str, dict[str, Any]] = {entry["parameter"]: entry for entry in template["sliders"]}
    order = {name: i for i, name in enumerate(known)}
    homes = ParameterHomes.of(body)
    names = body.parameter_names
    indices = sorted(homes.sliders, key=lambda i: (order.get(names[i], len(order)), i))
    return [_parameter_slider(body, i, known.get(names[i], {}), i in homes.shared) for i in indices]


def _parameter_slider(body: Body, index: int, entry: dict[str, Any], posing: bool) -> Slider:
    parameter = body.parameter_names[index]
    low, high = float(body.limit_min[index]), float(body.limit_max[index])
    reach = float(entry.get("reach", 1.0))
    low, high = (low if np.isfinite(low) else -reach), (high if np.isfinite(high) else reach)
    note = ""
    if low == high:
        note = "; MHR itself keeps it at 0"
        low, high = -reach, reach
    group, name = entry.get("group", _OTHER_GROUP), entry.get("name", parameter)
    units = float(entry.get("cm", 1.0))
    low, high = low * units, high * units
    return Slider(
        key=f"{group}: {name}",
        section="pose" if posing else "skeleton",
        group=group,
        name=name,
        index=index,
        low=low,
        high=high,
        floor=min(_TYPED_BEYOND * low, 0.0),
        ceiling=max(_TYPED_BEYOND * high, 0.0),
        description=f"{entry.get('description', 'A parameter of MHR')}{note} ({parameter})",
        units=units,
        angle=entry.get("angle", False),
    )


def identity_sliders(body: Body) -> list[Slider]:
    """The sliders of the surface shape; ``key`` is also the shape key's name."""
    sliders = []
    ranges = zip(body.identity_min.tolist(), body.identity_max.tolist())
    for i, (part, name, (low, high)) in enumerate(zip(body.identity_groups, body.identity_names, ranges)):
        group = _SHAPE_GROUPS.get(part, part.title())
        known = _shapes().get(str(name), {}).get("description", f"Soft tissue of the {part}")
        text = f"{known}; it moves no bone (identity coefficient {i})"
        sliders.append(_coefficient("shape", group, name, i, low, high, text))
    return sliders


def expression_sliders(body: Body) -> list[Slider]:
    """The sliders of the face; the shape keys have the same names without the group, as face capture wants them."""
    return [
        _coefficient(
            "expression",
            _EXPRESSION_GROUP,
            name,
            i,
            *EXPRESSION_RANGE,
            f"How much of this expression the face shows; 1 is all of it (expression coefficient {i}, {name})",
        )
        for i, name in enumerate(body.expression_names)
    ]


def slider_groups(keys: Iterable[str]) -> dict[Section, dict[str, list[str]]]:
    """The sliders among an object's property names, by section and group, in their order; it needs no body.

    What the template does not call a group of the skeleton is a group of the shape.
    """
    of_skeleton = set(load_json("mhr", "sliders.json")["groups"])
    found: dict[Section, dict[str, list[str]]] = {"pose": {}, "skeleton": {}, "shape": {}, "expression": {}}
    for key in keys:
        group, colon, _ = key.partition(": ")
        if not colon:
            continue
        section: Section = "shape"
        if group == _POSE_GROUP:
            section = "pose"
        elif group in of_skeleton or group == _OTHER_GROUP:
            section = "skeleton"
        elif group == _EXPRESSION_GROUP:
            section = "expression"
        found[section].setdefault(group, []).append(key)
    return found


def label_of(key: str, in_cm: bool = True) -> str:
    """A slider as an artist reads it: its name in title case, with its unit.

    Args:
        in_cm: whether the character's lengths are in centimetres (``properties.in_centimetres``).
    """
    name = key.partition(": ")[2]
    known = _shapes().get(name)
    if known is not None:
        return str(known["label"])
    name = _short_labels().get(key, name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", name.replace("_", " ")).split()
    title = " ".join(word[:1].upper() + word[1:] for word in words)
    return f"{title} (cm)" if in_cm and is_length(key) else title


def is_length(key: str) -> bool:
    """Whether a slider is a length."""
    return key in _lengths()


@cache
def _short_labels() -> dict[str, str]:
    """What the panel shows of sliders whose names are too long for it, by their keys."""
    entries = load_json("mhr", "sliders.json")["sliders"]
    return {f"{entry['group']}: {entry['name']}": entry["label"] for entry in entries if "label" in entry}


@cache
def _lengths() -> frozenset[str]:
    """The keys of the sliders that are lengths."""
    entries = load_json("mhr", "sliders.json")["sliders"]
    return frozenset(f"{entry['group']}: {entry['name']}" for entry in entries if "cm" in entry)


@cache
def _shapes() -> dict[str, dict[str, str]]:
    """The default body's sliders of the shape, by their names in the body: ``label`` and ``description``."""
    shapes: dict[str, dict[str, str]] = load_json("mhr", "sliders.json")["shapes"]
    return shapes


def _coefficient(section: Section, group: str, name: str, index: int, low: float, high: float, text: str) -> Slider:
    return Slider(
        key=f"{group}: {name}",
        section=section,
        group=group,
        name=name,
        index=index,
        low=max(low, -SHAPE_KEY_LIMIT),
        high=min(high, SHAPE_KEY_LIMIT),
        floor=-SHAPE_KEY_LIMIT,
        ceiling=SHAPE_KEY_LIMIT,
        description=text,
    )
