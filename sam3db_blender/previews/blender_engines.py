"""Blender's engines as renderers of previews: Workbench, Cycles with its shadows, EEVEE where there is a graphics card.

They draw copies of the evaluated meshes in a scene of their own, which is taken away afterwards with all that was made
for it. Cycles and EEVEE show the characters' own materials, Workbench the previews' tints.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np
from mathutils import Matrix, Vector

from native_runtime.camera import CAMERA_TO_BLENDER_CAMERA, blender_camera
from native_runtime.errors import Sam3dbError
from native_runtime.render.colour import Floats, linear_of
from native_runtime.render.raster import Surface, View
from native_runtime.render.studio import LAMPS

from .. import compat
from ..rig.arrays import fill
from ..scene.camera import apply_settings
from ..scene.nodes import Shader
from ..scene.readback import units_of
from .subject import meshes_of

Engine = Literal["workbench", "cycles", "eevee"]

_NAME = "Sam3db Previews"
_COLOURS = "sam3db_preview"
#: The image that Blender keeps of its last render.
_RESULT = "Render Result"
_CYCLES_SAMPLES, _EEVEE_SAMPLES = 16, 32
_SUN_POWER, _SUN_SIZE = 3.2, np.radians(18.0)
_WORLD = (0.52, 0.54, 0.57)
_WORLD_STRENGTH = 0.45
_FLOOR_HALF_SIDE = 20.0


@dataclass(frozen=True)
class BlenderRenderer:
    """Renders views of the copies in a scene of its own; made by ``blender_renderer``.

    Attributes:
        units: of the scene from which the people were copied, for a metre.
    """

    scene: bpy.types.Scene
    camera: bpy.types.Object
    lamps: tuple[bpy.types.Object, ...]
    floor: bpy.types.Object | None
    units: float

    @property
    def casts_shadow(self) -> bool:
        return self.floor is not None

    def __call__(self, views: Sequence[View], floor: bool) -> list[Floats]:
        if self.floor is not None:
            self.floor.hide_render = not floor
        with tempfile.TemporaryDirectory(prefix="sam3db-") as folder:
            return [self._render(view, Path(folder) / f"{number}.png") for number, view in enumerate(views)]

    def _render(self, view: View, file: Path) -> Floats:
        import cv2

        settings = blender_camera(view.intrinsics, (view.width, view.height))
        lens: Any = self.camera.data
        apply_settings(lens, settings)
        axes = Matrix((view.axes @ CAMERA_TO_BLENDER_CAMERA).tolist()).to_4x4()
        self.camera.matrix_world = Matrix.Translation((self.units * view.position).tolist()) @ axes
        for lamp, (direction, *_) in zip(self.lamps, LAMPS):
            towards = view.axes @ np.array(direction)
            lamp.rotation_euler = Vector((-towards).tolist()).to_track_quat("-Z", "Y").to_euler()
        render = self.scene.render
        render.resolution_x, render.resolution_y = settings.resolution
        render.pixel_aspect_x, render.pixel_aspect_y = settings.pixel_aspect_x, settings.pixel_aspect_y
        render.filepath = str(file)
        try:
            bpy.ops.render.render(write_still=True, scene=self.scene.name)
            pixels = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED)
        except (RuntimeError, OSError) as error:
            raise Sam3dbError(f"{render.engine} could not render the preview ({error}).") from error
        straight = pixels[..., [2, 1, 0, 3]].astype(np.float32) / np.iinfo(pixels.dtype).max
        coverage = straight[..., 3:]
        return np.concatenate([linear_of(straight[..., :3]) * coverage, coverage], axis=-1)


@contextmanager
def blender_renderer(
    engine: Engine, rigs: Sequence[bpy.types.Object], surface: Surface, clay: bool = False
) -> Iterator[BlenderRenderer]:
    """A renderer of the characters as they are now, for as long as the context lasts.

    Args:
        surface: of the same rigs; its colours are Workbench's, unless it has pictures.
        clay: the surface's colours also in place of the characters' own materials.

    Raises:
        Sam3dbError: this Blender does not have the engine.
    """
    made: list[bpy.types.ID] = []
    units = units_of(rigs[0])
    shown: bpy.types.Image | None = bpy.data.images.get(_RESULT)
    scene = bpy.data.scenes.new(_NAME)
    try:
        _set_up(scene, engine, made)
        _add_copies(scene, rigs, surface, made)
        if engine == "workbench" and surface.paint is not None:
            scene.display.shading.color_type = "TEXTURE"
        if engine != "workbench" and clay:
            scene.view_layers[0].material_override = _clay(made)
        lens = bpy.data.cameras.new(_NAME)
        lens.clip_start, lens.clip_end = 0.01 * units, 1000.0 * units
        scene.camera = _add(scene, lens, made)
        plain = engine == "workbench"
        lamps = () if plain else tuple(_add_lamp(scene, power, colour, made) for _, power, colour in LAMPS)
        floor = _add_floor(scene, float(surface.vertices[:, 2].min()), units, made) if engine == "cycles" else None
        yield BlenderRenderer(scene, scene.camera, lamps, floor, units)
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove(made)
        result: bpy.types.Image | None = bpy.data.images.get(_RESULT)
        if shown is None and result is not None:
            bpy.data.images.remove(result)


def _set_up(scene: bpy.types.Scene, engine: Engine, made: list[bpy.types.ID]) -> None:
    render = scene.render
    try:
        name: Any = {"workbench": "BLENDER_WORKBENCH", "cycles": "CYCLES", "eevee": compat.eevee_id()}[engine]
        render.engine = name
    except TypeError as error:
        raise Sam3dbError(f"This Blender has no {engine.capitalize()}: switch it on in the preferences.") from error
    render.film_transparent = True
    render.resolution_percentage = 100
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode, render.image_settings.color_depth = "RGBA", "16"
    render.dither_intensity = 0.0
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    if engine == "workbench":
        scene.display.render_aa = "16"
        shading = scene.display.shading
        shading.light, shading.color_type = "STUDIO", "VERTEX"
        shading.show_cavity, shading.cavity_type = True, "BOTH"
        return
    if engine == "cycles":
        cycles: Any = scene.cycles
        cycles.samples, cycles.use_denoising = _CYCLES_SAMPLES, True
        cycles.device = bpy.context.scene.cycles.device
    else:
        scene.eevee.taa_render_samples = _EEVEE_SAMPLES
    world = bpy.data.worlds.new(_NAME)
    made.append(world)
    shader = Shader(compat.node_tree_of(world))
    background = shader.node("ShaderNodeBackground", {"Color": _WORLD, "Strength": _WORLD_STRENGTH})
    shader.surface(background.outputs[0], "ShaderNodeOutputWorld")
    scene.world = world


def _add_copies(
    scene: bpy.types.Scene, rigs: Sequence[bpy.types.Object], surface: Surface, made: list[bpy.types.ID]
) -> None:
    """The evaluated meshes as plain ones, in the order of the surface's vertices."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    first = 0
    for rig in rigs:
        for mesh in meshes_of(rig):
            evaluated = mesh.evaluated_get(depsgraph)
            data = bpy.data.meshes.new_from_object(evaluated, preserve_all_data_layers=True, depsgraph=depsgraph)
            _add(scene, data, made).matrix_world = evaluated.matrix_world
            count = len(data.vertices)
            if not len(data.polygons):
                continue
            colours: Any = data.color_attributes.new(_COLOURS, "FLOAT_COLOR", "POINT")
            own = surface.colours[first : first + count]
            fill(colours.data, "color", np.concatenate([own, np.ones((count, 1))], axis=1))
            data.color_attributes.active_color = colours
            first += count


