"""Installing, switching off and removing the extension, as the preferences do it."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import bpy

from .scene import EXTENSION, in_viewport

_REPOSITORY, _ID = EXTENSION.split(".")[1:]
_HEAVY = ("cv2", "onnxruntime", "PIL")


_loaded: list[str] = []


class _Watch:
    """Stands before Python's own finders, and notes who asks for what is heavy."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name in _HEAVY:
            calls = [
                f"{call.filename}:{call.lineno}" for call in traceback.extract_stack() if "sam3db" in call.filename
            ]
            _loaded.append(" < ".join([name, *reversed(calls)]))


def install(file: str) -> bool:
    """Install from Disk; whether it is enabled then."""
    sys.meta_path.insert(0, _Watch())  # type: ignore[arg-type]
    with in_viewport():
        bpy.ops.extensions.package_install_files(filepath=file, repo=_REPOSITORY, enable_on_install=True)
    return EXTENSION in bpy.context.preferences.addons


def heavy() -> list[str]:
    """What of the networks' modules was loaded into this process, and by whom."""
    return _loaded


def show_preferences() -> None:
    """Opens the preferences at this extension, in a window of their own."""
    bpy.context.preferences.active_section = "EXTENSIONS"
    bpy.context.window_manager.extension_search = "Character"
    with in_viewport():
        bpy.ops.screen.userpref_show()


def switch_off() -> bool:
    """Disable; whether it is enabled still."""
    bpy.ops.preferences.addon_disable(module=EXTENSION)
    return EXTENSION in bpy.context.preferences.addons


def uninstall() -> None:
    """Uninstall."""
    repositories = bpy.context.preferences.extensions.repos
    index = next(i for i, repository in enumerate(repositories) if repository.module == _REPOSITORY)
    with in_viewport():
        bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id=_ID)
