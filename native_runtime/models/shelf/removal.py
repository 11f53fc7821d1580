"""Takes an installed model away again, so that its room is free. What was made with it stays."""

from __future__ import annotations

import os
import shutil

from native_runtime.errors import ModelError
from native_runtime.models import manifest

from .items import ShelfItem
from .state import installed_folder, installed_name, state_of


def remove_installed(item: ShelfItem, models: str | os.PathLike[str] | None = None) -> int:
    """Delete the finished files of an item of an engine; the bytes that are free now. Downloads stay.

    Raises:
        ModelError: it is in use.
    """
    state = state_of(item, models)
    if item.engine is None or state.folder is None:
        return 0
    folder = installed_folder(item, models)
    own = f"{installed_name(item)}.onnx"
    try:
        content = manifest.read(folder)
        others = {name: entry for name, entry in content["files"].items() if name != own}
        alone = item.engine != "instanthmr" or not others
    except ModelError:  # its list is damaged: nothing of it can be used
        content, others, alone = {}, {}, True
    freed = state.bytes_there - state.downloaded
    try:
        if alone:
            shutil.rmtree(folder)
        else:
            kept = {key: value for key, value in content.items() if key not in ("format", "files", manifest.PROOF)}
            if kept.get("chosen") == installed_name(item):
                del kept["chosen"]
            manifest.write(folder, others, **kept)  # first: a file that is listed and missing would count as damage
            (folder / own).unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be removed ({error.strerror or error}). Close what is using it.") from error
    return freed
