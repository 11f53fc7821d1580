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
from native_runtime.texture.skin_parts import skin_parts, skin_zones

from .. import compat
from .fingerprint import fingerprint
from .nodes import Shader, arrange

if TYPE_CHECKING:
    from native_runtime.mhr import Body

#: The point attribute with each vertex's place in the rest shape (m, object axes).
REST_POSITION = "rest_position"
#: The point attribute with how far each vertex belongs to palms and soles, to flushed places, and to the lids.
SKIN_ZONES = "skin_zones"
#: Custom properties of a material: the body, part and units that it was made for, and what it then was (see
#: ``fingerprint``).
MADE_FOR = "sam3db_made_for"
MADE_AS = "sam3db_made_as"

Colour = tuple[float, float, float]
Builder = Callable[[Shader, Colour, "EyeAxes | None", "BodyColours"], Any]

_TEETH: Colour = PART_COLOURS["teeth"]
_TONGUE: Colour = PART_COLOURS["tongue"]
_HAIR: Colour = (0.035, 0.022, 0.015)
_SCLERA: Colour = PART_COLOURS["eyes"]
_PUPIL: Colour = PART_COLOURS["pupil"]
#: Of the white of an eye: where it is in the lids' shade, and in its corners.
_LID_SHADE, _CORNER = (0.30, 0.235, 0.225), (0.52, 0.33, 0.29)

#: The power by which colours are made lighter for Solid view, whose light is dimmer than a scene's.
SOLID_VIEW_LIFT = 0.7

#: Radius of pupil and iris, cm (the iris is 11.7 mm wide in adults).
_PUPIL_RADIUS, _IRIS_RADIUS = 0.21, 0.60


@dataclass(frozen=True)
class BodyColours:
    """What the materials of a body are made with, linear Rec.709: the tone of the skin, and the iris; the lips where
    they are not to follow from the skin.
    """

    skin: Colour = (0.53, 0.29, 0.20)
    iris: Colour = PART_COLOURS["iris"]
    lips: Colour | None = None


USUAL = BodyColours()


@dataclass(frozen=True)
class EyeAxes:
    """Where the left eye is and looks in the rest shape (the right one mirrors it): (3,) m and (3,) unit, object
    axes; and the ball's radius, m.
    """

    centre: NDArray[np.float64]
    gaze: NDArray[np.float64]
    radius: float


def body_materials(body: Body, units: float = 1.0, colours: BodyColours = USUAL) -> list[bpy.types.Material]:
    """One material per name in ``body.material_names``, in that order; names that are not known get skin.

    Characters of a body and of the same colours share them, as long as they are as they were made: what an artist has
    changed is left to those who have it, and others get the originals again.

    Args:
        units: of the scene, for a metre: the depth of skin is a length.
    """
    parts = [str(name) for name in body.material_names]
    eyes = eye_axes(body) if any(_PARTS.get(part, _PARTS["skin"])[0] is _eye for part in parts) else None
    return [_shared_or_new(part, body.name, body.hash, eyes, units, colours) for part in parts]


def skin_material(part: str, body_name: str, body_hash: str, units: float, colours: BodyColours) -> bpy.types.Material:
    """The material of one of ``TINTED_BY_SKIN`` for a body that is not at hand; shared as by ``body_materials``."""
    assert part in TINTED_BY_SKIN
    return _shared_or_new(part, body_name, body_hash, None, units, colours)


def _shared_or_new(
    part: str, body_name: str, body_hash: str, eyes: EyeAxes | None, units: float, colours: BodyColours
) -> bpy.types.Material:
    made_for = _made_for(part, body_hash, units, colours)
    for material in bpy.data.materials:
        if material.get(MADE_FOR) == made_for and not material.library and is_untouched(material):
            return material
    return _material(part, body_name, made_for, eyes, units, colours)


