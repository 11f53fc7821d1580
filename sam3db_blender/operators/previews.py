"""Previews of the characters in the scene, from the panel.

A picture takes a second, during which Blender waits; between pictures the window is drawn, and Esc ends the rest.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from native_runtime.errors import Sam3dbError

from ..app_handlers import redraw
from ..compat import BLEND_RELATIVE
from ..properties.preview_items import KIND_ITEMS, LOOK_ITEMS, RENDERER_ITEMS
from .person import PersonPoll, ReportingOperator, reported

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems

    from ..previews.making import Kind

_TIMER_S = 0.05
_UNSAVED = "untitled"

Outcome = tuple[str, str, Path | Sam3dbError]
"""The photo's name, the kind, and the picture or why there is none."""


class SAM3DB_Preview(bpy.types.PropertyGroup):
    """A picture that was rendered; its name is what the panel shows."""

    path: bpy.props.StringProperty(subtype="FILE_PATH")


class SAM3DB_PreviewState(bpy.types.PropertyGroup):
    """The panel's settings, the progress, and the last pictures."""

    kinds: bpy.props.EnumProperty(
        name="Pictures",
        description="What is rendered of the characters of each photo",
        items=KIND_ITEMS,
        options={"ENUM_FLAG"},
        default={"overlay", "turntable", "shaded"},
    )
    renderer: bpy.props.EnumProperty(name="Renderer", description="The renderer to use", items=RENDERER_ITEMS)
    look: bpy.props.EnumProperty(name="Look", description="The colours of the characters", items=LOOK_ITEMS)
    size: bpy.props.IntProperty(
        name="Height", description="Height of a picture", default=768, min=64, soft_max=2048, max=8192, subtype="PIXEL"
    )
    folder: bpy.props.StringProperty(
        name="Folder",
        description="Folder for the pictures; // is the folder of the .blend file",
        default="//previews",
        subtype="DIR_PATH",
        options=BLEND_RELATIVE,
    )
    running: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})
    progress: bpy.props.FloatProperty(min=0.0, max=1.0, options={"HIDDEN", "SKIP_SAVE"})
    status: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    pictures: bpy.props.CollectionProperty(type=SAM3DB_Preview, options={"HIDDEN", "SKIP_SAVE"})


class _Work:
    """The requested pictures, rendered one after the other.

    Raises:
        Sam3dbError: there is nobody, nothing to draw, or no folder for it.
    """

    def __init__(self, scene: "bpy.types.Scene | None", state: SAM3DB_PreviewState) -> None:
        from ..previews.saved import named_groups

        if not state.kinds:
            raise Sam3dbError("Choose at least one kind of picture.")
        if state.folder.startswith("//") and not bpy.data.filepath:
            raise Sam3dbError("Save the .blend file first, or choose a folder for the pictures.")
        self.folder = Path(bpy.path.abspath(state.folder))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Sam3dbError(f"The folder {self.folder} cannot be made ({error.strerror or error}).") from error
        assert scene is not None  # what hides it from add-ons also hides their panels
        self._groups = named_groups(scene, Path(bpy.data.filepath).stem or _UNSAVED)
        self._kinds: list[Kind] = [kind for kind, *_ in KIND_ITEMS if kind in state.kinds]
        self._size, self._renderer, self._look = state.size, state.renderer, state.look
        self.count = len(self._groups) * len(self._kinds)
        self.steps = self._outcomes()

    def _outcomes(self) -> Iterator[Outcome]:
        from ..previews.making import preview_steps

        for group in self._groups:
            steps = preview_steps(
                group.rigs,
                self._kinds,
                self.folder,
                group.stem,
                self._size,
                renderer=self._renderer,
                look=self._look,
            )
            for kind, outcome in steps:
                yield group.photo, kind, outcome


