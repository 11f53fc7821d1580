"""Whether Blender may use the network, and what to do when it may not."""

from __future__ import annotations

import bpy


def refusal(instead: str) -> str:
    """Why the network may not be used, and what else can be done; empty where it may."""
    if bpy.app.online_access:
        return ""
    # the override is set where the command line decides, which the preferences then cannot change
    how = (
        "start Blender without --offline-mode"
        if bpy.app.online_access_override
        else "switch on 'Allow Online Access' in Preferences > System > Network"
    )
    return f"Blender may not use the network: {how}, or {instead}"
