"""How a person looks: skin, hair, clothes; chosen at random, built in bpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import CM_PER_M, MHR_TO_BLENDER
from native_runtime.mhr import Body
from native_runtime.synthetic.anatomy import Anatomy
from native_runtime.synthetic.library import pose_parameters
from native_runtime.synthetic.views import about_z
from native_runtime.synthetic.wrinkles import wrinkles

from .clothes import Shell, cap, garment, hair, shoe
from .figures import Figure
from .stage import Colour, add_mesh, add_strands, linear, material, plain, principled, varied
from .views import Placed

Array = NDArray[np.float64]

SKINS = [linear(*c) for c in (
    (244, 213, 192), (236, 196, 170), (228, 184, 152), (215, 165, 130), (196, 144, 108), (172, 120, 86), (144, 96, 66),
    (116, 75, 52), (92, 58, 42), (74, 47, 36),
)]  # fmt: skip
HAIRS = [linear(*c) for c in (
    (28, 22, 20), (42, 30, 24), (62, 42, 30), (88, 58, 38), (120, 82, 50), (160, 118, 72), (196, 160, 108),
    (130, 62, 36), (120, 116, 112), (190, 188, 184),
)]  # fmt: skip
CLOTHS = [linear(*c) for c in (
    (28, 30, 36), (50, 54, 62), (120, 122, 126), (216, 214, 208), (240, 238, 232), (24, 40, 78), (44, 78, 140),
    (120, 160, 205), (140, 30, 36), (196, 60, 48), (222, 140, 60), (226, 190, 84), (60, 92, 58), (110, 132, 80),
    (46, 110, 108), (96, 60, 110), (206, 150, 166), (150, 110, 76), (196, 176, 144), (86, 62, 48),
)]  # fmt: skip
DENIMS = [linear(*c) for c in ((36, 48, 78), (58, 78, 116), (96, 120, 156), (38, 40, 46), (150, 168, 190))]
LEATHERS = [
    linear(*c) for c in ((24, 22, 22), (236, 234, 230), (92, 58, 36), (140, 96, 60), (60, 66, 80), (170, 40, 40))
]


def dress(scene: Any, anatomy: Anatomy, placed: Placed, rng: np.random.Generator) -> tuple[list[Any], dict[str, Any]]:
    """Put a person on stage.

    Returns:
        Their objects, and what they wear in words.
    """
    body, figure = anatomy.body, placed.figure
    vertices = np.asarray(placed.vertices(body), np.float64)
    gender = figure.identity[list(body.identity_names).index("gender")] if "gender" in body.identity_names else 0.0
    skin = varied(SKINS[int(rng.integers(len(SKINS)))], rng, 0.06)
    dark = [h for h in HAIRS if sum(h) < 0.25]
    pool = dark if sum(skin) < 0.75 else HAIRS
    hair_colour = varied(pool[int(rng.integers(len(pool)))], rng, 0.1)
    objects = []

    bearded = gender >= 0 and figure.size == 1.0 and rng.random() < 0.45
    naked, iris = _naked(scene, anatomy, vertices, skin, hair_colour, rng, bearded, hair_colour)
    objects.append(naked)
    shirt, trousers, worn = _wardrobe(anatomy, rng)
    worn["colours"] = {"skin": list(skin), "hair": list(hair_colour), "iris": list(iris)}  # linear Rec.709
    layers = {
        "trousers": (trousers, worn["trousers_loose"], worn["trousers_smooth"], _cloth(rng, "trousers", worn)),
        "shirt": (shirt, worn["shirt_loose"], worn["shirt_smooth"], _cloth(rng, "shirt", worn)),
    }
    order = ["trousers", "shirt"] if rng.random() < 0.65 else ["shirt", "trousers"]
    worn["tucked"] = order[0] == "shirt"
    under = vertices
    for name in order:
        field, loose, smooth, cloth = layers[name]
        shell, under = garment(anatomy, under, field, rng, loose, smooth)
        objects.append(add_mesh(scene, name, shell, [cloth]))
    if rng.random() < 0.85:
        colour = varied(LEATHERS[int(rng.integers(len(LEATHERS)))], rng)
        leather = _leather(colour, rng)
        worn["shoes"] = "shoes"
        sole = float(rng.uniform(1.0, 2.5))
        for side in "lr":
            shell = shoe(anatomy, vertices, _foot_transform(anatomy, placed, side), side, sole)
            thing = add_mesh(scene, f"{side}_shoe", shell, [leather])
            remesh = thing.modifiers.new("remesh", "REMESH")
            remesh.mode, remesh.voxel_size, remesh.use_smooth_shade = "VOXEL", 0.5, True
            smoother = thing.modifiers.new("smooth", "SMOOTH")
            smoother.factor, smoother.iterations = 0.5, 8
            objects.append(thing)
    objects += _hair(scene, anatomy, vertices, hair_colour, rng, gender, worn)
    return objects, worn


def hang_coat(scene: Any, anatomy: Anatomy, spot: Array, rng: np.random.Generator) -> None:
    """A coat on a stand at ``spot`` (3,) m on the floor: the cloth of a standing person without the person."""
    body = anatomy.body
    figure = Figure(
        pose_parameters(body, "standing"), np.zeros(body.identity_count), np.zeros(body.expression_count), "", ()
    )
    placed = Placed(figure, float(rng.uniform(-0.7, 0.7)), spot + [0.0, 0.0, float(rng.uniform(1.0, 1.15))])
    field = anatomy.shirt(float(rng.uniform(0.85, 0.97)), float(rng.uniform(-45, -20)), float(rng.uniform(1, 5)))
    worn: dict[str, Any] = {"bottom": ""}
    loose, smooth = float(rng.uniform(0.8, 2.5)), int(rng.integers(12, 25))
    shell, _ = garment(anatomy, np.asarray(placed.vertices(body), np.float64), field, rng, loose, smooth)
    add_mesh(scene, "coat", shell, [_cloth(rng, "coat", worn)])
    stand = plain("stand", (0.1, 0.07, 0.05), 0.5)
    corners = np.array([[x, y, z] for z in (0.0, 1.75) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))], np.float64)
    corners[:, :2] *= 0.02
    faces = [np.array(f, np.int32) for f in ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6),
                                             (3, 0, 4, 7))]  # fmt: skip
    add_mesh(scene, "stand", Shell(corners + spot, faces), [stand])


def _wardrobe(anatomy: Anatomy, rng: np.random.Generator) -> tuple[Array, Array, dict[str, Any]]:
    kind = str(
        rng.choice(["t-shirt", "long sleeves", "tank top", "sweater", "sports top"], p=[0.38, 0.22, 0.12, 0.2, 0.08])
    )
    sleeve = {"t-shirt": rng.uniform(0.22, 0.4), "long sleeves": rng.uniform(0.85, 0.97), "tank top": -0.02,
              "sweater": rng.uniform(0.9, 0.98), "sports top": -0.02}[kind]  # fmt: skip
    hem = 18.0 if kind == "sports top" else float(rng.uniform(-9.0, 1.0))
    shirt = anatomy.shirt(float(sleeve), hem, float(rng.uniform(0.0, 5.0)))
    below = str(rng.choice(["jeans", "trousers", "leggings", "shorts"], p=[0.35, 0.25, 0.18, 0.22]))
    leg = {"jeans": 0.97, "trousers": 0.98, "leggings": rng.uniform(0.8, 0.96), "shorts": rng.uniform(0.25, 0.5)}[below]
    trousers = anatomy.trousers(float(leg), float(rng.uniform(5.0, 11.0)))
    tight_top, tight_legs = kind == "sports top", below == "leggings"
    worn = {
        "top": kind,
        "bottom": below,
        "shirt_loose": 0.2 if tight_top else float(rng.uniform(0.3, 1.4 if kind != "sweater" else 2.2)),
        "shirt_smooth": 6 if tight_top else int(rng.integers(9, 22)),
        "trousers_loose": 0.02 if tight_legs else float(rng.uniform(0.3, 1.5)),
        "trousers_smooth": 1 if tight_legs else int(rng.integers(2, 10)),
    }
    return shirt, trousers, worn


def _naked(
    scene: Any,
    anatomy: Anatomy,
    vertices: Array,
    skin: Colour,
    hair_colour: Colour,
    rng: np.random.Generator,
    bearded: bool,
    beard_colour: Colour,
) -> tuple[Any, Colour]:
    """The person's own surface, and the colour of their eyes."""
    body = anatomy.body
    attributes = {"brow": anatomy.brows(float(rng.uniform(0.3, 0.55)))}
    attributes["blotch"] = 0.5 + 0.25 * wrinkles(anatomy.rest, rng, 7.0)
    attributes["beard"] = anatomy.beard() if bearded else np.full(len(vertices), -9.0)
    lips = tuple(float(v) for v in np.array(skin) * (0.85, 0.5, 0.5))
    mouth = linear(90, 40, 40)
    iris = [linear(*c) for c in ((60, 40, 25), (80, 55, 30), (70, 100, 120), (80, 95, 70))][int(rng.integers(4))]
    ready = {
        "lips": plain("lips", (lips[0], lips[1], lips[2]), 0.4),
        "nails": plain("nails", varied((min(skin[0] * 1.15, 0.9), skin[1] * 1.02, skin[2] * 1.02), rng, 0.03), 0.3),
        "mouth": plain("mouth", mouth),
        "eyes": plain("eyes", linear(226, 220, 214), 0.15),
        "iris": plain("iris", iris, 0.1),
        "pupil": plain("pupil", (0.004, 0.004, 0.004), 0.08),
        "teeth": plain("teeth", linear(230, 224, 210), 0.3),
        "tongue": plain("tongue", linear(170, 90, 86)),
        "lashes": plain("lashes", (0.01, 0.01, 0.01)),
    }
    skinned = _skin(skin, hair_colour, beard_colour, float(rng.uniform(0.38, 0.6)))
    materials = [ready.get(name, skinned) for name in body.material_names]
    shell = Shell(vertices, anatomy.faces, attributes)
    return add_mesh(scene, "skin", shell, materials, body.face_materials), iris


