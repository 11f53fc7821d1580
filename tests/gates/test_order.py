"""Whether the files that are to be tested first are there."""

from __future__ import annotations

from pathlib import Path

from tests.support.order import FIRST


def test_every_file_that_comes_first_exists(repository: Path) -> None:
    assert [file for file in FIRST if not (repository / file).is_file()] == []
