"""Materials by the names that a body gives its parts.

All are procedural: patterns are laid out in the body's rest shape through the point attribute ``rest_position``, so
that they stay in place when the character moves and no picture has to travel with the file. Colours are linear
Rec.709.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import mhr_to_blender
from native_runtime.texture.part_colours import PART_COLOURS

from .. import compat
from .fingerprint import fingerprint
from .nodes import Shader, arrange

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: The point attribute with each vertex's place in the rest shape (m, object axes).
REST_POSITION = "rest_position"
#: Custom properties of a material: the body, part and units that it was made for, and what it then was (see
#: ``fingerprint``).
MADE_FOR = "sam3db_made_for"
MADE_AS = "sam3db_made_as"

Colour = tuple[float, float, float]

_SKIN: Colour = (0.53, 0.29, 0.20)
_SKIN_DEEP: Colour = (0.43, 0.19, 0.13)
_LIPS: Colour = (0.45, 0.20, 0.165)
_NAILS: Colour = (0.66, 0.40, 0.33)
_TEETH: Colour = PART_COLOURS["teeth"]
_TONGUE: Colour = PART_COLOURS["tongue"]
_HAIR: Colour = (0.035, 0.022, 0.015)
_SCLERA: Colour = PART_COLOURS["eyes"]
_IRIS: Colour = PART_COLOURS["iris"]
_IRIS_RIM: Colour = (0.03, 0.018, 0.01)
_PUPIL: Colour = PART_COLOURS["pupil"]

#: The power by which colours are made lighter for Solid view, whose light is dimmer than a scene's.
SOLID_VIEW_LIFT = 0.7

#: Half angles, seen from the eye's centre: pupil 2 mm and iris 6 mm on a ball of 12 mm.
_PUPIL_ANGLE, _IRIS_ANGLE = np.radians(9.5), np.radians(29.0)


@dataclass(frozen=True)
class EyeAxes:
    """Where the left eye is and looks in the rest shape (the right one mirrors it): (3,) m and (3,) unit, object
    axes.
    """

    centre: NDArray[np.float64]
    gaze: NDArray[np.float64]


def body_materials(body: Body, units: float = 1.0) -> list[bpy.types.Material]:
    """One material per name in ``body.material_names``, in that order; names that are not known get skin.

    All characters of a body share them, as long as they are as they were made: what an artist has changed is left to
    those who have it, and others get the originals again.

    Args:
        units: of the scene, for a metre: the depth of skin is a length.
    """
    shared = {m[MADE_FOR]: m for m in bpy.data.materials if m.get(MADE_FOR) and not m.library and _untouched(m)}
    return [
        shared.get(f"{body.hash} {name} {units:g}") or _material(str(name), body, units) for name in body.material_names
    ]


def store_rest_positions(obj: bpy.types.Object, points: NDArray[Any]) -> None:
    """Writes the attribute that the materials read: (V, 3) m, object axes."""
    attribute = obj.data.attributes.new(REST_POSITION, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", np.ascontiguousarray(points, dtype=np.float32).ravel())


def part_colour(part: str) -> Colour | None:
    """The colour that a part of a body mainly has, linear Rec.709; None where the name is not known."""
    return _PARTS[part][1] if part in _PARTS else None


def eye_axes(body: Body) -> EyeAxes:
    """The left eye's centre and gaze from the body's joints at rest."""
    joints = mhr_to_blender(body.pose(np.zeros(len(body.parameter_names))).translations)
    centre = joints[body.joint_index("l_eye")]
    ahead = joints[body.joint_index("l_eye_null")] - centre
    return EyeAxes(centre=centre, gaze=ahead / np.linalg.norm(ahead))


def _untouched(material: bpy.types.Material) -> bool:
    """Whether a material is as it was made."""
    return material.get(MADE_AS) == fingerprint(material)


def _material(part: str, body: Body, units: float) -> bpy.types.Material:
    material = bpy.data.materials.new(f"{body.name} {part}")
    shader = Shader(compat.node_tree_of(material))
    build, colour = _PARTS.get(part, _PARTS["skin"])
    shader.surface(build(shader, colour, body))
    arrange(shader.tree)
    # what Solid view shows, whose light is dimmer than a scene's
    material.diffuse_color = (*(channel**SOLID_VIEW_LIFT for channel in colour), 1.0)
    material.roughness = 0.5
    for node in shader.tree.nodes:
        if "Subsurface Scale" in node.inputs:
            depth: Any = node.inputs["Subsurface Scale"]
            depth.default_value *= units
    material[MADE_FOR] = f"{body.hash} {part} {units:g}"
    material[MADE_AS] = fingerprint(material)
    return material


def _skin(shader: Shader, colour: Colour, body: Body) -> Any:
    """Skin: mottled colour, uneven gloss, fine pores, light that travels under the surface."""
    place = shader.attribute(REST_POSITION)
    patches = shader.smooth(shader.noise(place, 9.0, 3.0), 0.35, 0.7)
    freckles = shader.smooth(shader.noise(place, 160.0, 2.0), 0.4, 0.75)
    base = shader.mix(shader.math("MULTIPLY", patches, 0.35), colour, _SKIN_DEEP)
    base = shader.mix(shader.math("MULTIPLY", freckles, 0.12), base, _SKIN_DEEP)
    gloss = shader.math("MULTIPLY_ADD", shader.noise(place, 40.0), 0.16, 0.40)
    pores = shader.node("ShaderNodeBump", {"Height": shader.noise(place, 900.0), "Strength": 0.08, "Distance": 0.001})
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": base,
            "Roughness": gloss,
            "Specular IOR Level": 0.4,
            "Subsurface Weight": 0.6,
            "Subsurface Radius": (1.0, 0.36, 0.2),
            "Subsurface Scale": 0.006,
            "Normal": pores.outputs[0],
        },
    ).outputs[0]


def _plain(roughness: float, subsurface: float) -> Callable[[Shader, Colour, Body], Any]:
    """A part of one colour."""

    def build(shader: Shader, colour: Colour, body: Body) -> Any:
        inputs: dict[str | int, Any] = {"Base Color": colour, "Roughness": roughness}
        if subsurface:
            inputs |= {"Subsurface Weight": subsurface, "Subsurface Scale": 0.003}
        return shader.node("ShaderNodeBsdfPrincipled", inputs).outputs[0]

    return build


def _eye(shader: Shader, colour: Colour, body: Body) -> Any:
    """An eyeball with pupil, iris and white, drawn by the angle from the gaze; a wet coat above."""
    eye = eye_axes(body)
    x, y, z = shader.node("ShaderNodeSeparateXYZ", {"Vector": shader.attribute(REST_POSITION)}).outputs
    left = shader.node("ShaderNodeCombineXYZ", {"X": shader.math("ABSOLUTE", x), "Y": y, "Z": z}).outputs[0]
    outward = shader.vector_math("NORMALIZE", shader.vector_math("SUBTRACT", left, tuple(eye.centre.tolist())))
    angle = shader.math("ARCCOSINE", shader.vector_math("DOT_PRODUCT", outward, tuple(eye.gaze.tolist())))
    fibres = shader.noise(shader.vector_math("MULTIPLY", outward, (60.0, 60.0, 60.0)), 1.0, 3.0)
    iris = shader.mix(fibres, _IRIS, _IRIS_RIM)
    iris = shader.mix(shader.smooth(angle, 0.75 * _IRIS_ANGLE, _IRIS_ANGLE), iris, _IRIS_RIM)
    seen = shader.mix(shader.smooth(angle, _PUPIL_ANGLE - 0.02, _PUPIL_ANGLE + 0.02), _PUPIL, iris)
    seen = shader.mix(shader.smooth(angle, _IRIS_ANGLE - 0.03, _IRIS_ANGLE + 0.05), seen, _SCLERA)
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {"Base Color": seen, "Roughness": 0.25, "Coat Weight": 1.0, "Coat Roughness": 0.03},
    ).outputs[0]


_PARTS: dict[str, tuple[Callable[[Shader, Colour, Body], Any], Colour]] = {
    "skin": (_skin, _SKIN),
    "lips": (_plain(0.35, 0.3), _LIPS),
    "nails": (_plain(0.25, 0.2), _NAILS),
    # one drawing for the whole eyeball: its own circles are rounder than the faces that bound the parts
    "eyes": (_eye, _SCLERA),
    "iris": (_eye, _IRIS),
    "pupil": (_eye, _PUPIL),
    "teeth": (_plain(0.2, 0.2), _TEETH),
    "tongue": (_plain(0.35, 0.3), _TONGUE),
    "mouth": (_plain(0.4, 0.3), _TONGUE),
    "gums": (_plain(0.35, 0.3), _TONGUE),
    "lashes": (_plain(0.5, 0.0), _HAIR),
    "brows": (_plain(0.6, 0.0), _HAIR),
    "hair": (_plain(0.5, 0.0), _HAIR),
}
