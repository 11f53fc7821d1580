"""Characters into files for other programs, and copies of retarget maps to change."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy_extras.io_utils import ExportHelper

from native_runtime.bounds import CORRECTIVES_LIMIT, MOST_CORRECTIVES
from native_runtime.errors import Sam3dbError

from ..properties.export_items import FORMAT_ITEMS, FRAME_ITEMS, INFLUENCE_ITEMS, REST_ITEMS, SHAPE_ITEMS, TWIST_ITEMS
from .person import PersonPoll, ReportingOperator, person_of

if TYPE_CHECKING:
    from native_runtime.characters.exports.options import ExportOptions

_CHOSEN = (
    "names",
    "to",
    "rest",
    "pose",
    "frames",
    "frame_start",
    "frame_end",
    "frame_step",
    "twist",
    "shapes",
    "correctives",
    "influences",
    "positions",
    "visible_only",
    "author",
)

# Blender keeps no reference to the texts of a dynamic list
_targets: list[tuple[str, str, str]] = []


def target_items(self: Any, context: "bpy.types.Context | None") -> list[tuple[str, str, str]]:
    from ..retarget.assignment import map_titles

    _targets[:] = [(name, title, f"Bones as '{title}' names them") for name, title in map_titles().items()]
    return _targets


def _take_preset(self: Any, context: bpy.types.Context) -> None:
    """Another target brings its own settings; a damaged map brings none, and the export will say why."""
    from native_runtime.characters.exports.options import ExportOptions

    from ..retarget.assignment import own_maps_folder

    try:
        preset = ExportOptions.for_target(self.names, [own_maps_folder()])
    except Sam3dbError:
        return
    self.to, self.rest, self.pose = preset.to, preset.rest, preset.pose
    self.twist, self.shapes, self.influences = preset.twist, preset.shapes, str(preset.influences)


class ExportProperties:
    """The options of an export, shared by the panel and the file browser."""

    names: bpy.props.EnumProperty(
        name="Target",
        description="The program or skeleton that the file is for: sets bone names, rest pose and other options",
        items=target_items,
        update=_take_preset,
    )
    to: bpy.props.EnumProperty(name="Format", description="The kind of file", items=FORMAT_ITEMS, default="glb")
    rest: bpy.props.EnumProperty(
        name="Rest Pose", description="The pose in which mesh and skeleton are bound", items=REST_ITEMS
    )
    pose: bpy.props.BoolProperty(
        name="Animation",
        description="Write the character's animation; without one, with a T or A pose: its pose as one frame",
        default=True,
    )
    frames: bpy.props.EnumProperty(name="Frames", description="Which frames of the animation", items=FRAME_ITEMS)
    frame_start: bpy.props.IntProperty(name="Start", description="The first frame to write", default=1)
    frame_end: bpy.props.IntProperty(name="End", description="The last frame to write", default=250)
    frame_step: bpy.props.IntProperty(name="Step", description="Write every Nth frame", default=1, min=1)
    twist: bpy.props.EnumProperty(
        name="Twist Bones", description="What happens to the helper bones of arms and legs", items=TWIST_ITEMS
    )
    shapes: bpy.props.EnumProperty(
        name="Shape Keys", description="What happens to the shape keys of the face and to your own", items=SHAPE_ITEMS
    )
    correctives: bpy.props.IntProperty(
        name="Correctives",
        description="Shape keys, at most so many, keyed at each frame, that hold what the file's bones cannot: pose "
        "correctives, folded bones. More are more exact, fewer make a smaller file",
        default=MOST_CORRECTIVES,
        min=0,
        soft_max=64,
        max=CORRECTIVES_LIMIT,
    )
    influences: bpy.props.EnumProperty(
        name="Influences", description="The maximum number of bones that move one vertex", items=INFLUENCE_ITEMS
    )
    positions: bpy.props.BoolProperty(
        name="Bone Positions",
        description="Write positions of all bones, not only of the first: exact, but many programs refuse such files",
    )
    visible_only: bpy.props.BoolProperty(
        name="Visible Only", description="Leave out meshes of the character that are hidden"
    )
    author: bpy.props.StringProperty(name="Author", description="Author of the VRM avatar")

    def chosen(self) -> "ExportOptions":
        """What is chosen."""
        from native_runtime.characters.exports.options import ExportOptions

        return ExportOptions(
            to=self.to,
            names=self.names,
            rest=self.rest,
            twist=self.twist,
            shapes=self.shapes,
            correctives=self.correctives,
            influences=int(self.influences),
            pose=self.pose,
            frames=self._frames(),
            positions=self.positions,
            visible_only=self.visible_only,
            author=self.author,
        )

    def _frames(self) -> str:
        return f"{self.frame_start}:{self.frame_end}:{self.frame_step}" if self.frames == "range" else self.frames

    def draw_target(self, layout: Any) -> None:
        """The two choices that everybody makes."""
        layout.prop(self, "names")
        layout.prop(self, "to")

    def draw_details(self, layout: Any) -> None:
        """The choices that a target's preset makes."""
        from native_runtime.characters.exports.options import VRM

        layout.prop(self, "rest")
        is_vrm = self.to == "glb" and self.names == VRM
        if not is_vrm:
            self._draw_animation(layout)
        layout.prop(self, "twist")
        if self.to == "bvh":
            layout.prop(self, "positions")
        else:
            layout.prop(self, "shapes")
            row = layout.row()
            row.active = self.pose and self.shapes == "keep" and not is_vrm
            row.prop(self, "correctives")
            layout.prop(self, "influences")
            layout.prop(self, "visible_only")
        if is_vrm:
            layout.prop(self, "author")

    def _draw_animation(self, layout: Any) -> None:
        layout.prop(self, "pose")
        column = layout.column()
        column.active = self.pose
        column.prop(self, "frames")
        if self.frames == "range":
            for name in ("frame_start", "frame_end", "frame_step"):
                column.prop(self, name)


