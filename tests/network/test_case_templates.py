"""Whether the checkout's templates of the recorded case are what the code makes."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the export needs PyTorch")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")

from native_runtime.build.sam3d_body.template import Template
from tests.support.case_templates import KEPT, folder_name, wanted_templates
from tests.support.small_encoders import wanted_encoders


@pytest.fixture
def case(parity_case: Path) -> Path:
    if {"SAM3DB_PARITY_CASE", "SAM3DB_PARITY_BACKBONES"} & os.environ.keys():
        pytest.skip("the checkout has templates of another recording")
    return parity_case


def test_they_were_made_by_this_code(shared: Path, case: Path, parity_backbones: Path) -> None:
    """Names are digests of the code, the exporters' versions, the dimensions and the settings."""
    wanted = {
        f"{folder_name(shapes, settings)}/{graph}-{precision}{ending}"
        for shapes, graph, precision, settings, _ in chain(
            wanted_templates(shared, case), wanted_encoders(parity_backbones)
        )
        for ending in (".json", ".onnx.gz")
    }
    kept = {path.relative_to(KEPT).as_posix() for path in KEPT.rglob("*.*")}
    assert kept == wanted, "run `python -m tests.support.case_templates`"


@pytest.mark.slow
def test_making_one_again_gives_the_same(shared: Path, case: Path) -> None:
    """A decoder in half precision: the longest way through the code that makes graphs."""
    shapes, graph, precision, settings, make = next(
        wanted for wanted in wanted_templates(shared, case) if wanted[1:3] == ("body_decoder", "fp16")
    )
    kept = Template.load(KEPT / folder_name(shapes, settings), graph, precision)
    assert make(shapes, graph, precision, settings) == kept
