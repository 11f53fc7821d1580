"""Tables of figures."""

from __future__ import annotations

from native_runtime.evaluation.report import comparison, table

_ALONE = {"value": 7.0, "low": None, "high": None}
_FIGURE = {"value": 50.04, "low": 40.0, "high": 60.0}


def test_one_folder_has_a_row_for_each_measure() -> None:
    text = table({"": {"MPJPE, mm": _FIGURE}, "crowd": {"MPJPE, mm": _FIGURE, "AUC, %": _ALONE}})
    assert text.splitlines() == [
        "|  | all | crowd |",
        "| --- | --- | --- |",
        "| MPJPE, mm | 50.0 (40.0 to 60.0) | 50.0 (40.0 to 60.0) |",
        "| AUC, % |  | 7.0 |",
    ]


def test_several_folders_have_a_row_each_then_differences_and_kinds() -> None:
    own = {"": {"MPJPE, mm": _FIGURE}, "crowd": {"MPJPE, mm": _FIGURE}}
    less = {"two|x": {"MPJPE, mm": {"value": -2.0, "low": -3.0, "high": 0.5}}}
    text = comparison({"one": own, "two|x": {"": {"MPJPE, mm": _FIGURE}}}, less)
    assert "| one | 50.0 (40.0 to 60.0) |" in text
    assert "| more than one | MPJPE, mm |" in text
    assert "| two\\|x | -2.0 (-3.0 to +0.5) |" in text
    assert "| MPJPE, mm | one | two\\|x |" in text
    assert "| crowd | 50.0 (40.0 to 60.0) |  |" in text
