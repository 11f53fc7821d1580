"""Character from Photo: a Blender extension that turns a photo of a person into a rigged, editable character.

Importing this package touches neither Blender nor the networks, so that its parts can be used from the command
line; Blender calls ``register``.
"""

from __future__ import annotations


def register() -> None:
    """Adds the operators, the panel, the preferences and the menu entry."""
    import gc

    # All that is loaded here stays. Python would look through it for garbage again and again meanwhile, and through
    # what Blender itself has loaded just before.
    collects = gc.isenabled()
    gc.disable()
    try:
        try:
            from . import registration
        except ImportError as error:
            from . import incomplete

            missing = incomplete.missing_module(error)
            if missing is None:
                raise
            incomplete.register(missing)
        else:
            registration.register()
    finally:
        if collects:
            gc.enable()


def unregister() -> None:
    """Takes all of it away again and ends the worker."""
    import sys

    incomplete = sys.modules.get(f"{__package__}.incomplete")
    if incomplete is not None and incomplete.unregister():
        return
    from . import registration

    registration.unregister()
