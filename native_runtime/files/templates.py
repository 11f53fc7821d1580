"""Reads the project's data files in ``rig_templates``."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def load_json(*parts: str) -> Any:
    """Return the parsed JSON file at ``rig_templates/<parts>``.

    Raises:
        FileNotFoundError: the project was installed without its data.
    """
    return json.loads(resources.files("rig_templates").joinpath(*parts).read_text(encoding="utf-8"))
