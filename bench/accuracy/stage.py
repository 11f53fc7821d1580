"""The bpy side: an empty Cycles scene, meshes from arrays, and small helpers that build node trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.camera import blender_camera
from native_runtime.synthetic.views import View

from .clothes import Shell, Strands

Array = NDArray[np.float64]
Colour = tuple[float, float, float]


def empty_scene(samples: int) -> Any:
    """A new file with one empty scene, set up for quick Cycles renders on the processor."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "FAST"
    cycles.denoising_quality = "FAST"
    cycles.use_light_tree = False  # a handful of lights is quicker without
    cycles.max_bounces = cycles.diffuse_bounces = cycles.glossy_bounces = 1
    cycles.transmission_bounces = 0
    cycles.transparent_max_bounces = 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 3.0
    scene.cycles_curves.shape = "RIBBONS"
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "16"
    scene.world = bpy.data.worlds.new("world")
    return scene


def add_camera(scene: Any, view: View) -> None:
    """The exact pinhole of ``view``."""
    settings = blender_camera(view.intrinsics, view.size)
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_fit = settings.lens, settings.sensor_fit
    data.sensor_width, data.sensor_height = settings.sensor_width, settings.sensor_height
    data.shift_x, data.shift_y = settings.shift_x, settings.shift_y
    data.clip_start = 0.05
    camera = bpy.data.objects.new("camera", data)
    matrix = np.eye(4)
    matrix[:3, :3] = view.rotation.T @ np.diag([1.0, -1.0, -1.0])
    matrix[:3, 3] = view.place
    camera.matrix_world = matrix.T.tolist()  # bpy takes columns as rows
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = settings.resolution
    scene.render.resolution_percentage = 100
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = settings.pixel_aspect_x, settings.pixel_aspect_y


def add_mesh(scene: Any, name: str, shell: Shell, materials: Sequence[Any], indices: Array | None = None) -> Any:
    """A smooth mesh object of a shell; ``indices`` (F,) chooses each face's material."""
    mesh = bpy.data.meshes.new(name)
    sizes = np.array([len(face) for face in shell.faces])
    mesh.vertices.add(len(shell.vertices))
    mesh.vertices.foreach_set("co", np.asarray(shell.vertices, np.float32).ravel())
    mesh.loops.add(int(sizes.sum()))
    mesh.loops.foreach_set("vertex_index", np.concatenate(shell.faces).astype(np.int32))
    mesh.polygons.add(len(sizes))
    mesh.polygons.foreach_set("loop_start", np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32))
    mesh.polygons.foreach_set("loop_total", sizes.astype(np.int32))
    mesh.update(calc_edges=True)
    for material in materials:
        mesh.materials.append(material)
    if indices is not None:
        mesh.polygons.foreach_set("material_index", np.asarray(indices, np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(sizes), bool))
    for key, values in shell.attributes.items():
        vector = values.ndim == 2
        attribute = mesh.attributes.new(key, "FLOAT_VECTOR" if vector else "FLOAT", "POINT")
        attribute.data.foreach_set("vector" if vector else "value", np.asarray(values, np.float32).ravel())
    thing = bpy.data.objects.new(name, mesh)
    thing.matrix_world = shell.matrix.T.tolist()
    scene.collection.objects.link(thing)
    return thing


def add_strands(scene: Any, name: str, strands: Strands, material: Any) -> Any:
    """Hair curves."""
    count, steps = strands.points.shape[:2]
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([steps] * count)
    position = curves.attributes.get("position") or curves.attributes.new("position", "FLOAT_VECTOR", "POINT")
    position.data.foreach_set("vector", strands.points.astype(np.float32).ravel())
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    radius.data.foreach_set("value", np.tile(strands.radius, count).astype(np.float32))
    curves.materials.append(material)
    thing = bpy.data.objects.new(name, curves)
    scene.collection.objects.link(thing)
    return thing


