"""Materials that show a picture: those of textures from photos, and which picture any material shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from native_runtime.render.colour import encode_srgb
from native_runtime.texture.anatomy import PAINTED
from native_runtime.texture.files import FORMAT

from .. import compat
from ..rig.mesh import PARTS_PROPERTY
from .bodies import body_mesh
from .materials import SOLID_VIEW_LIFT
from .nodes import Shader, arrange
from .readback import units_of

if TYPE_CHECKING:
    from native_runtime.texture.files import EncodedTexture

Pixels = NDArray[np.uint8]

#: Custom property of a picture: what was done for it, as JSON (``native_runtime.texture.files``).
RECORD = "sam3db_texture"
#: Custom property of such a picture: the SHA-256 of the file that is packed in it, as it was made.
MADE_AS = "sam3db_made_as"
#: Custom property of a material: the picture of how sure its texture is.
CONFIDENCE = "sam3db_confidence"


def wear(mesh: bpy.types.Object, texture: EncodedTexture, name: str, sources: Mapping[str, Any], units: float) -> None:
    """Lays a texture on the skin, lips and nails of a body's mesh.

    A material that shows an earlier one keeps whatever an artist has set in it, and gets the new picture. The earlier
    picture stays in the file if it was painted on.

    Args:
        name: of the pictures and the material.
        sources: what the record says besides what was done.
        units: of the scene, for a metre: the depth of skin is a length.
    """
    picture = _packed(f"{name} Texture", texture.colour)
    picture[RECORD] = json.dumps({**texture.facts, **sources, "format": str(FORMAT)})
    confidence = _packed(f"{name} Texture Confidence", texture.confidence)
    confidence.colorspace_settings.name = "Non-Color"
    earlier, left = texture_of(mesh), []
    if earlier is None:
        material = _material(f"{name} textured", picture, units)
    else:
        material, node = earlier
        if material.users > _slots_with(mesh, material):
            # another character has it, too
            material = material.copy()
            node = next(other for other in material.node_tree.nodes if other.name == node.name)
        left = [node.image, material.get(CONFIDENCE)]
        node.image = picture
    material[CONFIDENCE] = confidence
    for old in left:
        _let_go(old)
    mean = texture.facts.get("mean_seen") or (128,) * 3
    material.diffuse_color = (*((float(c) / 255) ** (2.2 * SOLID_VIEW_LIFT) for c in mean), 1.0)
    for slot, part in zip(mesh.material_slots, _parts(mesh)):
        if part in PAINTED:
            slot.material = material


def put_on(rig: bpy.types.Object, texture: EncodedTexture, sources: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Lays a texture on a character.

    Args:
        sources: as of ``wear``; none where the texture's facts are a whole record.

    Raises:
        Sam3dbError: it has no mesh any more.
    """
    wear(body_mesh(rig), texture, rig.name.removesuffix(" Rig"), sources, units_of(rig))


def share(rig: bpy.types.Object, others: Sequence[bpy.types.Object]) -> None:
    """Gives characters of the same body the material with a character's texture.

    Raises:
        Sam3dbError: one of them has no mesh any more.
    """
    found = texture_of(body_mesh(rig))
    if found is None:
        return
    for mesh in map(body_mesh, others):
        for slot, part in zip(mesh.material_slots, _parts(mesh)):
            if part in PAINTED:
                slot.material = found[0]


def texture_of(mesh: bpy.types.Object) -> tuple[Any, Any] | None:
    """The material of a mesh that shows a texture from photos, and the node that does; None where none does."""
    for slot in mesh.material_slots:
        tree = None if slot.material is None else slot.material.node_tree
        for node in () if tree is None else tree.nodes:
            if node.type == "TEX_IMAGE" and node.image is not None and node.image.get(RECORD):
                return slot.material, node
    return None


def record_of(mesh: bpy.types.Object) -> dict[str, Any] | None:
    """What was done for the texture of a mesh; None where there is none, or nobody can read it any more."""
    found = texture_of(mesh)
    if found is None:
        return None
    try:
        content: dict[str, Any] = FORMAT.parsed(str(found[1].image[RECORD]), found[1].image.name)
    except Exception:  # written by a newer version, or by hand: the picture is as good without it
        return None
    return content


def is_painted_on(picture: bpy.types.Image) -> bool:
    """Whether somebody has changed a picture since it was made."""
    packed = picture.packed_file
    return picture.is_dirty or packed is None or _hash(bytes(packed.data)) != picture.get(MADE_AS)


