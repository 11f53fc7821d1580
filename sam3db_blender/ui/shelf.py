"""The models that one can have: the offer to somebody who has none, the panel "Models", the same in the preferences.

Drawing reads what is remembered of the models' states (``files.shelf``); nothing is hashed or searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from ..places import preferences
from .sidebar import SidebarPanel

if TYPE_CHECKING:
    from native_runtime.models.shelf import ItemState, ShelfItem

    from ..shelf.facts import Family

_ICONS = {"absent": "IMPORT", "partly": "TIME", "downloaded": "TIME", "ready": "CHECKMARK", "broken": "ERROR"}
_PICTURE = 5.0
#: Characters that the frame of a box takes from a line.
_FRAME = 3


class SAM3DB_UL_terms(bpy.types.UIList):
    """The lines of a license"""

    def draw_item(
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: Any,
        active_data: Any,
        active_property: Any,
        index: Any,
        flt_flag: Any,
    ) -> None:
        layout.label(text=item.text)

    def draw_filter(self, context: Any, layout: Any) -> None:
        """There is nothing to sort."""


def has_news() -> bool:
    """Whether a model is being installed, or the end of it has not been dismissed."""
    from ..jobs.shelf import slot

    return slot.job is not None


def draw_offer(layout: Any, width: int) -> None:
    """Draws what somebody who has only the included engine could have, or how the way there goes; nothing where a
    better engine is there, or the offer was declined.

    Args:
        width: where lines of text are broken, characters.
    """
    from native_runtime.engines import DEFAULT_ENGINE, engines

    from ..files import shelf as shelf_files
    from ..jobs.shelf import slot
    from ..layout_text import draw_lines
    from ..shelf import facts, pictures
    from .long_jobs import draw_end

    job = slot.job
    better, settings = shelf_files.ready_engines(), preferences()
    if job is None and (better or (settings is not None and not settings.offer_models)):
        return
    box, width = layout.box(), width - _FRAME
    if draw_installing(box, width):
        return
    header = box.row(align=True)
    if job is not None and job.state == "done":
        header.label(text="Ready", icon="CHECKMARK")
        header.operator("sam3db.dismiss_model_offer", text="", icon="X", emboss=False)
        draw_lines(box.column(align=True), job.summary, width)
        choice = bpy.context.window_manager.sam3db.engine
        kept = f"Your choice of engine stays: {engines()[choice].title}." if choice in engines() else ""
        draw_lines(box.column(align=True), kept or "'Best Available' uses the best engine that you have.", width)
        for note in job.notes:
            draw_lines(box.column(align=True), note, width, "INFO")
        return
    header.label(text="A More Accurate Engine?", icon="OUTLINER_OB_ARMATURE")
    header.operator("sam3db.dismiss_model_offer", text="", icon="X", emboss=False)
    engine_families = [family for family in facts.families() if family.key in engines()]
    row = box.row(align=True)
    for engine, title in ((DEFAULT_ENGINE, "What You Have"), *((f.key, f.title) for f in engine_families)):
        icon = pictures.icon(engine)
        if icon:
            column = row.column(align=True)
            column.template_icon(icon, scale=_PICTURE)
            caption = column.row()
            caption.alignment = "CENTER"
            caption.label(text=title)
    draw_lines(box.column(align=True), "The same runner, seen from the front and from the side.", width)
    for family in engine_families:
        draw_get(box, family, f"Get {family.title}")
    draw_end(box, job, width)


def draw_get(layout: Any, family: Family, text: str, item: ShelfItem | None = None) -> None:
    """Draws the button of the dialog for a family, with what is to be fetched."""
    from ..shelf import facts

    shown = item or family.first
    size = facts.size_text(shown.download_bytes or shown.disk_bytes)
    row = layout.row()
    row.scale_y = 1.3
    row.operator_context = "INVOKE_DEFAULT"
    button = row.operator("sam3db.get_model", text=f"{text} ({size})", icon="IMPORT")
    button.family = family.key
    if item is not None:
        button.item = item.name


def draw_installing(layout: Any, width: int) -> bool:
    """Draws how far an installation is, with what it does in full; False where none is under way."""
    from ..jobs.shelf import slot
    from ..layout_text import draw_lines

    job = slot.job
    if job is None or job.state != "running":
        return False
    column = layout.column(align=True)
    column.label(text=job.title, icon="IMPORT")
    row = column.row(align=True)
    row.progress(factor=job.progress, text=f"{job.progress:.0%}")
    row.operator("sam3db.cancel_get_model", text="", icon="X")
    draw_lines(column, job.status, width)
    return True


def draw_shelf(layout: Any, width: int) -> None:
    """Draws all families with their states and buttons, and what is being installed.

    Args:
        width: where lines of text are broken, characters.
    """
    from ..files import shelf as shelf_files
    from ..jobs.shelf import slot
    from ..shelf import facts
    from .long_jobs import draw_end
    from .official_bodies import draw_official_bodies

    busy = draw_installing(layout, width)
    if not busy:
        draw_end(layout, slot.job, width)
    states = shelf_files.states()
    for family in facts.families():
        _draw_family(layout.box(), family, states, width - _FRAME, busy)
    box = layout.box()
    box.label(text="MHR's Official Bodies", icon="OUTLINER_OB_ARMATURE")
    draw_official_bodies(box, width - _FRAME)


def _draw_family(layout: Any, family: Family, states: Any, width: int, busy: bool) -> None:
    from ..files import sam3d_body
    from ..layout_text import draw_lines
    from ..shelf import facts
    from .sam3d_body import draw_status

    there = [item for item in family.items if states[item.name].state != "absent"]
    layout.label(text=family.title, icon="CHECKMARK" if _is_ready(there, states) else "OUTLINER_OB_ARMATURE")
    column = layout.column(align=True)
    if not there:
        draw_lines(column, family.first.gives, width)
    for item in there:
        _draw_state(column, item, states[item.name], width)
    if busy:
        return
    unfinished = next((item for item in there if states[item.name].state != "ready"), None)
    if unfinished is not None:
        draw_get(layout, family, f"{facts.verb(states[unfinished.name])} {facts.short_title(unfinished)}", unfinished)
    else:
        draw_get(layout, family, "Get Another" if there else f"Get {family.title}")
    if family.key == sam3d_body.ENGINE and sam3d_body.installed() is not None:
        draw_status(layout, width)
        layout.operator("sam3db.check_sam3d_body", text="Check What It Runs On", icon="FILE_REFRESH")
    for item in there:
        if states[item.name].state in ("ready", "broken"):
            row = layout.row()
            row.operator_context = "INVOKE_DEFAULT"
            text = f"Remove {facts.short_title(item)} ({facts.size_text(_made(states[item.name]))})"
            row.operator("sam3db.remove_model", text=text, icon="TRASH").item = item.name
    for item in family.items:
        size = states[item.name].downloaded
        if size:
            row = layout.row()
            row.operator_context = "INVOKE_DEFAULT"
            text = f"Remove Downloads of {facts.short_title(item)} ({facts.size_text(size)})"
            row.operator("sam3db.remove_model_downloads", text=text, icon="TRASH").item = item.name


def draw_installed(layout: Any, engine: str, width: int) -> None:
    """Draws which of an engine's networks are installed, or where to get one; nothing for engines of other packages.

    Args:
        width: where lines of text are broken, characters.
    """
    from ..files import shelf as shelf_files
    from ..layout_text import draw_lines
    from ..shelf import facts

    family = next((family for family in facts.families() if family.key == engine), None)
    if family is None:
        return
    states = shelf_files.states()
    ready = [item for item in family.items if states[item.name].state == "ready"]
    for item in ready:
        _draw_state(layout, item, states[item.name], width)
    if not ready:
        draw_lines(layout, f"{family.title} is not installed: see the panel 'Models'", width, "ERROR")


def _is_ready(items: list[ShelfItem], states: Any) -> bool:
    return any(states[item.name].state == "ready" for item in items)


def _draw_state(column: Any, item: ShelfItem, state: ItemState, width: int) -> None:
    from ..layout_text import draw_lines
    from ..shelf import facts

    column.alert = state.state == "broken"
    draw_lines(column, f"{facts.short_title(item)}: {facts.state_text(state)}", width, _ICONS[state.state])
    column.alert = False
    if state.state == "ready":
        terms = ", ".join(terms.title for terms in item.terms)
        draw_lines(column, f"License: {terms}", width, "BLANK1")
        if item.commercial is False:
            draw_lines(column, "Not for commercial use", width, "INFO")


def _made(state: ItemState) -> int:
    """Bytes of the finished files."""
    return state.bytes_there - state.downloaded


class SAM3DB_PT_models(SidebarPanel, bpy.types.Panel):
    """The models that one can have: what is installed, and how to get more"""

    bl_label = "Models"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        from ..layout_text import width_of

        draw_shelf(self.layout, width_of(context.region.width, context.preferences.system.ui_scale))


CLASSES = (SAM3DB_UL_terms, SAM3DB_PT_models)
