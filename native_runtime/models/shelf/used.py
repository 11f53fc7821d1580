"""On which terms an installed network is used: what an estimate says of it, and with it every character."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .catalogue import shelf
from .state import PROVENANCE, installed_name


def model_terms(engine: str, variant: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What `Estimate.details` keeps as ``model_terms``.

    Args:
        engine: its name.
        variant: which of its networks, as its manifest names it.
        facts: the manifest, or the network's entry in it, as the installer signed it. A model that was converted
            without the installer has no such signature; the terms of that item hold all the same.

    Returns:
        ``model``: name of the item of the shelf, or of the variant; ``terms``: keys of the licences that were accepted
        for it; ``commercial``: whether they allow commercial use, None where that is not known.
    """
    item = next((i for i in shelf().values() if i.engine == engine and installed_name(i) == variant), None)
    source = facts.get(PROVENANCE)
    said = source if isinstance(source, Mapping) else {}
    terms, commercial = said.get("terms"), said.get("commercial", item.commercial if item else None)
    return {
        "model": item.name if item else variant,
        "terms": [str(key) for key in terms] if isinstance(terms, list) else [],
        "commercial": commercial if isinstance(commercial, bool) else None,
    }
