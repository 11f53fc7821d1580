"""The lines between a worker and its client. Standard library only. ``docs/worker.md`` describes them for people."""

from __future__ import annotations

PROTOCOL = 1

# Answered at once, also while work is under way; everything else waits its turn.
IMMEDIATE = ("cancel", "ping")
_ENGINE_KEYS = frozenset({"engine", "models", "providers"})
_PHOTO_KEYS = _ENGINE_KEYS | {"photo", "body", "focal_px", "fov_deg", "boxes", "inference"}
REQUESTS: dict[str, frozenset[str]] = {
    "read": _PHOTO_KEYS | {"turn"},
    "estimate": _PHOTO_KEYS | {"turn", "persons", "keypoints", "mask"},
    "pose": (_PHOTO_KEYS - {"boxes"}) | {"intrinsics", "box", "pins", "mask", "edits", "snap", "slot"},
    "batch": (_PHOTO_KEYS - {"photo", "boxes"})
    | {"turn", "folder", "out", "persons", "patterns", "recursive", "layout", "blend", "previews", "exports"}
    | {"builder", "builders", "contact_sheet", "retry_failed"},
    "segment": frozenset({"photo", "models", "providers", "box"}),
    "engine_status": _ENGINE_KEYS,
    "import_official": frozenset({"source", "models", "levels"}),
    "download_official": frozenset({"models", "levels", "url", "again"}),
    "download_sam3d_body": frozenset({"variant", "models", "token", "licence_accepted", "service"}),
    "convert_sam3d_body": frozenset({"checkpoint", "mhr", "models", "precision"}),
    "cancel": frozenset({"target"}),
    "ping": frozenset(),
    "release": frozenset(),
    "stop": frozenset(),
}
PATH_KEYS = ("photo", "models", "mask", "source", "checkpoint", "mhr", "folder", "out")
"""Keys whose values are paths, which a client makes absolute: the worker may run in another folder."""
