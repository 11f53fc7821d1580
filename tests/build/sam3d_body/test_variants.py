"""Telling the released models apart by names and shapes, prefixes included, and refusing what is not whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build.sam3d_body.convert import GRAPHS
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import TEMPLATES, Variant, known_variants, recognise
from native_runtime.errors import ModelError

OPTIONAL = {"backbone.encoder.mask_token", "head_pose.hand_pose_comps_ori", "head_pose_hand.hand_pose_comps_ori"}


class Listed:
    """A checkpoint of which only names, shapes and types are known."""

    def __init__(self, tensors: dict[str, tuple[tuple[int, ...], str]]) -> None:
        self.tensors = tensors

    def names(self) -> tuple[str, ...]:
        return tuple(self.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name][0]

    def kind(self, name: str) -> str:
        return self.tensors[name][1]

    def read(self, name: str) -> np.ndarray:
        return np.full((1,), self.names().index(name))


@pytest.fixture(scope="module")
def variants(shared: Path) -> list[Variant]:
    """The two released models, from the lists of their tensors."""
    found = []
    for name, size in (("dinov3", (32, 32)), ("vith", (32, 24))):
        path = shared / "parity" / f"state_dict_{name}.json"
        if not path.is_file():
            pytest.skip(f"no list of tensors at {path}")
        listed = {key: (tuple(shape), dtype) for key, (shape, dtype) in json.loads(path.read_text()).items()}
        optional = frozenset(OPTIONAL & listed.keys())
        found.append(Variant(name, path.parent, listed, optional, (512, 512), size, 20))
    return found


def released(variant: Variant) -> dict[str, tuple[tuple[int, ...], str]]:
    """What the released file holds: the backbone in bfloat16, and not the optional ones."""
    return {
        name: (shape, "bfloat16" if dtype == "float16" else dtype)
        for name, (shape, dtype) in variant.tensors.items()
        if name not in variant.optional
    }


@pytest.mark.parametrize("which", [0, 1], ids=["dinov3", "vith"])
@pytest.mark.parametrize("prefix", ["", "model.", "module.", "state_dict.model.", "sam3d.body."])
def test_released_models_are_recognised_under_any_prefix(variants: list[Variant], which: int, prefix: str) -> None:
    listed = released(variants[which])
    if which == 0:
        assert len(listed) == 1127
    source = Listed({prefix + name: facts for name, facts in listed.items()})
    found = recognise(source, variants, "model.ckpt")
    assert found.variant is variants[which]
    assert found.hands
    tensors = found.tensors
    assert set(tensors.names()) == set(listed)
    assert tensors.shape("init_pose.weight") == (1, 519)
    name = "decoder.layers.3.ffn.layers.1.weight"
    assert tensors.read(name) == source.read(prefix + name)


def test_optional_tensors_and_mhr_may_be_there(variants: list[Variant]) -> None:
    listed = released(variants[0]) | {name: variants[0].tensors[name] for name in variants[0].optional}
    listed["head_pose.mhr.character_torch.mesh.faces"] = (36874, 3), "int32"
    assert len(recognise(Listed(listed), variants, "x").tensors.names()) == 1130


def test_other_tensors_beside_the_prefix_do_not_matter(variants: list[Variant]) -> None:
    listed = {f"state_dict.{name}": facts for name, facts in released(variants[0]).items()}
    listed["optimizer.state"] = (3,), "float32"
    assert recognise(Listed(listed), variants, "x").variant is variants[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"init_pose.weight": None}, "DINOv3-H.: init_pose.weight is missing"),
        ({"prompt_to_token.bias": None, "prompt_to_token.weight": None}, "bias, prompt_to_token.weight are missing"),
        ({"new.weight": ((3,), "float32")}, "new.weight is unexpected"),
        ({"backbone.blocks.0.attn.qkv.weight": ((3840, 1280), "float32")}, "qkv.weight is unexpected"),
        ({"init_pose.weight": ((1, 520), "float32")}, "init_pose.weight 1x520 instead of 1x519 is of another shape"),
        ({"head_pose.faces": ((36874, 3), "float32")}, "head_pose.faces float32 instead of int64 is of another"),
        ({"init_pose.weight": ((1, 519), "uint8")}, "init_pose.weight uint8 instead of float32"),
    ],
)
def test_what_is_not_whole_is_refused(variants: list[Variant], change: dict[str, Any], message: str) -> None:
    listed = released(variants[0]) | change
    with pytest.raises(ModelError, match=message):
        recognise(Listed({k: v for k, v in listed.items() if v is not None}), variants, "model.ckpt")


def test_the_parts_for_hands_are_there_as_a_whole_or_not_at_all(variants: list[Variant]) -> None:
    for variant in variants:
        listed = released(variant)
        hands = variant.hand_parts & listed.keys()
        body = {name: facts for name, facts in listed.items() if name not in hands}
        assert not recognise(Listed(body), variants, "x").hands
        with pytest.raises(ModelError, match=r"and \d+ more are missing"):
            recognise(Listed(body | {"init_pose_hand.weight": listed["init_pose_hand.weight"]}), variants, "x")
        # The graphs know which tensors they need.
        recipes = {graph: Template.load(TEMPLATES / variant.name, graph, "fp32") for graph in GRAPHS}
        needed = {graph: {weight.source for weight in recipe.weights} for graph, recipe in recipes.items()}
        of_hands = needed["hand_context"] | needed["hand_decoder"]
        of_bodies = needed["encoder"] | needed["body_context"] | needed["body_decoder"]
        assert of_hands - of_bodies <= variant.hand_parts
        assert of_bodies.isdisjoint(variant.hand_parts)


def test_a_missing_backbone_names_a_few_tensors(variants: list[Variant]) -> None:
    listed = {name: facts for name, facts in released(variants[1]).items() if not name.startswith("backbone.")}
    with pytest.raises(ModelError, match=r"and \d+ more are missing\. The download may be incomplete"):
        recognise(Listed(listed), variants, "model.ckpt")


def test_other_models_are_refused(variants: list[Variant]) -> None:
    other = {f"layers.{i}.weight": ((3, 3), "float32") for i in range(50)} | {"decoder.norm_final.bias": ((9,), "f")}
    with pytest.raises(
        ModelError,
        match=r"x is not a checkpoint of SAM 3D Body, .*967 tensors that one has, 1 are among its 51.*facebook/",
    ):
        recognise(Listed(other), variants, "x")
    with pytest.raises(ModelError, match="not a checkpoint"):
        recognise(Listed({}), variants, "x")


def test_the_same_model_twice_is_refused(variants: list[Variant]) -> None:
    listed = released(variants[0])
    twice = {f"{prefix}{name}": facts for prefix in ("model.", "ema.") for name, facts in listed.items()}
    with pytest.raises(ModelError, match=r"contains the model 2 times, under 'ema\.' and 'model\.'"):
        recognise(Listed(twice), variants, "x")


def test_damaged_lists_of_tensors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no graphs"):
        known_variants(tmp_path)
    (tmp_path / "dinov3").mkdir()
    for text in ("", "{}", "[]", '{"variant": "x", "tensors": {"a": 3}, "optional": [], "constants": {}}'):
        (tmp_path / "dinov3" / "variant.json").write_text(text)
        with pytest.raises(ModelError, match=r"variant\.json is damaged"):
            known_variants(tmp_path)
