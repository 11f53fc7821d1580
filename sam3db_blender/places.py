"""Where things of the extension are: its id, its models, its folder for the user's files."""

from __future__ import annotations

import importlib.util
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from native_runtime.onnx.limits import Limits

#: The extension's id as Blender knows it (``bl_ext.<repository>.sam3db_blender`` when installed).
PACKAGE = __package__ or "sam3db_blender"

#: What the worker imports; the folders that hold these are its module path.
_WORKER_MODULES = ("native_runtime", "rig_templates", "onnxruntime", "cv2", "numpy")
#: Read HEIC, AVIF, GIF and rare TIFF pictures; these alone cannot be read without.
_OPTIONAL_MODULES = ("PIL", "pi_heif", "pillow_heif")


def preferences() -> bpy.types.AddonPreferences | None:
    """The extension's preferences; None where it was registered without being installed (tests, command line)."""
    add_on = bpy.context.preferences.addons.get(PACKAGE)
    return None if add_on is None else add_on.preferences


def wants_controls() -> bool:
    """Whether new characters shall have control rigs, by the preferences."""
    settings = preferences()
    return settings is None or bool(settings.make_controls)


def worker_limits() -> Limits:
    """How much of the machine the worker may take, by the preferences."""
    from native_runtime.onnx.limits import NO_LIMITS

    settings = preferences()
    return NO_LIMITS if settings is None else settings.limits()


def models_folder() -> Path | None:
    """The models folder: the one set in the preferences, else the one that came with the extension; None for the
    usual one.
    """
    settings = preferences()
    if settings is not None and settings.models_folder:
        return Path(bpy.path.abspath(settings.models_folder))
    bundled = bundled_models()
    return bundled if bundled.is_dir() else None


def bundled_models() -> Path:
    """Where the models lie that come with the extension; an update of the extension replaces them."""
    return Path(__file__).parent / "models"


def imported_models_folder() -> Path | None:
    """The models folder that imported bodies go to: the usual one, but never the extension's own; as
    ``models_folder``.
    """
    folder = models_folder()
    return user_folder("models") if folder == bundled_models() else folder


def user_folder(name: str) -> Path:
    """A folder of the user's own for files of one kind; it is made where it does not exist."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))
    except ValueError:  # not installed as an extension: nothing should stay
        folder = Path(tempfile.gettempdir()) / "sam3db_blender" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def gpu_folder() -> Path:
    """Where libraries for graphics cards lie, for the worker; it may not exist."""
    return user_folder("gpu")


def worker_paths() -> list[Path]:
    """The folders that the worker needs on its module path, without importing anything."""
    folders = []
    for name in (*_WORKER_MODULES, *_OPTIONAL_MODULES):
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            continue
        folder = Path(found.origin).parent.parent
        if folder not in folders:
            folders.append(folder)
    return folders


def guide_folder() -> Path:
    """Where the user guide lies, as HTML files; `make extension` writes it, and a checkout has none."""
    return Path(__file__).parent / "guide"


def website() -> str:
    """The address of the extension's documentation from its manifest; empty if it has none."""
    return _manifest().get("website", "")


@cache
def _manifest() -> dict[str, str]:
    """The extension's manifest; empty where there is none (a checkout has it one level up)."""
    import tomllib

    here = Path(__file__).parent
    for folder in (here, here.parent):
        manifest = folder / "blender_manifest.toml"
        if manifest.is_file():
            return tomllib.loads(manifest.read_text(encoding="utf-8"))
    return {}