class SAM3DB_ExportState(ExportProperties, bpy.types.PropertyGroup):
    """The panel's settings."""


class _Exporting(PersonPoll, ReportingOperator, ExportProperties):
    """What makes the operator, as far as it is ours."""


class SAM3DB_OT_export_character(_Exporting, bpy.types.Operator, ExportHelper):  # type: ignore[misc]
    """Write the character to a file for another program, with the bones that it expects; the scene stays as it is"""

    bl_idname = "sam3db.export_character"
    bl_label = "Export Character"
    bl_options = {"REGISTER", "PRESET"}

    filter_glob: bpy.props.StringProperty(
        default="*.fbx;*.glb;*.vrm;*.bvh;*.usd;*.usda;*.usdc;*.usdz", options={"HIDDEN"}
    )

    @property
    def filename_ext(self) -> str:
        """What the file's name gets where it has no ending of the format."""
        from native_runtime.characters.exports.options import ExportOptions

        return ExportOptions(to=self.to, names=self.names).suffix

    def invoke(self, context, event):
        _copy(context.window_manager.sam3db_export, self)
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        name = bpy.path.clean_name(person_of(context).name.removesuffix(" Rig"))
        self.filepath = str(folder / f"{name}{self.filename_ext}")
        return super().invoke(context, event)

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        self.draw_target(layout)
        self.draw_details(layout.column())

    def run(self, context):
        from ..exports.export import export_character
        from ..retarget.assignment import own_maps_folder

        path = Path(bpy.path.abspath(self.filepath))
        notes = export_character(person_of(context), path, self.chosen(), [own_maps_folder()])
        _copy(self, context.window_manager.sam3db_export)
        for note in notes:
            self.report({"WARNING"}, note)
        if not notes:
            self.report({"INFO"}, f"Exported {path.name}")


def _copy(source: Any, target: Any) -> None:
    for name in _CHOSEN:
        setattr(target, name, getattr(source, name))


class SAM3DB_OT_copy_map(ReportingOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]
    """Copy the target's retarget map to a file of your own, to change it there; it is then listed among the targets"""

    bl_idname = "sam3db.copy_map"
    bl_label = "Copy Map"

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})
    names: bpy.props.StringProperty(name="Map", description="The map to copy", options={"SKIP_SAVE"})

    def invoke(self, context, event):
        from ..retarget.assignment import own_maps_folder

        self.filepath = str(own_maps_folder() / f"my_{self.names}.json")
        return super().invoke(context, event)

    def run(self, context):
        from native_runtime.retarget.maps import copy_map

        path = copy_map(self.names, Path(bpy.path.abspath(self.filepath)))
        self.report({"INFO"}, f"Copied to {path}")


CLASSES = (SAM3DB_ExportState, SAM3DB_OT_export_character, SAM3DB_OT_copy_map)


def attach() -> None:
    """Hangs the panel's settings on the window manager: they belong to the session, not to the file."""
    bpy.types.WindowManager.sam3db_export = bpy.props.PointerProperty(type=SAM3DB_ExportState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes them away again."""
    del bpy.types.WindowManager.sam3db_export
