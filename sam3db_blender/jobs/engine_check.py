"""Whether the bundled engine can run here, and on what: checked by a separate worker, remembered for the session."""

from __future__ import annotations

from native_runtime.models.store import NETWORKS_FOLDER, models_dir

from .. import places
from .long import JobSlot
from .sam3d_body import EngineCheck

#: As ``native_runtime.engines`` calls it; that is not imported when Blender starts.
ENGINE = "landmarks"

#: That of this Blender.
slot = JobSlot(EngineCheck)


def networks_installed() -> bool:
    """Whether there is a folder of networks; the worker says whether they are undamaged."""
    return (models_dir(places.models_folder()) / NETWORKS_FOLDER / "manifest.json").is_file()