def take_off(mesh: bpy.types.Object, materials: list[bpy.types.Material]) -> None:
    """Gives the skin, lips and nails their own materials again.

    Args:
        materials: one for each slot.
    """
    found = texture_of(mesh)
    if found is None:
        return
    for slot, material, part in zip(mesh.material_slots, materials, _parts(mesh)):
        if part in PAINTED and slot.material == found[0]:
            slot.material = material
    if found[0].users == 0:
        picture, confidence = found[1].image, found[0].get(CONFIDENCE)
        bpy.data.materials.remove(found[0])
        _let_go(picture)
        _let_go(confidence)


def picture_of(material: bpy.types.Material | None) -> bpy.types.Image | None:
    """The picture that a material's surface shows by its base colour; None where it shows another colour."""
    shader = principled_of(material)
    links = () if shader is None else shader.inputs["Base Color"].links
    node: Any = links[0].from_node if links else None
    if node is None or node.type != "TEX_IMAGE" or node.image is None or not all(node.image.size):
        return None
    picture: bpy.types.Image = node.image
    return picture


def principled_of(material: bpy.types.Material | None) -> Any:
    """The Principled shader that makes a material's surface; None where another does."""
    if material is None or material.node_tree is None:
        return None
    for node in material.node_tree.nodes:
        if node.type == "OUTPUT_MATERIAL" and node.is_active_output and node.inputs["Surface"].is_linked:
            source = node.inputs["Surface"].links[0].from_node
            return source if source.type == "BSDF_PRINCIPLED" else None
    return None


def pixels_of(picture: bpy.types.Image) -> Pixels:
    """The pixels (H, W, 3) of a picture as they are now, sRGB, upper row first."""
    width, height = picture.size
    values = np.empty(width * height * picture.channels, np.float32)
    picture.pixels.foreach_get(values)
    rows = values.reshape(height, width, picture.channels)[::-1]
    rgb = rows[..., :3] if picture.channels >= 3 else np.repeat(rows[..., :1], 3, axis=2)
    if picture.is_float:
        return encode_srgb(rgb)
    return np.asarray(np.round(255 * np.clip(rgb, 0, 1)), np.uint8)


def _material(name: str, picture: bpy.types.Image, units: float) -> Any:
    """A material whose surface is a picture: skin and cloth alike, so with little gloss and little light below it."""
    material: Any = bpy.data.materials.new(name)
    shader = Shader(compat.node_tree_of(material))
    image = shader.node("ShaderNodeTexImage", image=picture, extension="EXTEND")
    surface = shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": image.outputs["Color"],
            "Roughness": 0.6,
            "Specular IOR Level": 0.3,
            "Subsurface Weight": 0.1,
            "Subsurface Radius": (1.0, 0.36, 0.2),
            "Subsurface Scale": 0.004 * units,
        },
    )
    shader.surface(surface.outputs[0])
    arrange(shader.tree)
    shader.tree.nodes.active = image  # what Texture Paint paints on
    material.roughness = 0.6
    return material


def _packed(name: str, data: Any) -> bpy.types.Image:
    """A picture in the file, of a PNG; Blender reads its pixels when it needs them."""
    image = bpy.data.images.new(name, 1, 1, alpha=False)
    image.pack(data=data, data_len=len(data))
    image.source = "FILE"
    image[MADE_AS] = _hash(data)
    return image


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _parts(mesh: bpy.types.Object) -> list[str]:
    """The body's names of the material slots."""
    parts: list[str] = json.loads(mesh.get(PARTS_PROPERTY, "[]"))
    return parts


def _slots_with(mesh: bpy.types.Object, material: Any) -> int:
    """How often a mesh itself uses a material."""
    return sum(slot.material == material for slot in mesh.material_slots)


def _let_go(picture: bpy.types.Image | None) -> None:
    """Removes a picture that nothing shows any more, unless somebody has painted on it: it is then packed as it is now.

    Blender writes no pixels of pictures that were painted on and not saved; without an editor that shows it, nobody
    would think of saving this one.
    """
    if picture is None or picture.library or picture.users - picture.use_fake_user > 0:
        return
    if is_painted_on(picture):
        picture.use_fake_user = True
        if picture.is_dirty:
            picture.pack()
    else:
        bpy.data.images.remove(picture)
