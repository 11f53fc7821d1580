"""What the panels begin with, by the extension's preferences.

A preference stands for a setting of a panel, which Blender keeps for the session. It is taken over where the artist has
chosen nothing: in a new session, in a new file, and where the panel still has what a preference gave it before.
"""

from __future__ import annotations

import json
from typing import Any

import bpy

from .. import places
from ..app_handlers import ensure_timer, listen, stop_listening

_SOON_S = 0.1


class Default:
    """A preference and the setting that it stands for.

    Args:
        preference: its name.
        state: the panel's settings, as the window manager has them.
        setting: their name for it.
        kept: the preference that Blender keeps for it, where it is another one.
    """

    def __init__(self, preference: str, state: str, setting: str, kept: str = "") -> None:
        self.preference, self.state, self.setting, self.kept = preference, state, setting, kept


DEFAULTS = (
    Default("new_engine", "sam3db", "engine"),
    Default("new_body", "sam3db", "body"),
    Default("new_persons", "sam3db", "persons"),
    Default("new_texture", "sam3db", "texture"),
    Default("new_worn", "sam3db", "worn"),
    Default("new_light", "sam3db", "light"),
    Default("handle_groups", "sam3db", "tool_groups"),
    Default("preview_kinds", "sam3db_previews", "kinds"),
    Default("preview_renderer", "sam3db_previews", "renderer"),
    Default("preview_height", "sam3db_previews", "size"),
    # the target brings a format of its own
    Default("export_target", "sam3db_export", "names", "export_target_name"),
)
_TAKEN = "defaults_taken"


def take_defaults(window_manager: Any, settings: Any) -> None:
    """Sets what the panels begin with, but nothing that the artist has chosen.

    Args:
        settings: the extension's preferences.
    """
    taken = _read(window_manager)
    for default in DEFAULTS:
        if default.preference not in taken and not settings.is_property_set(default.kept or default.preference):
            continue  # lists of engines and targets are not read at Blender's start for nothing
        state = getattr(window_manager, default.state)
        now, wanted = getattr(state, default.setting), getattr(settings, default.preference)
        if state.is_property_set(default.setting) and _plain(now) != taken.get(default.preference):
            continue
        if now != wanted:
            setattr(state, default.setting, wanted)
        taken[default.preference] = _plain(getattr(state, default.setting))
    window_manager.sam3db.defaults_taken = json.dumps(taken)


def fill_in(operator: Any) -> None:
    """Sets the options of an operator that are called as those of the panel "Character from Photo", where Blender
    remembers no last value of them, and no script gave one.
    """
    settings = places.preferences()
    for default in DEFAULTS if settings is not None else ():
        if default.state != "sam3db" or not hasattr(operator, default.setting):
            continue
        if not operator.properties.is_property_set(default.setting):
            setattr(operator, default.setting, getattr(settings, default.preference))


def changed(settings: Any, context: Any) -> None:
    """As the update of a preference: the panels follow."""
    take_defaults(context.window_manager, settings)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


def _read(window_manager: Any) -> dict[str, Any]:
    try:
        return dict(json.loads(window_manager.sam3db.defaults_taken))
    except ValueError:
        return {}


@bpy.app.handlers.persistent
def _after_loading(*_: Any) -> None:
    settings = places.preferences()
    if settings is not None:
        take_defaults(bpy.context.window_manager, settings)


def _soon() -> None:
    _after_loading()


_HANDLERS = ((bpy.app.handlers.load_post, _after_loading),)


def attach() -> None:
    """Has the panels begin with the preferences, now (while Blender switches an extension on, nothing can be set) and
    after each file that is opened.
    """
    listen(_HANDLERS)
    ensure_timer(_soon, _SOON_S)


def detach() -> None:
    """The opposite."""
    stop_listening(_HANDLERS, _soon)
