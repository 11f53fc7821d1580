"""Odd files in one batch, with an engine that sees no picture: `bench.photo_fuzz` does the same with a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.photo_fuzz import faults, make_set

if TYPE_CHECKING:
    from tests.support.batches import Bench


@pytest.mark.skipif("sys.platform == 'win32'", reason="some of the names exist on other systems alone")
def test_every_odd_file_has_a_result_or_a_reason_and_none_stops_the_rest(bench: Bench) -> None:
    made = make_set(bench.folder, 90, seed=7, longest=96)
    bench.set(previews=(), blend=False)
    result = bench.run(builder=(), contact_sheet=True)
    assert faults(made, result, bench.out, places=False) == []
    assert {one.outcome for one in made} == {"person", "anything", "refused", "passed over", "counted"}
    assert len({record.name for record in result.records.values()}) == len(result.records)
    assert (bench.out / "contact_sheet.html").is_file()