def store_rest_positions(obj: bpy.types.Object, points: NDArray[Any]) -> None:
    """Writes the attribute that the materials read: (V, 3) m, object axes."""
    attribute = obj.data.attributes.new(REST_POSITION, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", np.ascontiguousarray(points, dtype=np.float32).ravel())


def store_skin_zones(obj: bpy.types.Object, body: Body) -> None:
    """Writes the attribute by which skin differs from place to place."""
    attribute = obj.data.attributes.new(SKIN_ZONES, "FLOAT_VECTOR", "POINT")
    attribute.data.foreach_set("vector", np.ascontiguousarray(skin_zones(body), dtype=np.float32).ravel())


def main_colour(material: bpy.types.Material) -> Colour | None:
    """The colour, linear Rec.709, that one of these materials mainly has; None for materials of others."""
    if not material.get(MADE_FOR):
        return None
    red, green, blue = (float(channel) ** (1 / SOLID_VIEW_LIFT) for channel in material.diffuse_color[:3])
    return red, green, blue


def eye_axes(body: Body) -> EyeAxes:
    """The left eye's centre and gaze from the body's joints at rest."""
    joints = mhr_to_blender(body.pose(np.zeros(len(body.parameter_names))).translations)
    centre = joints[body.joint_index("l_eye")]
    ahead = joints[body.joint_index("l_eye_null")] - centre
    return EyeAxes(centre=centre, gaze=ahead / np.linalg.norm(ahead), radius=_ball_radius(body, centre))


def _ball_radius(body: Body, centre: NDArray[np.float64]) -> float:
    """m, of the left eyeball: of the vertices of its parts, where the body has such."""
    parts = [number for number, name in enumerate(body.material_names) if name in ("eyes", "iris", "pupil")]
    vertices = np.unique(body.face_vertices[np.repeat(np.isin(body.face_materials, parts), body.face_sizes)])
    away = np.linalg.norm(mhr_to_blender(body.rest_vertices[vertices]) - centre, axis=1)
    mine = away[away < 0.025]
    return float(np.median(mine)) if len(mine) else 0.012


def is_untouched(material: bpy.types.Material) -> bool:
    """Whether a material is as it was made."""
    return material.get(MADE_AS) == fingerprint(material)


def _made_for(part: str, body_hash: str, units: float, colours: BodyColours) -> str:
    """What tells materials apart: those of the usual colours have no colours in it, as in older files."""
    tint = ""
    for name in _TINTED_BY.get(part, ("skin",) if part not in _PARTS else ()):
        usual, own = getattr(USUAL, name), getattr(colours, name)
        if own != usual:
            tint += f" {name} " + " ".join(f"{channel:.4f}" for channel in own)
    return f"{body_hash} {part} {units:g}{tint}"


def _material(
    part: str, body_name: str, made_for: str, eyes: EyeAxes | None, units: float, colours: BodyColours
) -> bpy.types.Material:
    material = bpy.data.materials.new(f"{body_name} {part}")
    shader = Shader(compat.node_tree_of(material))
    build, colour_of = _PARTS.get(part, _PARTS["skin"])
    colour = colour_of(colours)
    shader.surface(build(shader, colour, eyes, colours))
    arrange(shader.tree)
    # what Solid view shows, whose light is dimmer than a scene's
    material.diffuse_color = (*(channel**SOLID_VIEW_LIFT for channel in colour), 1.0)
    material.roughness = 0.5
    for node in shader.tree.nodes:
        if "Subsurface Scale" in node.inputs:
            depth: Any = node.inputs["Subsurface Scale"]
            depth.default_value *= units
    material[MADE_FOR] = made_for
    material[MADE_AS] = fingerprint(material)
    return material


def _skin(shader: Shader, colour: Colour, eyes: EyeAxes | None, colours: BodyColours) -> Any:
    """Skin: mottled colour, paler palms and soles, flushed cheeks, uneven gloss, fine pores, light that travels under
    the surface.
    """
    parts = skin_parts(colour)
    place = shader.attribute(REST_POSITION)
    pale, flushed, lids = shader.node("ShaderNodeSeparateXYZ", {"Vector": shader.attribute(SKIN_ZONES)}).outputs
    patches = shader.smooth(shader.noise(place, 9.0, 3.0), 0.35, 0.7)
    freckles = shader.smooth(shader.noise(place, 160.0, 2.0), 0.4, 0.75)
    base = shader.mix(shader.math("MULTIPLY", patches, 0.35), parts.tone, parts.deep)
    base = shader.mix(shader.math("MULTIPLY", freckles, 0.12), base, parts.freckles)
    base = shader.mix(shader.math("MULTIPLY", flushed, 0.5), base, parts.flushed)
    base = shader.mix(shader.math("MULTIPLY", lids, 0.6), base, parts.lids)
    base = shader.mix(shader.math("MULTIPLY", pale, 0.8), base, parts.palms)
    gloss = shader.math("MULTIPLY_ADD", shader.noise(place, 40.0), 0.16, 0.40)
    pores = shader.node("ShaderNodeBump", {"Height": shader.noise(place, 900.0), "Strength": 0.08, "Distance": 0.001})
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": base,
            "Roughness": gloss,
            "Specular IOR Level": 0.4,
            # melanin lies above what scatters: light goes less far under dark skin
            "Subsurface Weight": 0.3 + 0.3 * min(max(colour) / 0.5, 1.0),
            "Subsurface Radius": (1.0, 0.36, 0.2),
            "Subsurface Scale": 0.006,
            "Normal": pores.outputs[0],
        },
    ).outputs[0]


def _plain(roughness: float, subsurface: float) -> Builder:
    """A part of one colour."""

    def build(shader: Shader, colour: Colour, eyes: EyeAxes | None, colours: BodyColours) -> Any:
        inputs: dict[str | int, Any] = {"Base Color": colour, "Roughness": roughness}
        if subsurface:
            inputs |= {"Subsurface Weight": subsurface, "Subsurface Scale": 0.003}
        return shader.node("ShaderNodeBsdfPrincipled", inputs).outputs[0]

    return build