def _skin(colour: Colour, brow: Colour, beard: Colour, roughness: float) -> Any:
    result, nodes = material("skin")
    tinted = nodes.mix(
        nodes.attribute("blotch"), tuple(c * 0.88 for c in colour), tuple(min(c * 1.1, 0.95) for c in colour)
    )
    tinted = nodes.mix(nodes.math("MULTIPLY", nodes.step(nodes.attribute("brow"), 0.18), 0.85), tinted, brow)
    stubble = nodes.math("MULTIPLY", nodes.step(nodes.attribute("beard"), 0.9), 0.7)
    tinted = nodes.mix(stubble, tinted, beard)
    nodes.surface(principled(nodes, tinted, roughness, Specular_IOR_Level=0.35))
    return result


def _cloth(rng: np.random.Generator, name: str, worn: dict[str, Any]) -> Any:
    denim = worn["bottom"] == "jeans" and name == "trousers"
    pool = DENIMS if denim else CLOTHS
    first, second = (varied(pool[int(k)], rng) for k in rng.choice(len(pool), 2, replace=False))
    result, nodes = material(name)
    kind = str(rng.choice(["plain", "stripes", "checks", "print"], p=[0.62, 0.14, 0.1, 0.14]))
    if denim or (name == "trousers" and rng.random() < 0.75):
        kind = "plain"
    worn[f"{name}_pattern"] = kind
    colour: Any = nodes.mix(
        nodes.attribute("blotch"), tuple(c * 0.8 for c in first), tuple(min(c * 1.15, 0.95) for c in first)
    )
    rest = nodes.attribute("rest", "Vector")
    if kind in ("stripes", "checks"):
        width = float(rng.uniform(3, 9))
        across = nodes.add("TexWave", {"Vector": rest, "Scale": width}, output="Fac", bands_direction="Y")
        colour = nodes.mix(nodes.step(nodes.math("SUBTRACT", across, 0.6), 0.06), colour, second)
        if kind == "checks":
            upright = nodes.add("TexWave", {"Vector": rest, "Scale": width}, output="Fac", bands_direction="X")
            share = nodes.math("MULTIPLY", nodes.step(nodes.math("SUBTRACT", upright, 0.6), 0.06), 0.6)
            colour = nodes.mix(share, colour, varied(second, rng, 0.5))
    elif kind == "print":
        blobs = nodes.noise(rest, float(rng.uniform(8, 40)), 0.0)
        colour = nodes.mix(nodes.step(nodes.math("SUBTRACT", blobs, 0.56), 0.02), colour, second)
    inside = nodes.math("GREATER_THAN", nodes.attribute("inside"), 0.0)
    nodes.surface(
        nodes.add("MixShader", {0: inside, 1: nodes.add("BsdfTransparent"), 2: nodes.diffuse(colour, Roughness=0.5)})
    )
    return result


