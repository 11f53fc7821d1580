"""The surface of hair: strands that run along v of the texture coordinates, and a gloss across them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from native_runtime.render.colour import encode_srgb
from native_runtime.wearables.hair_picture import strand_picture

if TYPE_CHECKING:
    from ..scene.nodes import Shader

#: Custom property of a picture of strands: the colour that it was made in.
_COLOUR = "sam3db_strands"
#: Gloss is stretched across the strands, as on hair (Cycles; other engines show round gloss).
_ROUGHNESS, _GLOSS, _ANISOTROPY = 0.72, 0.3, 0.7


def strands(shader: Shader, colour: tuple[float, float, float], units: float) -> Any:
    """A shader socket for hair of a colour, linear Rec.709.

    The strands are a small picture, packed in the file, so that previews and exports show them as well.

    Args:
        units: of the scene, for a metre.
    """
    picture = shader.node("ShaderNodeTexImage", image=strand_image(colour))
    shade = picture.outputs["Color"]
    usual = max(float(np.mean(colour)), 1e-4)
    # darker strands lie deeper, and are less glossy
    height = shader.math("MULTIPLY", shader.node("ShaderNodeRGBToBW", {"Color": shade}).outputs[0], 0.5 / usual)
    bump = shader.node("ShaderNodeBump", {"Height": height, "Strength": 0.6, "Distance": 0.002 * units})
    gloss = shader.math("MULTIPLY_ADD", shader.math("MINIMUM", height, 1.0), -_GLOSS, _ROUGHNESS)
    tangent = shader.node("ShaderNodeTangent", direction_type="UV_MAP")
    bright = tuple(min(1.0, 2.5 * channel + 0.03) for channel in colour)
    return shader.node(
        "ShaderNodeBsdfPrincipled",
        {
            "Base Color": shade,
            "Roughness": gloss,
            "Specular IOR Level": 0.35,
            "Anisotropic": _ANISOTROPY,
            "Sheen Weight": 0.12,
            "Sheen Roughness": 0.5,
            "Sheen Tint": bright,
            "Normal": bump.outputs[0],
            "Tangent": tangent.outputs[0],
        },
    ).outputs[0]


def recolour_strands(material: bpy.types.Material, colour: tuple[float, float, float]) -> None:
    """Gives a material the picture of strands of another colour, where it has one."""
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE" and node.image is not None and node.image.get(_COLOUR):
            earlier, node.image = node.image, strand_image(colour)
            if not earlier.users:
                bpy.data.images.remove(earlier)


def strand_image(colour: tuple[float, float, float]) -> bpy.types.Image:
    """The picture of strands of a colour, packed; one for all that have it."""
    import cv2

    key = " ".join(f"{channel:.4f}" for channel in colour)
    for image in bpy.data.images:
        if image.get(_COLOUR) == key and not image.library and not image.is_dirty:
            return image
    done, data = cv2.imencode(".png", strand_picture(colour)[..., ::-1])
    if not done:
        raise RuntimeError("OpenCV could not write a picture of strands")
    content = data.tobytes()
    # by its colour, so that pictures of several people have names of their own, in exported files as well
    shade = "".join(f"{channel:02x}" for channel in encode_srgb(np.array(colour)).tolist())
    image = bpy.data.images.new(f"Hair Strands {shade}", 1, 1, alpha=False)
    image.pack(data=content, data_len=len(content))
    image.source = "FILE"
    image[_COLOUR] = key
    return image
