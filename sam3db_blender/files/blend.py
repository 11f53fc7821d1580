"""Opening .blend files without a window: what commands do before they read from one."""

from __future__ import annotations

from pathlib import Path

import bpy

from native_runtime.errors import Sam3dbError
from native_runtime.files.moving import replace
from native_runtime.files.system_errors import readable


def open_blend(file: Path) -> None:
    """Opens a .blend file; Blender's current file is replaced, and scripts of the new one are not run.

    Raises:
        Sam3dbError: there is no such file, or Blender cannot open it.
    """
    if not file.is_file():
        raise Sam3dbError(f"There is no file {file}.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(file.absolute()), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise Sam3dbError(
            f"{file} cannot be opened by Blender {bpy.app.version_string}; is it a .blend file?"
        ) from error


def save_blend(path: Path) -> None:
    """Saves the current file under a temporary name and renames it, so that a reader never sees half a file."""
    temporary = path.with_name(f".{path.stem}.part.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), check_existing=False, compress=True, copy=True)
        replace(temporary, path)
    except OSError as error:
        raise readable(error) from error
    except RuntimeError as error:
        raise Sam3dbError(f"Cannot write {path}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