def _eye(shader: Shader, colour: Colour, eyes: EyeAxes | None, colours: BodyColours) -> Any:
    """An eyeball with pupil, iris and white, drawn by the angle from the gaze; the white is redder in its corners and
    darker where lids shade it; above all a wet coat, which bulges over the iris.
    """
    assert eyes is not None
    pupil, iris = (float(np.arcsin(radius / 100 / eyes.radius)) for radius in (_PUPIL_RADIUS, _IRIS_RADIUS))
    rim: Colour = (0.22 * colours.iris[0], 0.22 * colours.iris[1], 0.25 * colours.iris[2])
    inner: Colour = (min(1.0, 1.7 * colours.iris[0]), min(1.0, 1.5 * colours.iris[1]), min(1.0, 1.3 * colours.iris[2]))
    x, y, z = shader.node("ShaderNodeSeparateXYZ", {"Vector": shader.attribute(REST_POSITION)}).outputs
    left = shader.node("ShaderNodeCombineXYZ", {"X": shader.math("ABSOLUTE", x), "Y": y, "Z": z}).outputs[0]
    outward = shader.vector_math("NORMALIZE", shader.vector_math("SUBTRACT", left, tuple(eyes.centre.tolist())))
    angle = shader.math("ARCCOSINE", shader.vector_math("DOT_PRODUCT", outward, tuple(eyes.gaze.tolist())))
    height = shader.node("ShaderNodeSeparateXYZ", {"Vector": outward}).outputs[2]
    white = shader.mix(shader.smooth(angle, 1.4 * iris, 2.4 * iris), _SCLERA, _CORNER)
    white = shader.mix(shader.smooth(height, 0.05, 0.42), white, _LID_SHADE)
    fibres = shader.noise(shader.vector_math("MULTIPLY", outward, (60.0, 60.0, 60.0)), 1.0, 3.0)
    ring = shader.mix(shader.math("MULTIPLY", fibres, 0.7), colours.iris, rim)
    ring = shader.mix(shader.smooth(angle, 0.75 * iris, 0.45 * iris), ring, inner)
    ring = shader.mix(shader.smooth(angle, 0.72 * iris, 0.98 * iris), ring, rim)
    ring = shader.mix(shader.math("MULTIPLY", shader.smooth(height, 0.0, 0.4), 0.6), ring, rim)
    seen = shader.mix(shader.smooth(angle, 0.85 * pupil, 1.1 * pupil), _PUPIL, ring)
    seen = shader.mix(shader.smooth(angle, 0.93 * iris, 1.12 * iris), seen, white)
    bulge = shader.node(
        "ShaderNodeBump",
        {"Height": shader.smooth(angle, 1.15 * iris, 0.2 * iris), "Strength": 0.6, "Distance": 0.001},
    )
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": seen,
            "Roughness": 0.35,
            "Specular IOR Level": 0.3,
            "Coat Weight": 1.0,
            "Coat Roughness": 0.03,
            "Coat Normal": bulge.outputs[0],
        },
    ).outputs[0]


def _always(colour: Colour) -> Callable[[BodyColours], Colour]:
    return lambda colours: colour


def _of_skin(colours: BodyColours) -> Colour:
    return colours.skin


def _of_lips(colours: BodyColours) -> Colour:
    return skin_parts(colours.skin, colours.lips).lips


def _of_nails(colours: BodyColours) -> Colour:
    return skin_parts(colours.skin).nails


def _of_iris(colours: BodyColours) -> Colour:
    return colours.iris


_PARTS: dict[str, tuple[Builder, Callable[[BodyColours], Colour]]] = {
    "skin": (_skin, _of_skin),
    "lips": (_plain(0.35, 0.3), _of_lips),
    "nails": (_plain(0.25, 0.2), _of_nails),
    # one drawing for the whole eyeball: its own circles are rounder than the faces that bound the parts
    "eyes": (_eye, _always(_SCLERA)),
    "iris": (_eye, _of_iris),
    "pupil": (_eye, _always(_PUPIL)),
    "teeth": (_plain(0.2, 0.2), _always(_TEETH)),
    "tongue": (_plain(0.35, 0.3), _always(_TONGUE)),
    "mouth": (_plain(0.4, 0.3), _always(_TONGUE)),
    "gums": (_plain(0.35, 0.3), _always(_TONGUE)),
    "lashes": (_plain(0.5, 0.0), _always(_HAIR)),
    "brows": (_plain(0.6, 0.0), _always(_HAIR)),
    "hair": (_plain(0.5, 0.0), _always(_HAIR)),
}
#: Parts whose materials depend on the tone of the skin.
TINTED_BY_SKIN = ("skin", "lips", "nails")
_TINTED_BY = {
    "skin": ("skin",),
    "lips": ("skin", "lips"),
    "nails": ("skin",),
    "eyes": ("iris",),
    "iris": ("iris",),
    "pupil": ("iris",),
}
