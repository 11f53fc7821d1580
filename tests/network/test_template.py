"""The templates that are part of the program, and what makes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import TEMPLATES, Variant, known_variants

SUPPORT = "mhr:"


@pytest.fixture(params=["dinov3", "vith"])
def variant(request: pytest.FixtureRequest) -> Variant:
    return next(variant for variant in known_variants() if variant.name == request.param)


def templates(variant: Variant) -> Iterator[Template]:
    for graph in GRAPHS:
        for precision in ("fp32", "fp16", *(("int8",) if graph == "encoder" else ())):
            yield Template.load(variant.folder, graph, precision)


def test_tensors_are_those_of_the_release(variant: Variant, shared: Path) -> None:
    listed = json.loads((shared / "parity" / f"state_dict_{variant.name}.json").read_text(encoding="utf-8"))
    assert {name: (tuple(shape), kind) for name, (shape, kind) in listed.items()} == variant.tensors
    assert {name for name in variant.optional if "mask_token" in name or "_ori" in name} == variant.optional


def test_recipes_fit_the_release(variant: Variant) -> None:
    """Every weight is made of a tensor that a checkpoint must have, and comes out with the tensor's numbers."""
    for template in templates(variant):
        assert template.weights
        for weight in template.weights:
            if weight.source.startswith(SUPPORT):
                continue
            assert weight.source not in variant.optional
            shape, _ = variant.tensors[weight.source]
            expected = {
                "copy": shape,
                "transpose": shape[::-1],
                "int8-values": shape[::-1],
                "int8-scales": shape[:1],
            }[weight.operation]
            assert weight.shape == expected
            if template.precision == "fp16" and template.graph == "encoder":
                linear = len(shape) == 2 and "blocks" in weight.source
                assert (weight.dtype == "float16") >= linear, "linear layers are float16"
                assert (weight.dtype == "float32") >= ("norm" in weight.source or "ls" in weight.source)


def test_linear_weights_need_no_transposition_at_run_time(variant: Variant) -> None:
    for template in templates(variant):
        linear = [weight for weight in template.weights if weight.source.endswith(("proj.weight", "fc1.weight"))]
        matrices = [weight for weight in linear if len(variant.tensors[weight.source][0]) == 2]
        assert matrices
        assert all(weight.operation != "copy" for weight in matrices)


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in TEMPLATES.rglob("*") if path.is_file()) < 1_600_000


def test_they_are_what_the_code_makes_now(variant: Variant) -> None:
    pytest.importorskip("torch", reason="the export needs PyTorch")
    pytest.importorskip("onnxscript", reason="the export needs onnxscript")
    from native_runtime.network.template import sources_digest

    made_by = json.loads((variant.folder / "variant.json").read_text(encoding="utf-8"))["made_by"]
    assert made_by == sources_digest(), "run `python -m native_runtime.network templates`"


@pytest.mark.slow
def test_making_one_again_gives_the_same() -> None:
    """The code, and with it this test, is the same for every variant; `test_recipes_fit_the_release` is about each."""
    pytest.importorskip("torch", reason="the export needs PyTorch")
    pytest.importorskip("onnxscript", reason="the export needs onnxscript")
    from native_runtime.network.template import make_template

    variant = next(variant for variant in known_variants() if variant.name == "dinov3")
    shapes = {name: shape for name, (shape, _) in variant.tensors.items()}
    assert make_template(shapes, "hand_context", "fp16") == Template.load(variant.folder, "hand_context", "fp16")


def test_interfaces_follow_the_contract(variant: Variant) -> None:
    """What a context puts out, its decoder takes, besides what the engine has; types included."""
    onnx = pytest.importorskip("onnx", reason="reads graphs")
    own = {"keypoints", "previous", "condition", "bbox_center", "bbox_scale", "affine", "intrinsics"}
    for precision in ("fp32", "fp16"):
        for kind in ("body", "hand"):
            graphs = [
                onnx.load_from_string(Template.load(variant.folder, f"{kind}_{part}", precision).model).graph
                for part in ("context", "decoder")
            ]
            made = {value.name: value.type.tensor_type.elem_type for value in graphs[0].output}
            taken = {value.name: value.type.tensor_type.elem_type for value in graphs[1].input}
            assert "context" in made
            assert made.keys() <= taken.keys()
            assert taken.keys() - made.keys() == own
            assert all(taken[name] == kind_ for name, kind_ in made.items())
            context = next(value for value in graphs[0].output if value.name == "context")
            features = next(value for value in graphs[0].input if value.name == "features")
            assert _sizes(context) == _sizes(features)


def test_crops_may_have_any_size_of_whole_patches(variant: Variant) -> None:
    """One free dimension for all graphs: the released 512 pixels are so many steps, 384 fewer."""
    onnx = pytest.importorskip("onnx", reason="reads graphs")
    (width, height), step = variant.image_size, variant.size_step
    assert width == height == 512
    assert not height % step
    assert not 384 % step
    rows, columns = (side * step // height for side in variant.feature_size)
    sides = [_multiple(factor) for factor in (step, rows, columns)]
    for precision in ("fp32", "fp16"):
        encoder = onnx.load_from_string(Template.load(variant.folder, "encoder", precision).model).graph
        assert _sizes(encoder.input[0]) == ["B", sides[0], sides[0], 3]
        context = onnx.load_from_string(Template.load(variant.folder, "body_context", precision).model).graph
        taken = {value.name: _sizes(value) for value in context.input}
        assert taken["features"] == ["B", 1280, *sides[1:]]
        assert taken["rays"] == ["B", 2, *sides[1:]]
        assert taken["mask"] == ["B", 1, sides[0], sides[0]]


def _multiple(factor: int) -> str:
    return "side" if factor == 1 else f"{factor}*side"


def _sizes(value: Any) -> list[int | str]:
    return [dimension.dim_value or dimension.dim_param for dimension in value.type.tensor_type.shape.dim]
