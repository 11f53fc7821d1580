"""What a conversion to int8 tells of its layers, with a choice that stands in for the one made by pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from native_runtime.build.sam3d_body import convert, layer_precision
from native_runtime.build.sam3d_body.attach import attach_weights
from native_runtime.build.sam3d_body.layer_precision import LIMIT_MM, Choice, settle
from native_runtime.build.sam3d_body.template import Template
from native_runtime.models import manifest


def test_the_choice_is_written_and_told(
    toy_release: Path, toy_templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def layers_of(template: Template) -> tuple[str, ...]:
        return ("first", "second") if template.precision == "int8" else ()

    def choose(template: Template, _tensors: Any, _pictures: Any, side: int, advance: Any) -> Choice:
        assert (template.graph, side) == ("encoder", 512)
        advance(0.5)
        order.append("choose")
        features = np.zeros((1, 1, 1, 1), np.float32)
        return Choice(template, 7, {"first": 0.02, "second": 0.5}, frozenset({"second"}), (), features)

    def settle(choice: Choice, tensors: Any, folder: Path, _constants: Any, advance: Any) -> Choice:
        order.append("settle")
        assert {path.stem for path in folder.glob("*.onnx")} == {*convert.GRAPHS} - {"encoder"}
        attach_weights(choice.template, tensors, folder)
        advance(1.0)
        return replace(choice, losses=np.array([[1.0, 0.5]]))

    monkeypatch.setattr(convert, "layers_of", layers_of)
    monkeypatch.setattr(convert, "choose", choose)
    monkeypatch.setattr(convert, "settle", settle)
    monkeypatch.setattr(convert, "chosen", lambda template, _exact: template)
    monkeypatch.setattr(Choice, "graph", property(lambda choice: choice.template))
    seen: list[float] = []
    made = convert.convert_checkpoint(
        toy_release, None, tmp_path, "int8", toy_templates, lambda fraction, _text: seen.append(fraction)
    )
    assert order == ["choose", "settle"]
    assert seen == sorted(seen)
    facts = manifest.verify(made.folder)
    told = facts["whole_numbers"]
    assert (told["bits"], told["float32"], told["loss_mm"]) == (7, ["second"], {"mean": 0.75, "largest": 1.0})
    assert told["errors"] == {"first": 0.02, "second": 0.5}
    assert "1 of the encoder's 2 layers" in made.notes[-1]
    assert "0.75 mm" in made.notes[-1]
    assert {"encoder.onnx", "encoder.weights"} <= facts["files"].keys()


@pytest.mark.parametrize(("bears", "kept"), [(8, 8), (5, 4), (0, 0)])
def test_weights_that_do_not_bear_whole_numbers_stay_float32(
    bears: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keypoints move too far as long as more than `bears` of eight layers compute in whole numbers."""

    def losses(choice: Choice, _folder: Path, _constants: Any) -> NDArray[np.float64]:
        return np.full((1, 70), 2 * LIMIT_MM if len(choice.errors) - len(choice.exact) > bears else 0.5 * LIMIT_MM)

    monkeypatch.setattr(layer_precision, "attach_weights", lambda *_: None)
    monkeypatch.setattr(layer_precision, "_losses", losses)
    monkeypatch.setattr(Choice, "graph", None)
    errors = {f"layer {number}": 0.01 * number for number in range(8)}
    first = Choice(None, 8, errors, frozenset(), (), np.zeros((1, 1, 1, 1), np.float32))  # type: ignore[arg-type]
    made = settle(first, None, tmp_path, {}, lambda _: None)  # type: ignore[arg-type]
    assert made.loss <= LIMIT_MM
    assert {*errors} - made.exact == {f"layer {number}" for number in range(kept)}
