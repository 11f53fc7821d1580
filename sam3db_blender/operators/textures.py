"""Textures from photos."""

from typing import Any

import bpy

from native_runtime.bounds import TEXTURE_SIZE, TEXTURE_SIZES
from native_runtime.errors import Sam3dbError

from ..app_handlers import redraw
from .modal_job import ModalJobOperator
from .person import PersonOperator, reported

_SIZE_ITEMS = tuple((str(size), f"{size // 1024}K", f"{size} pixels along each side") for size in TEXTURE_SIZES)


class SAM3DB_OT_project_texture(ModalJobOperator, PersonOperator, bpy.types.Operator):  # type: ignore[misc]
    """Lay the photo on the person as they are posed now, the rest filled in; what was painted on stays in the file"""

    bl_idname = "sam3db.project_texture"
    bl_label = "Texture from Photo"
    bl_options = {"REGISTER", "UNDO"}

    size: bpy.props.EnumProperty(
        name="Size", description="Pixels of the texture", items=_SIZE_ITEMS, default=str(TEXTURE_SIZE)
    )
    remove_light: bpy.props.BoolProperty(
        name="Remove Light",
        description="Take out the light that can be estimated from the directions of the surface, roughly; shadows, "
        "folds and gloss stay",
        default=True,
    )

    _character: str
    _projection: Any

    def execute(self, context):
        from ..scene.bodies import body_of
        from ..scene.provenance import character_id
        from ..textures.job import TextureJob
        from ..textures.projecting import projection_of

        def work():
            rig = self.rig(context)
            self._character = character_id(rig)
            self._projection = projection_of(rig, body_of(rig), int(self.size), self.remove_light)
            job: Any = TextureJob(self._projection)
            return self.begin(context, job)

        return reported(self, work)

    def finish(self, context):
        job: Any = self._job
        if job.state == "cancelled":
            return {"CANCELLED"}
        return reported(self, lambda: self.run(context))

    def run(self, context):
        from ..scene.bodies import body_mesh, body_of
        from ..scene.lookup import rig_with
        from ..scene.textured import put_on
        from ..wearables.dressing import adapt

        job: Any = self._job
        rig = rig_with(self._character)
        if job.state == "failed":
            raise Sam3dbError(job.error)
        if rig is None:
            raise Sam3dbError("The person's character was deleted meanwhile.")
        put_on(rig, job.texture, self._projection.sources)
        adapt(rig, body_mesh(rig), body_of(rig))
        redraw("VIEW_3D")
        seen = job.texture.facts["shares"]["seen"]
        self.report({"INFO"}, f"{100 * seen:.0f} % of the texture is seen in the photo; the rest is filled in")


class SAM3DB_OT_remove_texture(PersonOperator, bpy.types.Operator):
    """Give the person's skin its plain material again. A texture that was painted on stays in the file"""

    bl_idname = "sam3db.remove_texture"
    bl_label = "Remove Texture"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        from ..handles.people import active_character
        from ..scene.bodies import body_mesh
        from ..scene.textured import texture_of

        if not super().poll(context):
            return False
        rig = active_character(context)
        try:
            there = rig is not None and texture_of(body_mesh(rig)) is not None
        except Sam3dbError:
            there = False
        if not there:
            cls.poll_message_set("This person has no texture")
        return there

    def run(self, context):
        from ..scene.bodies import body_mesh, body_of
        from ..scene.materials import body_materials
        from ..scene.person_colours import colours_of
        from ..scene.readback import units_of
        from ..scene.textured import take_off
        from ..wearables.dressing import adapt

        rig = self.rig(context)
        mesh = body_mesh(rig)
        body = body_of(rig)
        take_off(mesh, body_materials(body, units_of(rig), colours_of(rig)))
        adapt(rig, mesh, body)


CLASSES = (SAM3DB_OT_project_texture, SAM3DB_OT_remove_texture)
