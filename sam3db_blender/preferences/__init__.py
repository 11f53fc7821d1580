"""The extension's preferences. Blender keeps them by their names, which therefore stay."""

import bpy

from .. import places
from ..compat import BLEND_RELATIVE
from ..properties.farm import FARM_ITEMS
from .limits import LimitSettings
from .new_work import NewWorkSettings

#: Names as ``native_runtime.onnx.providers`` has them; that is not imported, since it loads ONNX Runtime.
_PROVIDERS = (
    ("auto", "Best That Works", "Try what the installed ONNX Runtime offers, best first; the processor last"),
    ("cpu", "Processor", "Works everywhere"),
    ("cuda", "NVIDIA CUDA", "Needs an ONNX Runtime with CUDA"),
    ("tensorrt", "NVIDIA TensorRT", "Needs an ONNX Runtime with TensorRT; the first start takes many minutes"),
    ("directml", "DirectML", "Graphics cards on Windows; needs an ONNX Runtime with DirectML"),
    ("webgpu", "WebGPU", "Graphics cards by Vulkan, Direct3D 12 or Metal; needs WebGPU support"),
    ("coreml", "Apple CoreML", "Macs"),
    ("openvino", "Intel OpenVINO", "Needs an ONNX Runtime with OpenVINO"),
    ("migraphx", "AMD MIGraphX", "Needs an ONNX Runtime with MIGraphX"),
)


class SAM3DB_AddonPreferences(LimitSettings, NewWorkSettings, bpy.types.AddonPreferences):
    """Where the models are, what they are computed on, what the worker may take, and what new work begins with."""

    bl_idname = places.PACKAGE

    models_folder: bpy.props.StringProperty(
        name="Models Folder",
        description="Folder with networks and bodies; empty for those that came with the extension",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )
    provider: bpy.props.EnumProperty(
        name="Compute On",
        description="The hardware that networks run on. Where it fails, the processor computes, and a warning says why",
        items=_PROVIDERS,
        default="auto",
    )
    offer_models: bpy.props.BoolProperty(
        name="Offer Better Engines",
        description="Show in the panel 'Character from Photo' which more accurate engines there are",
        default=True,
    )

    farm: bpy.props.EnumProperty(name="Farm", description="What shares a batch among machines", items=FARM_ITEMS)
    farm_manager: bpy.props.StringProperty(
        name="Manager",
        description="Address of the studio's Flamenco Manager, such as farm:8080. Empty for that of the variable "
        "SAM3DB_FLAMENCO",
    )

    def requested_providers(self) -> list[str] | None:
        """What a worker shall compute on; None for the best that works."""
        return None if self.provider == "auto" else list(dict.fromkeys([self.provider, "cpu"]))

    def draw(self, context: bpy.types.Context) -> None:
        from ..ui.preferences.sections import draw_sections

        draw_sections(self.layout, self, context)


CLASSES = (SAM3DB_AddonPreferences,)
