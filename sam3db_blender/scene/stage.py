"""Light, floor and surroundings in which characters are looked at: one set for a scene, however many photos it holds.

The lights are suns. They light everybody alike wherever they stand, so that nothing need be moved when people of
another photo join, and what an artist changes about them stays.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from native_runtime.characters.placement import Subject

from .. import compat
from .nodes import Shader
from .units import units_per_metre

#: The custom property of the collection with a scene's lights and floor.
STAGE = "sam3db_stage"
#: The custom property of the floor: where it was last laid, in units (x, y, half its side).
LAID = "sam3db_laid"

#: (name, azimuth and elevation in degrees seen from the subject, with 0 towards the camera and positive to its right,
#: angle under which it is seen in degrees, which makes its shadows soft, strength in W/m^2, colour)
_LIGHTS = (
    ("Key", -40.0, 38.0, 30.0, 4.0, (1.0, 0.95, 0.9)),
    ("Fill", 55.0, 12.0, 40.0, 0.86, (0.88, 0.94, 1.0)),
    ("Rim", 160.0, 45.0, 27.0, 3.0, (1.0, 0.98, 0.95)),
)
#: How far from the subject a light's icon stands, and how far the floor reaches, in sizes of the subject.
_LIGHT_DISTANCE, _FLOOR_REACH = 1.7, 4.0
_WORLD_COLOUR = (0.52, 0.54, 0.57)
_WORLD_STRENGTH = 0.28
_SAME = 1e-5


def stage_of(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """The collection with a scene's lights and floor; None where it has none."""
    return next((part for part in scene.collection.children_recursive if part.get(STAGE)), None)


def set_stage(scene: bpy.types.Scene, subject: Subject) -> bpy.types.Collection:
    """Makes sure that a scene has lights, a floor that reaches around the subject and, where it has none, a world.

    What is there already stays as it is; only a floor that nobody has moved is made again.

    Args:
        subject: all people of the scene.
    """
    units = units_per_metre(scene)
    stage = stage_of(scene)
    if stage is None:
        stage = bpy.data.collections.new("Stage")
        stage[STAGE] = True
        scene.collection.children.link(stage)
    if not any(obj.type == "LIGHT" for obj in stage.objects):
        _build_lights(subject, units, stage)
    floor = next((obj for obj in stage.objects if obj.get(LAID) is not None), None)
    _lay(floor or _build_floor(stage), subject, units)
    _build_world(scene)
    return stage


def _build_lights(subject: Subject, units: float, collection: bpy.types.Collection) -> None:
    """A soft three-point light on people who look towards -y."""
    for name, azimuth, elevation, angle, strength, colour in _LIGHTS:
        data = bpy.data.lights.new(name, "SUN")
        data.angle = np.radians(angle)
        data.energy = strength
        data.color = colour
        light = bpy.data.objects.new(name, data)
        collection.objects.link(light)
        turn, rise = np.radians(azimuth), np.radians(elevation)
        direction = np.array([np.sin(turn) * np.cos(rise), -np.cos(turn) * np.cos(rise), np.sin(rise)])
        light.location = (units * (subject.centre + direction * _LIGHT_DISTANCE * subject.size)).tolist()
        light.rotation_euler = Vector((-direction).tolist()).to_track_quat("-Z", "Y").to_euler()


def _build_floor(collection: bpy.types.Collection) -> bpy.types.Object:
    """A floor at z = 0 that only catches shadows, so that the photo stays visible through it.

    Cycles knows shadow catchers. EEVEE and Workbench do not: there the floor is clear.
    """
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata([(i, j, 0.0) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))], [], [range(4)])
    mesh.materials.append(_floor_material())
    floor = bpy.data.objects.new("Floor", mesh)
    collection.objects.link(floor)
    floor.is_shadow_catcher = True
    floor.display_type = "WIRE"
    floor.hide_select = True
    floor[LAID] = (0.0, 0.0, 1.0)
    return floor


def _floor_material() -> bpy.types.Material:
    material = bpy.data.materials.new("Floor")
    tree = compat.node_tree_of(material)
    shader = Shader(tree)
    for engine, kind in (("CYCLES", "ShaderNodeBsdfDiffuse"), ("EEVEE", "ShaderNodeBsdfTransparent")):
        surface = shader.node(kind).outputs[0]
        shader.node("ShaderNodeOutputMaterial", {"Surface": surface}, target=engine)
    material.surface_render_method = "BLENDED"
    material.diffuse_color = (1.0, 1.0, 1.0, 0.0)  # clear in Workbench, too
    return material


def _lay(floor: bpy.types.Object, subject: Subject, units: float) -> None:
    """Lays a floor around people, unless somebody has moved it."""
    x, y, half = floor[LAID]
    now = [*np.array(floor.location), *np.array(floor.scale)]
    if any(abs(have - laid) > _SAME * max(1.0, half) for have, laid in zip(now, (x, y, 0.0, half, half, 1.0))):
        return
    x, y = (units * subject.centre[:2]).tolist()
    half = units * _FLOOR_REACH * subject.size
    floor.location, floor.scale = (x, y, 0.0), (half, half, 1.0)
    floor[LAID] = (x, y, half)


def _build_world(scene: bpy.types.Scene) -> None:
    """A soft grey surrounding, unless the scene has one of its own."""
    if scene.world is not None:
        return
    world = bpy.data.worlds.new("Studio")
    shader = Shader(compat.node_tree_of(world))
    background = shader.node("ShaderNodeBackground", {"Color": _WORLD_COLOUR, "Strength": _WORLD_STRENGTH})
    shader.surface(background.outputs[0], "ShaderNodeOutputWorld")
    world.color = _WORLD_COLOUR
    scene.world = world