def _leather(colour: Colour, rng: np.random.Generator) -> Any:
    result, nodes = material("shoe")
    place = nodes.add("TexCoord", output="Object")
    height = nodes.add("SeparateXYZ", {0: place}, output=1)
    sole = linear(235, 232, 226) if rng.random() < 0.5 else linear(30, 28, 28)
    share = nodes.step(nodes.math("SUBTRACT", height, float(rng.uniform(0.2, 1.2))), 0.08)
    tint = nodes.mix(share, sole, colour)
    nodes.surface(principled(nodes, tint, float(rng.uniform(0.3, 0.7))))
    return result


def _hair(
    scene: Any,
    anatomy: Anatomy,
    vertices: Array,
    colour: Colour,
    rng: np.random.Generator,
    gender: float,
    worn: dict[str, Any],
) -> list[Any]:
    weights = [0.08, 0.17, 0.4, 0.15, 0.12, 0.08] if gender >= 0 else [0.02, 0.03, 0.2, 0.15, 0.35, 0.25]
    kind = str(rng.choice(["bald", "buzz", "short", "curly", "bob", "long"], p=weights))
    worn["hair"] = kind
    if kind == "bald":
        return []
    scalp = anatomy.scalp(float(rng.uniform(4.6, 5.8)), float(rng.uniform(-6.5, -4.5)))
    result, nodes = material("hair")
    own = nodes.add("HairInfo", output="Random")
    tint = nodes.mix(own, tuple(c * 0.6 for c in colour), tuple(min(c * 1.4, 0.9) for c in colour))
    nodes.surface(principled(nodes, tint, 0.45))
    under, nodes = material("scalp")
    shades = nodes.attribute("blotch")
    tint = nodes.mix(shades, tuple(c * 0.4 for c in colour), tuple(c * 0.9 for c in colour))
    inside = nodes.math("GREATER_THAN", nodes.attribute("inside"), 0.0)
    nodes.surface(nodes.add("MixShader", {0: inside, 1: nodes.add("BsdfTransparent"), 2: nodes.diffuse(tint)}))
    objects = [add_mesh(scene, "scalp", cap(anatomy, vertices, scalp, {"buzz": 0.2}.get(kind, 0.6), rng), [under])]
    length, curl, lift, count = {
        "buzz": (0.8, 0.1, 0.7, 3000),
        "short": (float(rng.uniform(2.5, 6.0)), float(rng.uniform(0, 0.25)), float(rng.uniform(0.1, 0.5)), 5000),
        "curly": (float(rng.uniform(4.0, 9.0)), float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.3, 0.7)), 5000),
        "bob": (float(rng.uniform(14.0, 20.0)), float(rng.uniform(0, 0.2)), 0.1, 6000),
        "long": (float(rng.uniform(26.0, 40.0)), float(rng.uniform(0, 0.25)), 0.1, 6000),
    }[kind]
    steps = 8 if length < 10 else 14
    strands = hair(anatomy, vertices, scalp, rng, length, curl, lift, count, steps)
    objects.append(add_strands(scene, "hair", strands, result))
    return objects


def _foot_transform(anatomy: Anatomy, placed: Placed, side: str) -> Array:
    """(4, 4) from the foot's rest place (cm, MHR axes) to the world (m)."""
    body: Body = anatomy.body
    pose = body.pose(placed.figure.parameters)
    index = body.joint_index(f"{side}_foot")
    root = pose.translations[body.joint_index("root")]
    moved = pose.joints[index] @ np.linalg.inv(anatomy.pose.joints[index])
    world = np.eye(4)
    world[:3, :3] = about_z(placed.yaw) @ MHR_TO_BLENDER / CM_PER_M * placed.figure.size
    world[:3, 3] = placed.root - world[:3, :3] @ root
    result: Array = world @ moved
    return result
