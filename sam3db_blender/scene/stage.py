"""Light, floor and surroundings in which a character is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import ArrayLike

from .. import compat
from .nodes import Shader

#: (name, azimuth and elevation in degrees seen from the subject, with 0 towards the camera and positive to its right,
#: distance and size as multiples of the subject's height, power in W for a subject of 1.7 m, colour)
_LIGHTS = (
    ("Key", -40.0, 38.0, 1.7, 0.9, 105.0, (1.0, 0.95, 0.9)),
    ("Fill", 55.0, 12.0, 1.9, 1.4, 28.0, (0.88, 0.94, 1.0)),
    ("Rim", 160.0, 45.0, 1.7, 0.8, 80.0, (1.0, 0.98, 0.95)),
)
_USUAL_HEIGHT = 1.7
_WORLD_COLOUR = (0.52, 0.54, 0.57)
_WORLD_STRENGTH = 0.28


@dataclass(frozen=True)
class Subject:
    """The space that the people of a photo take up: (3,) m each, world axes."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def around(cls, points: ArrayLike) -> Subject:
        """The box around (N, 3) points."""
        cloud = np.asarray(points, dtype=np.float64)
        return cls(low=cloud.min(axis=0), high=cloud.max(axis=0))

    @property
    def centre(self) -> np.ndarray:
        return (self.low + self.high) / 2

    @property
    def size(self) -> float:
        """The longest side of the box, m."""
        return float((self.high - self.low).max())


def build_lights(prefix: str, subject: Subject, collection: bpy.types.Collection) -> list[bpy.types.Object]:
    """A soft three-point light that looks at the subject; the camera stands in the direction of -y."""
    lights = []
    for name, azimuth, elevation, distance, size, power, colour in _LIGHTS:
        data = bpy.data.lights.new(f"{prefix} {name}", "AREA")
        data.shape = "DISK"
        data.size = size * subject.size
        # the same brightness for a child and for a group: power grows with the square of the distance
        data.energy = power * (subject.size / _USUAL_HEIGHT) ** 2
        data.color = colour
        light = bpy.data.objects.new(data.name, data)
        collection.objects.link(light)
        turn, rise = np.radians(azimuth), np.radians(elevation)
        direction = np.array([np.sin(turn) * np.cos(rise), -np.cos(turn) * np.cos(rise), np.sin(rise)])
        light.location = (subject.centre + direction * distance * subject.size).tolist()
        light.rotation_euler = Vector((-direction).tolist()).to_track_quat("-Z", "Y").to_euler()
        lights.append(light)
    return lights


def build_floor(prefix: str, subject: Subject, collection: bpy.types.Collection) -> bpy.types.Object:
    """A floor at z = 0 that only catches the subject's shadow, so that the photo stays visible through it."""
    half = 4.0 * subject.size
    x, y, _ = subject.centre
    mesh = bpy.data.meshes.new(f"{prefix} Floor")
    mesh.from_pydata(
        [(x + i * half, y + j * half, 0.0) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))], [], [range(4)]
    )
    floor = bpy.data.objects.new(mesh.name, mesh)
    collection.objects.link(floor)
    floor.is_shadow_catcher = True
    floor.display_type = "WIRE"
    floor.hide_select = True
    return floor


def build_world(scene: bpy.types.Scene, name: str) -> None:
    """A soft grey surrounding, unless the scene has one of its own."""
    if scene.world is not None:
        return
    world = bpy.data.worlds.new(name)
    shader = Shader(compat.node_tree_of(world))
    background = shader.node("ShaderNodeBackground", {"Color": _WORLD_COLOUR, "Strength": _WORLD_STRENGTH})
    shader.surface(background.outputs[0], "ShaderNodeOutputWorld")
    world.color = _WORLD_COLOUR
    scene.world = world
