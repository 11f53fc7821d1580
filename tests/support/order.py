"""The order in which several processes take files of tests."""

from __future__ import annotations

import pytest

#: Each takes longer than most, some of them for a single test. Taken last, one would keep a process busy alone.
FIRST = (
    "tests/network/test_case_templates.py",
    "tests/blender/test_exports.py",
    "tests/batch/test_with_blender.py",
    "tests/extension/test_installed.py",
    "tests/network/test_template.py",
    "tests/network/test_graphs_backbones.py",
    "tests/network/test_layer_precision.py",
    "tests/proof/test_corruptions.py",
    "tests/blender/test_exports_truth.py",
    "tests/blender/test_exports_scene.py",
    "tests/blender/test_controls.py",
    "tests/engines/sam3d_body/test_end_to_end.py",
)


def first_ones_first(items: list[pytest.Item]) -> None:
    """Put the tests of those files in front; all others stay in their order."""
    ranks = {file: rank for rank, file in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(FIRST)))
