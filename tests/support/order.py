"""The order in which several processes take files of tests."""

from __future__ import annotations

import pytest

#: Each takes longer than most, the longest first. Taken last, one would keep a process busy alone. Without
#: tests/cluster: Dask leaves threads behind, beside which Blender was seen to crash.
FIRST = (
    "tests/extension/test_installed.py",
    "tests/blender/test_exports_truth.py",
    "tests/detection/test_people.py",
    "tests/texture/test_texture.py",
    "tests/network/test_case_templates.py",
    "tests/batch/test_with_blender.py",
    "tests/blender/test_take_pins.py",
    "tests/training/test_trainer.py",
    "tests/build/test_default_body.py",
    "tests/blender/test_exports.py",
    "tests/blender/test_posing_loop.py",
    "tests/texture/test_run.py",
    "tests/takes/test_run.py",
)


def first_ones_first(items: list[pytest.Item]) -> None:
    """Put the tests of those files in front; all others stay in their order."""
    ranks = {file: rank for rank, file in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(FIRST)))
