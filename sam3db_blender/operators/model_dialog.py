"""Draws the dialog of a model: what it gives, who has it, its terms in full."""

from __future__ import annotations

from typing import Any

import bpy

from native_runtime.engines import DEFAULT_ENGINE
from native_runtime.models.access_token import PAGE as TOKEN_PAGE
from native_runtime.models.shelf import ShelfItem, Source, Terms

from ..files import shelf as shelf_files
from ..files import speeds
from ..jobs import online
from ..layout_text import draw_lines
from ..properties import model_choice, secret
from ..shelf import facts, pictures

#: px at the usual size of the interface.
WIDTH = 900
#: The parts of the width that pictures, sources and summaries take; what belongs to them stands beside.
_PICTURES, _SOURCES, _SUMMARY = 0.3, 0.38, 0.45
#: Characters that fit into the dialog, beside pictures and sources, into the summary, and into a line of a licence.
_LINE, _BESIDE, _NOTE, _POINT, _LIST = 140, 100, 88, 64, 78
_ROWS = 10
_PICTURE = 6.0
#: Lines of a text stand closer to each other than buttons.
_CLOSE = 0.82
_MOST_SIDE_BY_SIDE = 3


def draw_dialog(layout: Any, choice: Any, context: bpy.types.Context) -> None:
    """Draws everything; ``choice`` is the operator with its ``ModelChoice`` and the lines of the terms."""
    item, source = model_choice.item_of(choice), model_choice.source_of(choice)
    family = facts.family_of(item)
    if choice.complaint:
        column = layout.column(align=True)
        column.alert = True
        draw_lines(column, choice.complaint, _LINE, "ERROR")
    if len(family.items) > 1:
        row = layout.row(align=True)
        row.prop(choice, "item", expand=len(family.items) <= _MOST_SIDE_BY_SIDE)
    _draw_facts(layout.split(factor=_PICTURES), item, source, choice)
    layout.separator(type="LINE")
    _draw_sources(layout.split(factor=_SOURCES), choice, source, context)
    layout.separator(type="LINE")
    terms = next((terms for terms in item.terms if terms.key == choice.shown_terms), item.terms[0])
    _draw_terms(layout, choice, item, terms)
    _draw_ticks(layout, choice, item)


def fill_lines(choice: Any) -> None:
    """Fills the list of the terms' lines where another licence is to be shown."""
    item = model_choice.item_of(choice)
    terms = next((terms for terms in item.terms if terms.key == choice.shown_terms), item.terms[0])
    if choice.lines_of == f"{item.name}:{terms.key}":
        return
    if choice.lines_of and not choice.lines_of.startswith(f"{item.name}:"):
        choice.accepted = [False] * model_choice.MOST_TERMS  # they were those of another item
    choice.lines_of = f"{item.name}:{terms.key}"
    choice.lines.clear()
    for text in facts.text_lines(terms, _LIST):
        choice.lines.add().text = text
    choice.line = -1


def _draw_facts(split: Any, item: ShelfItem, source: Source | None, choice: Any) -> None:
    picture = split.row(align=True)
    here = speeds.measured(DEFAULT_ENGINE)
    title = "What you have" if here is None else f"What you have, {facts.seconds_title(here)}"
    _draw_picture(picture.column(align=True), DEFAULT_ENGINE, title)
    if item.engine is not None:
        _draw_picture(picture.column(align=True), item.engine, facts.family_of(item).title)
    beside = split.column()
    column = _text_column(beside)
    draw_lines(column, item.gives, _BESIDE)
    for text in (
        *facts.figure_texts(item),
        facts.seconds_text(item, _measured(item)),
        facts.disk_text(item, source),
        facts.remaining(shelf_files.states(), item, source),
    ):
        if text:
            draw_lines(column, text, _BESIDE, "DOT")
    if item.choices:
        row = beside.row()
        row.use_property_split = True
        row.use_property_decorate = False
        row.prop(choice, "precision")


def _measured(item: ShelfItem) -> float | None:
    """Seconds of a person on this machine with an item that is installed."""
    ready = item.engine is not None and shelf_files.states()[item.name].state == "ready"
    return speeds.measured(str(item.engine)) if ready else None