def _clay(made: list[bpy.types.ID]) -> bpy.types.Material:
    """A material of the copies' own colours."""
    material = bpy.data.materials.new(_NAME)
    made.append(material)
    shader = Shader(compat.node_tree_of(material))
    colour = shader.node("ShaderNodeAttribute", attribute_name=_COLOURS).outputs["Color"]
    surface = shader.node("ShaderNodeBsdfPrincipled", {"Base Color": colour, "Roughness": 0.6})
    shader.surface(surface.outputs[0])
    return material


def _add(scene: bpy.types.Scene, data: Any, made: list[bpy.types.ID]) -> bpy.types.Object:
    obj = bpy.data.objects.new(_NAME, data)
    scene.collection.objects.link(obj)
    made += [obj, data]
    return obj


def _add_lamp(
    scene: bpy.types.Scene, power: float, colour: tuple[float, float, float], made: list[bpy.types.ID]
) -> bpy.types.Object:
    data: Any = bpy.data.lights.new(_NAME, "SUN")
    data.energy, data.angle, data.color = power * _SUN_POWER, _SUN_SIZE, colour
    return _add(scene, data, made)


def _add_floor(scene: bpy.types.Scene, level: float, units: float, made: list[bpy.types.ID]) -> bpy.types.Object:
    """A floor that shows only the shadow on it."""
    data = bpy.data.meshes.new(_NAME)
    half, level = units * _FLOOR_HALF_SIDE, units * level
    data.from_pydata([(i * half, j * half, level) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))], [], [range(4)])
    floor = _add(scene, data, made)
    floor.is_shadow_catcher = True
    return floor