class SAM3DB_OT_render_previews(PersonPoll, bpy.types.Operator):
    """Render pictures of the characters in their current state, those of one photo together; the scene is kept"""

    bl_idname = "sam3db.render_previews"
    bl_label = "Render Previews"

    _work: _Work | None = None
    _timer: bpy.types.Timer | None = None
    _refusals: list[str]

    def execute(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        def work() -> "set[OperatorReturnItems]":
            state = context.window_manager.sam3db_previews
            self._work, self._refusals = _Work(context.scene, state), []
            state.pictures.clear()
            state.running, state.progress, state.status = True, 0.0, "Rendering"
            if not bpy.app.background and context.window is not None:
                self._timer = context.window_manager.event_timer_add(_TIMER_S, window=context.window)
                context.window_manager.modal_handler_add(self)
                context.workspace.status_text_set("Rendering previews     Esc: Cancel")
                return {"RUNNING_MODAL"}
            try:
                while self._step(context):
                    pass
            finally:
                self._leave(context)
            return self._finish(context)

        return reported(self, work)

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> "set[OperatorReturnItems]":
        state = context.window_manager.sam3db_previews
        if event.type == "ESC":
            self._leave(context)
            self.report({"INFO"}, f"Cancelled; {len(state.pictures)} of {self._work.count} pictures were rendered")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"RUNNING_MODAL"}  # the scene is to stay as it is while its pictures are made

        def work() -> "set[OperatorReturnItems]":
            if self._step(context):
                return {"RUNNING_MODAL"}
            self._leave(context)
            return self._finish(context)

        outcome = reported(self, work)
        if outcome == {"CANCELLED"} and state.running:
            self._leave(context)
        return outcome

    def _step(self, context: bpy.types.Context) -> bool:
        """Draws one more picture; False where there was none left."""
        from ..remedies import in_words

        state = context.window_manager.sam3db_previews
        done = next(self._work.steps, None)
        if done is None:
            return False
        photo, kind, outcome = done
        title = next(title for name, title, _ in KIND_ITEMS if name == kind)
        if isinstance(outcome, Path):
            picture = state.pictures.add()
            picture.name, picture.path = f"{title}  ·  {photo}", str(outcome)
        else:
            refusal = in_words(outcome) if isinstance(outcome, Sam3dbError) else outcome
            self._refusals.append(f"{title}: {refusal}")
        drawn = len(state.pictures) + len(self._refusals)
        state.progress, state.status = drawn / self._work.count, f"{drawn} of {self._work.count}"
        redraw("VIEW_3D")
        return True

    def _leave(self, context: bpy.types.Context) -> None:
        # a renderer of Blender's takes its own scene away when the steps end
        self._work.steps.close()
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
            context.workspace.status_text_set(None)
        context.window_manager.sam3db_previews.running = False
        redraw("VIEW_3D")

    def _finish(self, context: bpy.types.Context) -> "set[OperatorReturnItems]":
        count = len(context.window_manager.sam3db_previews.pictures)
        for refusal in self._refusals:
            self.report({"WARNING"} if count else {"ERROR"}, refusal)
        if not count:
            return {"CANCELLED"}
        self.report({"INFO"}, f"Rendered {count} picture{'s' * (count != 1)} in {self._work.folder}")
        return {"FINISHED"}


class SAM3DB_OT_show_preview(ReportingOperator, bpy.types.Operator):
    """Show a picture in this window's Image Editor, or in the system's viewer if there is none"""

    bl_idname = "sam3db.show_preview"
    bl_label = "Show Preview"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def run(self, context):
        if not Path(self.filepath).is_file():
            raise Sam3dbError(f"{self.filepath} no longer exists: render it again.")
        areas = () if context.screen is None else context.screen.areas
        editor = next((area for area in areas if area.type == "IMAGE_EDITOR"), None)
        if editor is None:
            bpy.ops.wm.path_open(filepath=self.filepath)
            return
        image = bpy.data.images.load(self.filepath, check_existing=True)
        image.reload()  # an older picture of that name may have been shown
        editor.spaces.active.image = image


CLASSES = (
    SAM3DB_Preview,
    SAM3DB_PreviewState,
    SAM3DB_OT_render_previews,
    SAM3DB_OT_show_preview,
)


def attach() -> None:
    """Hangs the state on the window manager: it belongs to the session, not to the file."""
    bpy.types.WindowManager.sam3db_previews = bpy.props.PointerProperty(type=SAM3DB_PreviewState)  # type: ignore[func-returns-value]


def detach() -> None:
    """Takes it away again."""
    del bpy.types.WindowManager.sam3db_previews
