"""Where a person is: floors, walls, furniture, trees, light and sky; and what stands in the way."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.synthetic.views import View, about_z

from .clothes import Shell
from .stage import Colour, Nodes, add_mesh, linear, material, plain, principled, varied

Array = NDArray[np.float64]

_BOX = [
    np.array(f, np.int32) for f in ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
]


def build(scene: Any, kind: str, view: View, people: Array, floor: float, rng: np.random.Generator) -> None:
    """Build surroundings and light for world points of people (N, 3) seen by ``view``; ``floor`` is its height."""
    middle = people.mean(axis=0)
    distance = float(np.linalg.norm(middle - view.place))
    behind = float(people[:, 1].max() + rng.uniform(0.3, 1.5) + (0.15 * distance if kind != "studio" else 0.5))
    builders = {"studio": _studio, "room": _room, "outdoors": _outdoors, "clutter": _clutter, "street": _street}
    builders[kind](scene, view, middle, behind, floor, rng)


# --- surroundings ----------------------------------------------------------------------------------------------------


def _studio(scene: Any, view: View, middle: Array, behind: float, floor: float, rng: np.random.Generator) -> None:
    colour = varied((0.5, 0.5, 0.5), rng, 0.5) if rng.random() < 0.5 else _any_colour(rng)
    surface = _textured("backdrop", clouds(rng, 5.0), tuple(c * 0.75 for c in colour), colour, 0.25)
    # One sheet that bends up from the floor.
    bend = np.linspace(0, math.pi / 2, 10)
    y = np.concatenate([[view.place[1] - 6.0], behind + 1.2 * np.sin(bend), [behind + 1.2]])
    z = np.concatenate([[0.0], 1.2 * (1 - np.cos(bend)), [12.0]]) + floor
    _sheet(scene, np.stack([np.zeros_like(y), y, z], axis=1), 30.0, middle[0], surface)
    _indoor_light(scene, view, middle, floor, rng)


def _room(scene: Any, view: View, middle: Array, behind: float, floor: float, rng: np.random.Generator) -> None:
    if rng.random() < 0.6:
        wood = varied(
            linear(*((150, 105, 66), (96, 62, 40), (190, 150, 104), (120, 110, 100))[int(rng.integers(4))]), rng
        )
        boards, nodes = material("floor")
        nodes.surface(principled(nodes, nodes.picture(_parquet(wood, rng), nodes.scaled((0.5, 0.5, 0.5))), 0.4))
    else:
        carpet = _any_colour(rng)
        boards = _textured("floor", clouds(rng, 90.0), tuple(c * 0.5 for c in carpet), carpet, 0.5)
    _plane(scene, 20.0, (middle[0], middle[1], floor), boards)

    turn = float(rng.normal(0, 0.25))
    paint = varied(linear(*((222, 214, 200), (200, 206, 210), (176, 160, 140), (130, 150, 150), (235, 232, 226),
                            (150, 90, 80), (90, 100, 120))[int(rng.integers(7))]), rng)  # fmt: skip
    wall = _textured("wall", clouds(rng, 6.0), tuple(c * 0.85 for c in paint), paint, 0.3, upright=True)
    back = np.array([middle[0], behind, floor])
    _box(scene, back + [0, 0.1, 3.0], (24.0, 0.2, 6.0), turn, wall)
    if rng.random() < 0.6:
        side = float(rng.choice([-1, 1]))
        reach = float(rng.uniform(1.6, 3.5))
        _box(scene, back + [side * reach, -4.0, 3.0], (0.2, 9.0, 6.0), turn, wall)
    _box(scene, back + [0, -0.02, 0.06], (24.0, 0.24, 0.12), turn, plain("skirting", linear(230, 228, 222)))
    for _ in range(int(rng.integers(1, 5))):
        x, z = rng.uniform(-2.6, 2.6), rng.uniform(1.1, 2.1)
        width, height = rng.uniform(0.3, 1.2, 2)
        spot = back + _turned((x, -0.01, z), turn)
        _box(
            scene, spot, (width + 0.08, 0.05, height + 0.08), turn, plain("frame", varied((0.1, 0.08, 0.06), rng, 0.6))
        )
        _box(scene, spot - [0, 0.03, 0], (width, 0.03, height), turn, _painting(rng))
    for _ in range(int(rng.integers(1, 5))):
        _furniture(scene, back, middle, turn, floor, rng)
    _indoor_light(scene, view, middle, floor, rng)


def _outdoors(scene: Any, view: View, middle: Array, behind: float, floor: float, rng: np.random.Generator) -> None:
    light, dark = (linear(*c) for c in (
        ((120, 140, 70), (58, 82, 36)), ((150, 148, 144), (110, 108, 106)), ((206, 186, 150), (170, 146, 108)),
        ((150, 120, 92), (100, 76, 56)),
    )[int(rng.integers(4))])  # fmt: skip
    ground = _textured("ground", 0.5 * clouds(rng, 6.0) + 0.5 * clouds(rng, 70.0), dark, light, 0.25)
    _plane(scene, 300.0, (middle[0], middle[1], floor), ground)

    town = rng.random() < 0.5
    for _ in range(int(rng.integers(3, 9))):
        spot = np.array([middle[0] + rng.normal(0, 9), behind + rng.uniform(2, 25), floor])
        if town:
            size = rng.uniform((3, 3, 3), (9, 9, 14))
            _box(scene, spot + [0, size[1] / 2, size[2] / 2], tuple(size), float(rng.normal(0, 0.2)), _facade(rng))
        else:
            _tree(scene, spot, rng)
    for _ in range(int(rng.integers(0, 4))):
        spot = np.array([middle[0] + rng.uniform(-4, 4), behind + rng.uniform(0.3, 4), floor])
        _tree(scene, spot, rng, small=True)
    _daylight(scene, rng)


def _street(scene: Any, view: View, middle: Array, behind: float, floor: float, rng: np.random.Generator) -> None:
    """Rows of houses along a road that runs away from the camera, a little aside."""
    asphalt = _textured("road", clouds(rng, 60.0), linear(70, 70, 74), linear(96, 96, 98), 0.3)
    _plane(scene, 300.0, (middle[0], middle[1], floor), asphalt)
    turn = float(rng.normal(0, 0.2))
    start = np.array([0.0, -4.0, floor])
    stone, paint = plain("kerb", linear(150, 148, 142)), plain("paint", linear(225, 224, 218))
    wide = float(rng.uniform(3.0, 5.5))
    for side in (-1.0, 1.0):
        _box(scene, start + _turned((side * wide, 40.0, 0.06), turn), (0.25, 90.0, 0.12), turn, stone)
        along = 0.0
        while along < 70.0:
            size = rng.uniform((5, 5, 5), (9, 12, 15))
            spot = start + _turned((side * (wide + 2.5 + size[0] / 2), along + size[1] / 2, size[2] / 2), turn)
            _box(scene, spot, tuple(size), turn, _facade(rng))
            along += size[1] + (float(rng.uniform(1.5, 4)) if rng.random() < 0.3 else 0.0)
    for along in np.arange(1.0, 60.0, 4.5):
        _box(scene, start + _turned((0.0, along, 0.004), turn), (0.14, 1.9, 0.008), turn, paint)
    for _ in range(int(rng.integers(0, 4))):
        side = float(rng.choice([-1, 1]))
        _tree(scene, start + _turned((side * (wide + 1.2), rng.uniform(6, 30), 0.0), turn), rng)
    _daylight(scene, rng)


def _clutter(scene: Any, view: View, middle: Array, behind: float, floor: float, rng: np.random.Generator) -> None:
    first, second = _any_colour(rng), _any_colour(rng)
    if rng.random() < 0.5:
        ground, nodes = material("ground")
        tiles = {"Vector": nodes.add("TexCoord", output="Object"), "Color1": (*first, 1), "Color2": (*second, 1)}
        nodes.surface(nodes.diffuse(nodes.add("TexChecker", tiles | {"Scale": float(rng.uniform(0.8, 3))})))
    else:
        ground = _textured("ground", clouds(rng, float(rng.uniform(3, 20))), first, second, 0.25)
    _plane(scene, 40.0, (middle[0], middle[1], floor), ground)
    _box(scene, (middle[0], behind + 3.0, floor + 5), (40.0, 0.2, 12.0), float(rng.normal(0, 0.2)), _painting(rng))
    for _ in range(int(rng.integers(8, 22))):
        size = rng.uniform(0.2, 1.6, 3)
        spot = np.array([middle[0] + rng.normal(0, 2.5), behind + rng.uniform(0.3, 2.4), floor])
        surface = (
            _painting(rng) if rng.random() < 0.4 else plain("thing", _any_colour(rng), float(rng.uniform(0.2, 0.9)))
        )
        if rng.random() < 0.3:
            _ball(scene, spot + [0, 0, size[0] / 2], size[0] / 2, surface)
        else:
            stacked = rng.uniform(0, 1.2) if rng.random() < 0.3 else 0.0
            _box(scene, spot + [0, 0, size[2] / 2 + stacked], tuple(size), float(rng.uniform(0, 3)), surface)
    _indoor_light(scene, view, middle, floor, rng) if rng.random() < 0.6 else _daylight(scene, rng)


# --- props -----------------------------------------------------------------------------------------------------------


def seat(scene: Any, place: Array, height: float, floor: float, yaw: float, rng: np.random.Generator) -> None:
    """Something to sit on whose top is at ``height`` m beneath ``place`` (2,)."""
    surface = plain("seat", _any_colour(rng), 0.7) if rng.random() < 0.6 else _wood(rng)
    depth, width = float(rng.uniform(0.38, 0.5)), float(rng.uniform(0.45, 1.3))
    # The person faces -y before they are turned; the seat reaches back from the thighs.
    spot = np.append(place, 0.0) + about_z(yaw) @ np.array([0.0, 0.5 * depth - 0.2, 0.0])
    tall = height - floor
    if rng.random() < 0.5 or tall < 0.2:
        _box(scene, (spot[0], spot[1], floor + tall / 2), (width, depth, max(tall, 0.02)), yaw, surface)
        return
    _box(scene, (spot[0], spot[1], height - 0.03), (width, depth, 0.06), yaw, surface)
    for x in (-1, 1):
        for y in (-1, 1):
            leg = spot + about_z(yaw) @ np.array([x * (width / 2 - 0.04), y * (depth / 2 - 0.04), 0.0])
            _box(scene, (leg[0], leg[1], floor + tall / 2), (0.04, 0.04, tall - 0.02), yaw, surface)
    if rng.random() < 0.5:
        rest = spot + about_z(yaw) @ np.array([0.0, depth / 2 + 0.03, 0.0])
        _box(scene, (rest[0], rest[1], height + 0.25), (width, 0.05, 0.4), yaw, surface)


def lamp(scene: Any, spot: Array, height: float, rng: np.random.Generator) -> None:
    """A floor lamp that shines, its ball about where a head would be."""
    pole, surface = plain("pole", _any_colour(rng), 0.4), material("lamp")
    _box(scene, spot + [0, 0, height / 2], (0.03, 0.03, height), 0.0, pole)
    _box(scene, spot + [0, 0, 0.02], (0.3, 0.3, 0.04), 0.4, pole)
    surface[1].surface(surface[1].add("Emission", {"Color": (1.0, 0.85, 0.6, 1.0), "Strength": 3.0}))
    _ball(scene, spot + [0, 0, height + 0.12], float(rng.uniform(0.12, 0.2)), surface[0])


def chair(scene: Any, spot: Array, floor: float, yaw: float, rng: np.random.Generator) -> None:
    """An empty chair with a back."""
    surface = plain("seat", _any_colour(rng), 0.7) if rng.random() < 0.6 else _wood(rng)
    wide, deep, tall = (float(v) for v in rng.uniform((0.4, 0.38, 0.42), (0.5, 0.45, 0.5)))
    for dx in (-1, 1):
        for dy in (-1, 1):
            leg = spot + _turned((dx * (wide / 2 - 0.03), dy * (deep / 2 - 0.03), (tall - 0.04) / 2), yaw)
            _box(scene, leg, (0.04, 0.04, tall - 0.04), yaw, surface)
    _box(scene, spot + [0, 0, tall - 0.02], (wide, deep, 0.05), yaw, surface)
    back = _turned((0.0, deep / 2 - 0.02, tall + 0.25), yaw)
    _box(scene, spot + back, (wide, 0.04, float(rng.uniform(0.35, 0.5))), yaw, surface)


def obstacle(scene: Any, view: View, people: Array, floor: float, rng: np.random.Generator) -> str:
    """Something between the camera and the people that hides a part of them. Returns what it is."""
    middle = people.mean(axis=0)
    away = view.place - middle
    near = middle + away * float(rng.uniform(0.25, 0.4))
    near[1] = min(near[1], float(people[:, 1].min()) - 0.25)
    kind = str(rng.choice(["table", "pole", "crate", "fence"]))
    if kind == "table":
        height = floor + float(rng.uniform(0.35, 0.75)) * (float(people[:, 2].max()) - floor) * 0.6
        spot = (near[0] + rng.normal(0, 0.2), near[1], height)
        _box(scene, spot, (float(rng.uniform(0.8, 1.6)), 0.5, 0.05), float(rng.normal(0, 0.2)), _wood(rng))
        _box(scene, (spot[0], spot[1], (height + floor) / 2), (0.12, 0.12, height - floor), 0.0, _wood(rng))
        for _ in range(3):
            aside, size = rng.uniform(-0.5, 0.5), tuple(rng.uniform(0.06, 0.22, 3))
            thing = plain("thing", _any_colour(rng))
            _box(scene, (spot[0] + aside, spot[1], height + 0.1), size, 0.5, thing)
    elif kind == "pole":
        x = near[0] + float(rng.choice([-1, 1]) * rng.uniform(0.05, 0.25))
        _box(
            scene,
            (x, near[1], floor + 2.5),
            (0.08, 0.08, 5.0),
            0.4,
            plain("pole", varied((0.25, 0.25, 0.25), rng, 0.5)),
        )
    elif kind == "crate":
        size = rng.uniform((0.3, 0.3, 0.25), (0.7, 0.5, 0.8))
        x = near[0] + float(rng.normal(0, 0.25))
        _box(scene, (x, near[1], floor + size[2] / 2), tuple(size), float(rng.normal(0, 0.5)), _wood(rng))
    else:
        surface = plain("fence", varied((0.6, 0.6, 0.58), rng, 0.4))
        for height in (0.35, 0.6):
            _box(scene, (near[0], near[1], floor + height), (6.0, 0.04, 0.06), 0.0, surface)
        for x in np.arange(-3, 3, 0.5):
            _box(scene, (near[0] + x, near[1], floor + 0.35), (0.05, 0.05, 0.7), 0.0, surface)
    return kind


def _furniture(scene: Any, back: Array, middle: Array, turn: float, floor: float, rng: np.random.Generator) -> None:
    side = float(rng.choice([-1, 1]))
    spot = back + _turned((side * rng.uniform(0.7, 2.6), -0.4, 0.0), turn)
    kind = rng.random()
    surface = _wood(rng) if rng.random() < 0.5 else plain("furniture", _any_colour(rng), 0.6)
    if kind < 0.35:  # a shelf with books
        _box(scene, spot + [0, 0, 0.9], (0.9, 0.3, 1.8), turn, surface)
        for level in (0.5, 0.9, 1.3):
            for x in np.arange(-0.38, 0.38, 0.07):
                height = float(rng.uniform(0.18, 0.3))
                offset = _turned((x, -0.14, level + height / 2), turn)
                _box(scene, spot + offset, (0.05, 0.06, height), turn, plain("book", _any_colour(rng)))
    elif kind < 0.7:  # a sofa
        for offset, size in (
            ((0, 0, 0.2), (1.7, 0.8, 0.4)),
            ((0, 0.35, 0.5), (1.7, 0.2, 0.6)),
            ((-0.8, 0, 0.35), (0.2, 0.8, 0.6)),
            ((0.8, 0, 0.35), (0.2, 0.8, 0.6)),
        ):
            _box(scene, spot + _turned(offset, turn), size, turn, surface)
    elif kind < 0.85:  # a lamp
        _box(scene, spot + [0, 0, 0.75], (0.03, 0.03, 1.5), turn, surface)
        lamp, nodes = material("lamp")
        nodes.surface(nodes.add("Emission", {"Color": (1.0, 0.85, 0.6, 1.0), "Strength": 3.0}))
        _ball(scene, spot + [0, 0, 1.55], 0.18, lamp)
    else:  # a plant
        _tree(scene, spot, rng, small=True)


def _tree(scene: Any, spot: Array, rng: np.random.Generator, small: bool = False) -> None:
    height = float(rng.uniform(0.5, 1.2) if small else rng.uniform(3, 8))
    bark = plain("bark", varied(linear(86, 66, 50), rng))
    _box(scene, spot + [0, 0, height * 0.25], (height * 0.06, height * 0.06, height * 0.5), 0.3, bark)
    leaves, nodes = material("leaves")
    green = varied(linear(*((70, 100, 44), (50, 78, 40), (110, 120, 50), (150, 100, 50))[int(rng.integers(4))]), rng)
    pattern = _between(clouds(rng, 40.0, 128), tuple(c * 0.2 for c in green), tuple(c * 1.6 for c in green))
    nodes.surface(nodes.diffuse(nodes.picture(pattern, nodes.scaled((2.0, 2.0, 2.0), 0.7))))
    for _ in range(3 if small else 5):
        offset = rng.normal(0, 0.16, 3) * height + [0, 0, height * 0.65]
        _ball(scene, spot + offset, height * float(rng.uniform(0.15, 0.28)), leaves, rng, 0.25)


# --- light -----------------------------------------------------------------------------------------------------------


def _indoor_light(scene: Any, view: View, middle: Array, floor: float, rng: np.random.Generator) -> None:
    world = Nodes(_world_tree(scene))
    warm = float(rng.uniform(-0.12, 0.12))
    world.background(
        world.add("Background", {"Color": (1 + warm, 1.0, 1 - warm, 1.0), "Strength": float(rng.uniform(0.25, 0.8))})
    )
    side = float(rng.choice([-1, 1]))
    _area(scene, middle + [side * rng.uniform(0.8, 2.8), -rng.uniform(0.8, 2.8), rng.uniform(0.8, 2.2)], middle,
          float(rng.uniform(0.6, 2.0)), float(rng.uniform(90, 260)), warm)  # fmt: skip
    if rng.random() < 0.7:
        _area(scene, middle + [-side * rng.uniform(1, 3), -rng.uniform(-1, 2.5), rng.uniform(0.2, 1.6)], middle,
              float(rng.uniform(0.5, 1.5)), float(rng.uniform(15, 70)), -warm)  # fmt: skip
    if rng.random() < 0.5:
        _area(scene, np.array([middle[0], middle[1], floor + 3.2]), middle, 1.8, float(rng.uniform(60, 160)), 0.05)


def _daylight(scene: Any, rng: np.random.Generator) -> None:
    world = Nodes(_world_tree(scene))
    elevation = float(rng.uniform(0.25, 1.2))
    heading = float(rng.uniform(-math.pi, math.pi))
    overcast = rng.random() < 0.3
    way = world.add("TexCoord", output="Generated")
    up = world.add("SeparateXYZ", {0: way}, output=2)
    banks = world.noise(way, float(rng.uniform(2, 5)), 2.0)
    high, low = (
        (linear(120, 130, 140), linear(205, 208, 210)) if overcast else (linear(60, 110, 190), linear(190, 210, 228))
    )
    sky = world.mix(world.add("MapRange", {"Value": up, "From Max": 0.5}, clamp=True), low, high)
    cover = world.add("MapRange", {"Value": banks, "From Min": 0.48, "From Max": 0.7}, clamp=True)
    sky = world.mix(world.math("MULTIPLY", cover, float(rng.uniform(0.2, 0.9))), sky, (0.85, 0.85, 0.86))
    world.background(world.add("Background", {"Color": sky, "Strength": float(rng.uniform(0.8, 1.3))}))
    # The sky is soft: the map by which it is sampled may be coarse, and else takes as long as the picture.
    scene.world.cycles.sampling_method, scene.world.cycles.sample_map_resolution = "MANUAL", 128
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy = 0.4 if overcast else float(rng.uniform(2.0, 4.5))
    sun.data.angle = 0.5 if overcast else 0.02
    sun.data.color = (1.0, 0.95 - 0.15 * (elevation < 0.5), 0.88 - 0.25 * (elevation < 0.5))
    sun.rotation_euler = (math.pi / 2 - elevation, 0.0, heading)
    scene.collection.objects.link(sun)


def _area(scene: Any, place: Array, target: Array, size: float, power: float, warm: float) -> None:
    light = bpy.data.objects.new("area", bpy.data.lights.new("area", "AREA"))
    light.data.size, light.data.energy = size, power
    light.data.color = (min(1.0, 1 + warm), 1.0 - abs(warm) / 3, min(1.0, 1 - warm))
    back = (np.asarray(place) - target) / np.linalg.norm(np.asarray(place) - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    if np.linalg.norm(right) < 1e-6:
        right = np.array([1.0, 0, 0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = place
    light.matrix_world = matrix.T.tolist()
    scene.collection.objects.link(light)
    light.visible_camera = False


def _world_tree(scene: Any) -> Any:
    scene.world.use_nodes = True
    return scene.world.node_tree


# --- pieces ----------------------------------------------------------------------------------------------------------


def _any_colour(rng: np.random.Generator) -> Colour:
    hue, saturation, value = rng.random(), 0.75 * rng.beta(1.3, 2.2), rng.uniform(0.15, 0.95)
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6) % 6
    red, green, blue = value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)
    return linear(red * 255, green * 255, blue * 255)


def clouds(rng: np.random.Generator, scale: float, size: int = 256) -> Array:
    """(size, size) noise between 0 and 1 that repeats without a seam, with blotches about ``1 / scale`` of it wide.

    White noise filtered in the frequency domain: flat below the wanted frequency, falling above.
    """
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size, 1 / size), np.fft.fftfreq(size, 1 / size)))
    amplitude = 1.0 / (1.0 + (frequency / scale) ** 2)
    amplitude[0, 0] = 0.0
    noise = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) * amplitude))
    return np.clip(0.5 + 0.22 * noise / noise.std(), 0.0, 1.0)


def _between(share: Array, low: Any, high: Any) -> Array:
    """(H, W, 3) colours between two, by shares (H, W)."""
    return np.asarray(low) + share[..., None] * (np.asarray(high) - np.asarray(low))


def _textured(name: str, share: Array, low: Any, high: Any, per_metre: float, upright: bool = False) -> Any:
    """A dull material with a pattern between two colours, repeated ``per_metre`` times a metre."""
    surface, nodes = material(name)
    place = nodes.scaled((per_metre,) * 3, math.pi / 2 if upright else 0.0)
    nodes.surface(nodes.diffuse(nodes.picture(_between(share, low, high), place)))
    return surface


def _parquet(wood: Colour, rng: np.random.Generator) -> Array:
    """(512, 512, 3) boards: 16 rows, cut at random, each of its own shade, with streaks along it."""
    size, rows = 512, 16
    shade = np.ones((size, size))
    for row in range(rows):
        cuts = np.sort(rng.integers(0, size, 3))
        band = slice(row * size // rows, (row + 1) * size // rows)
        for start, end in zip(cuts, np.append(cuts[1:], cuts[0] + size)):
            shade[band, np.arange(start, end) % size] = rng.uniform(0.65, 1.15)
            shade[band, start % size] = 0.3
        shade[band.start] = 0.35
    streaks = np.repeat(clouds(rng, 60.0, size)[:, ::8], 8, axis=1)
    return np.clip((shade * (0.75 + 0.5 * streaks))[..., None] * np.asarray(wood), 0, 0.95)


def _wood(rng: np.random.Generator) -> Any:
    wood = varied(linear(*((150, 105, 66), (96, 62, 40), (190, 150, 104))[int(rng.integers(3))]), rng)
    streaks = np.repeat(clouds(rng, 60.0)[:, ::8], 8, axis=1)
    surface, nodes = material("wood")
    pattern = _between(streaks, tuple(c * 0.5 for c in wood), wood)
    nodes.surface(principled(nodes, nodes.picture(pattern, nodes.scaled((1.0, 1.0, 1.0), 0.8)), 0.5))
    return surface


def _painting(rng: np.random.Generator) -> Any:
    """Random colours in the manner of a picture out of focus."""
    a, b, c = (np.asarray(_any_colour(rng)) for _ in range(3))
    first = np.clip((clouds(rng, float(rng.uniform(1.5, 10.0))) - 0.5) * 3 + 0.5, 0, 1)
    second = np.clip((clouds(rng, float(rng.uniform(1.5, 10.0))) - 0.6) * 3 + 0.5, 0, 1)
    pattern = _between(first, a, b)
    pattern = pattern + second[..., None] * (c - pattern)
    surface, nodes = material("painting")
    scale = float(rng.uniform(0.2, 0.9))
    nodes.surface(nodes.diffuse(nodes.picture(pattern, nodes.scaled((scale,) * 3, math.pi / 2))))
    return surface


def _facade(rng: np.random.Generator) -> Any:
    surface, nodes = material("facade")
    place = nodes.add("TexCoord", output="Object")
    wall = varied(
        linear(*((178, 160, 140), (150, 84, 66), (205, 200, 190), (120, 124, 130))[int(rng.integers(4))]), rng
    )
    bricks = nodes.add("TexBrick", {"Vector": nodes.add("Mapping", {"Vector": place, "Rotation": (math.pi / 2, 0, 0)}),
        "Color1": (*linear(52, 62, 76), 1), "Color2": (*linear(96, 110, 128), 1), "Mortar": (*wall, 1), "Scale": 1.0,
        "Mortar Size": 0.35, "Mortar Smooth": 0.0, "Brick Width": 1.6, "Row Height": 1.5},
        output="Color", offset=0.0)  # fmt: skip
    nodes.surface(nodes.diffuse(bricks))
    return surface


def _turned(offset: tuple[float, float, float], turn: float) -> Array:
    result: Array = about_z(turn) @ np.asarray(offset, np.float64)
    return result


def _box(scene: Any, centre: Any, size: Any, turn: float, surface: Any) -> None:
    x, y, z = np.asarray(size, np.float64) / 2
    corners = np.array([(sx * x, sy * y, sz * z) for sz in (-1, 1) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = about_z(turn), centre
    thing = add_mesh(scene, "box", Shell(corners, list(_BOX), {}, matrix), [surface])
    thing.data.polygons.foreach_set("use_smooth", np.zeros(6, bool))


def _plane(scene: Any, size: float, centre: Any, surface: Any) -> None:
    half = size / 2
    corners = np.array([(-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)])
    matrix = np.eye(4)
    matrix[:3, 3] = centre
    add_mesh(scene, "plane", Shell(corners, [np.arange(4, dtype=np.int32)], {}, matrix), [surface])


def _sheet(scene: Any, line: Array, width: float, x: float, surface: Any) -> None:
    left, right = line + [x - width / 2, 0, 0], line + [x + width / 2, 0, 0]
    count = len(line)
    faces = [np.array([k, count + k, count + k + 1, k + 1], np.int32) for k in range(count - 1)]
    add_mesh(scene, "sheet", Shell(np.concatenate([left, right]), faces), [surface])


def _ball(
    scene: Any, centre: Any, radius: float, surface: Any, rng: np.random.Generator | None = None, rough: float = 0.0
) -> None:
    """A ball of latitudes and longitudes, its surface disturbed by ``rough`` of the radius."""
    rows, columns = (12, 20) if rough == 0 else (18, 30)
    theta = np.linspace(0.02, math.pi - 0.02, rows)[:, None]
    phi = np.linspace(0, 2 * math.pi, columns, endpoint=False)[None, :]
    points = np.stack(
        np.broadcast_arrays(np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), axis=-1
    )
    scale = radius if rng is None else radius * (1 + rough * rng.normal(size=(rows, columns, 1)))
    points = (points * scale).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    quads = np.stack([i * columns + j, (i + 1) * columns + j, (i + 1) * columns + k, i * columns + k], axis=-1).reshape(
        -1, 4
    )
    matrix = np.eye(4)
    matrix[:3, 3] = centre
    add_mesh(scene, "ball", Shell(points, list(quads.astype(np.int32)), {}, matrix), [surface])
