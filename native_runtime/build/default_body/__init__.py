"""The bundled default body: MHR's skeleton and parameters under a mesh made of CC0 MakeHuman data.

See ``docs/default_body.md`` for what it is and how it is made.
"""

from native_runtime.build.default_body.build import build

__all__ = ["build"]
