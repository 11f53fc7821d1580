"""The texture of the first character, and its panel."""

from __future__ import annotations

import bpy

from .scene import part, rigs


def show() -> None:
    """Leaves only the panel of the person and their texture in the sidebar's tab, both open, and textures in view."""
    panels = part("ui.handles_panel"), part("ui.texture_panel")
    for cls in reversed(part("registration").CLASSES):
        if issubclass(cls, bpy.types.Panel) and getattr(cls, "bl_category", "") == "Photo" and cls.is_registered:
            bpy.utils.unregister_class(cls)
    panels[1].SAM3DB_PT_texture.bl_options = set()
    panels[1].SAM3DB_PT_texture.bl_idname = "SAM3DB_PT_texture_open"  # what is closed is remembered by its name
    for cls in (panels[0].SAM3DB_PT_pose, panels[1].SAM3DB_PT_texture):
        bpy.utils.register_class(cls)
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.shading.color_type = "TEXTURE"


def state() -> dict[str, object]:
    """What the first character wears."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    mesh = part("scene.bodies").body_mesh(rig)
    textured = part("scene.textured")
    found = textured.texture_of(mesh)
    return {
        "picture": "" if found is None else found[1].image.name,
        "record": textured.record_of(mesh),
        "pictures": pictures(),
    }


def pictures() -> list[str]:
    """All textures in the file, worn or not."""
    return sorted(image.name for image in bpy.data.images if image.get(part("scene.textured").RECORD))


def colour_type() -> str:
    """What Solid view takes colours from."""
    for area in bpy.context.window_manager.windows[0].screen.areas:
        if area.type == "VIEW_3D":
            return str(area.spaces.active.shading.color_type)
    return ""


def paint() -> None:
    """Paints a corner of the picture, as Texture Paint would."""
    rig = bpy.data.objects[next(iter(rigs().values()))]
    image = part("scene.textured").texture_of(part("scene.bodies").body_mesh(rig))[1].image
    values = [0.0] * (4 * image.size[0] * image.size[1])
    image.pixels.foreach_get(values)
    values[:4000] = [1.0] * 4000
    image.pixels.foreach_set(values)
    image.update()