def _text_column(layout: Any) -> Any:
    """A column for lines of text."""
    column = layout.column(align=True)
    column.scale_y = _CLOSE
    return column


def _draw_picture(column: Any, engine: str, title: str) -> None:
    icon = pictures.icon(engine)
    if icon:
        column.template_icon(icon, scale=_PICTURE)
    else:
        for number in range(round(_PICTURE)):  # as high as a picture
            row = column.row()
            row.alignment = "CENTER"
            row.label(text="No picture yet" if number == 2 else "")
    row = column.row()
    row.alignment = "CENTER"
    row.label(text=title)


def _draw_sources(split: Any, choice: Any, source: Source | None, context: bpy.types.Context) -> None:
    column = split.column(align=True)
    column.label(text="From")
    column.prop(choice, "source", expand=True)
    beside = split.column()
    column = _text_column(beside)
    if source is None:
        draw_lines(column, facts.any_note(model_choice.item_of(choice)), _NOTE)
    else:
        draw_lines(column, source.note, _NOTE)
    if source is not None and source.kind != "file":
        revision = f", revision {source.revision[:12]}" if source.pinned else ""
        draw_lines(column, f"{source.page.removeprefix('https://')}{revision}", _NOTE)
    column = beside.column(align=True)
    if source is not None and source.kind == "gated":
        row = column.row(align=True)
        row.operator("wm.url_open", text="Ask for Access", icon="URL").url = source.page
        row.operator("wm.url_open", text="Make a Token", icon="URL").url = TOKEN_PAGE
        column.prop(context.window_manager.sam3db, "access_token", text="Access Token")
        origin = secret.origin()
        draw_lines(column, f"Token: {origin}" if origin else "No token yet: HF_TOKEN is not set", _NOTE)
    elif source is not None and source.kind == "file":
        draw_lines(column, "'Install' opens the list of files.", _NOTE, "FILE_FOLDER")
    if (source is None or source.kind != "file") and online.refusal(""):
        _draw_online(column, context)


def _draw_online(column: Any, context: bpy.types.Context) -> None:
    """Draws that Blender may not use the network, with its own switch where that can be set."""
    if bpy.app.online_access_override:
        draw_lines(column, online.refusal("choose a file that you have"), _NOTE, "ERROR")
        return
    draw_lines(column, "Blender may not use the network yet; this is Blender's own setting:", _NOTE, "ERROR")
    column.prop(context.preferences.system, "use_online_access")


def _draw_terms(layout: Any, choice: Any, item: ShelfItem, shown: Terms) -> None:
    row = layout.row(align=True)
    row.prop(choice, "shown_terms", expand=True)
    split = layout.split(factor=_SUMMARY)
    column = _text_column(split)
    for point in shown.points:
        draw_lines(column, point, _POINT, "DOT")
    if shown.verbatim:
        draw_lines(column, "This is a summary; only the text beside it is binding.", _POINT, "INFO")
    column = split.column()
    column.template_list(
        "SAM3DB_UL_terms", "", choice, "lines", choice, "line", rows=_ROWS, maxrows=_ROWS, sort_lock=True
    )
    column.operator(
        "wm.url_open", text=f"Published at {shown.url.removeprefix('https://')}", icon="URL"
    ).url = shown.url


def _draw_ticks(layout: Any, choice: Any, item: ShelfItem) -> None:
    if item.commercial is False:
        row = layout.row()
        row.label(text="Is your work commercial?")
        buttons = row.row(align=True)
        buttons.prop_enum(choice, "commercial", model_choice.NO)
        buttons.prop_enum(choice, "commercial", model_choice.YES)
        if choice.commercial == model_choice.YES:
            column = layout.column(align=True)
            column.alert = True
            draw_lines(column, model_choice.objection(choice), _LINE, "ERROR")
    if len(item.terms) == 1:
        layout.prop(choice, "accepted", index=0, text=f"I have read and accept the {item.terms[0].title}")
        return
    split = layout.split(factor=_SUMMARY)
    both = "both" if len(item.terms) == 2 else "all of them"
    split.prop(choice, "accept_all", text=f"I have read and accept {both}:")
    row = split.row()
    for number, terms in enumerate(item.terms):
        row.prop(choice, "accepted", index=number, text=terms.title)