class Nodes:
    """A material's node tree, built by function calls: each returns the output socket to link on."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        tree.nodes.clear()

    def add(self, kind: str, inputs: dict[Any, Any] | None = None, output: Any = 0, **properties: Any) -> Any:
        """A node of the type ``ShaderNode<kind>``; inputs are values or sockets by name or number."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for key, value in properties.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            socket = node.inputs[key]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node.outputs[output]

    def math(self, operation: str, a: Any, b: Any = 0.0) -> Any:
        return self.add("Math", {0: a, 1: b}, operation=operation)

    def step(self, value: Any, width: float) -> Any:
        """0 below -width, 1 above width, linear between."""
        return self.add("MapRange", {"Value": value, "From Min": -width, "From Max": width}, clamp=True)

    def mix(self, factor: Any, a: Any, b: Any, blend: str = "MIX") -> Any:
        """Mix two colours."""
        pair = {6: _rgba(a), 7: _rgba(b), 0: factor}
        return self.add("Mix", pair, output=2, data_type="RGBA", blend_type=blend)

    def attribute(self, name: str, output: str = "Fac") -> Any:
        return self.add("Attribute", output=output, attribute_name=name)

    def noise(self, vector: Any, scale: float, detail: float = 3.0, output: str = "Fac") -> Any:
        return self.add("TexNoise", {"Vector": vector, "Scale": scale, "Detail": detail}, output=output)

    def bump(self, height: Any, strength: float, distance: float) -> Any:
        return self.add("Bump", {"Height": height, "Strength": strength, "Distance": distance})

    def picture(self, pixels: Array, vector: Any) -> Any:
        """An image texture of linear colours (H, W, 3), repeated; a tenth of the price of noise computed per ray."""
        height, width = pixels.shape[:2]
        image = bpy.data.images.new("texture", width, height, float_buffer=True)
        image.colorspace_settings.name = "Linear Rec.709"
        rgba = np.ones((height, width, 4), np.float32)
        rgba[..., :3] = pixels
        image.pixels.foreach_set(rgba.ravel())
        return self.add("TexImage", {"Vector": vector}, image=image)

    def scaled(self, scale: tuple[float, float, float], turn: float = 0.0) -> Any:
        """Places in the object's own axes, metres, times ``scale``, turned about x by ``turn``."""
        place = self.add("TexCoord", output="Object")
        return self.add("Mapping", {"Vector": place, "Scale": scale, "Rotation": (turn, 0.0, 0.0)})

    def diffuse(self, colour: Any, **inputs: Any) -> Any:
        return self.add("BsdfDiffuse", {"Color": _rgba(colour)} | inputs)

    def surface(self, shader: Any) -> None:
        self.tree.links.new(shader, self.tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])

    def background(self, shader: Any) -> None:
        self.tree.links.new(shader, self.tree.nodes.new("ShaderNodeOutputWorld").inputs["Surface"])


def _rgba(value: Any) -> Any:
    return (*value, 1.0) if isinstance(value, tuple) and len(value) == 3 else value


def material(name: str) -> tuple[Any, Nodes]:
    """A new material and its nodes."""
    result = bpy.data.materials.new(name)
    result.use_nodes = True
    return result, Nodes(result.node_tree)


def principled(nodes: Nodes, colour: Any, roughness: Any = 0.7, **inputs: Any) -> Any:
    """A Principled BSDF; further inputs by their names with underscores for spaces."""
    named = {key.replace("_", " "): value for key, value in inputs.items()}
    return nodes.add("BsdfPrincipled", {"Base Color": _rgba(colour), "Roughness": roughness} | named)


def plain(name: str, colour: Colour, roughness: float | None = None) -> Any:
    """A material of one colour (linear RGB), dull unless a roughness is given."""
    result, nodes = material(name)
    nodes.surface(nodes.diffuse(colour) if roughness is None else principled(nodes, colour, roughness))
    return result


def linear(red: float, green: float, blue: float) -> Colour:
    """sRGB 0..255 to linear 0..1."""
    values = np.array([red, green, blue]) / 255.0
    result = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return (float(result[0]), float(result[1]), float(result[2]))


def varied(colour: Colour, rng: np.random.Generator, amount: float = 0.12) -> Colour:
    """A colour near another."""
    values = np.clip(np.array(colour) * np.exp(rng.normal(0, amount, 3)), 0.003, 0.95)
    return (float(values[0]), float(values[1]), float(values[2]))


def read_exr(path: str) -> Array:
    """(H, W, 3) linear, top row first."""
    image = bpy.data.images.load(path)
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1, :, :3].astype(np.float64)
