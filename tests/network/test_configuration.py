"""Configuration and names: whether a checkpoint is what the network was written for."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the export needs PyTorch")

from native_runtime.errors import ModelError  # noqa: E402
from native_runtime.network.backbones import build_backbone  # noqa: E402
from native_runtime.network.configuration import ModelConfiguration  # noqa: E402
from native_runtime.network.network import TRAINING_ONLY, SAM3DBody, load_tensors  # noqa: E402
from tests.support.recorded_network import case_settings, case_tensors  # noqa: E402

RELEASES = ("dinov3", "vith")


@pytest.fixture(scope="module")
def tensors(parity_case: Path) -> dict[str, torch.Tensor]:
    return case_tensors(parity_case)


@pytest.fixture(scope="module")
def shapes(tensors) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


@pytest.fixture
def settings(parity_case: Path) -> dict:
    return copy.deepcopy(case_settings(parity_case))


def released(shared: Path, release: str) -> dict[str, tuple[tuple[int, ...], str]]:
    file = shared / "parity" / f"state_dict_{release}.json"
    return {name: (tuple(shape), dtype) for name, (shape, dtype) in json.loads(file.read_text()).items()}


@pytest.mark.parametrize("release", RELEASES)
def test_names_shapes_and_types_are_the_releases(shared: Path, release: str) -> None:
    wanted = {name: entry for name, entry in released(shared, release).items() if name not in TRAINING_ONLY}
    shapes = {name: shape for name, (shape, _) in wanted.items()}
    with torch.device("meta"):
        network = SAM3DBody(ModelConfiguration.of(shapes), build_backbone(shapes))
    tensors = network.state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == shapes
    for name, (_, dtype) in wanted.items():
        # The list of tensors gives the backbone as float16; ours is float32 until an export makes it something else.
        assert tensors[name].dtype == {"int64": torch.int64}.get(dtype, torch.float32), name


def test_the_releases_dimensions(shared: Path) -> None:
    found = {}
    for release in RELEASES:
        found[release] = ModelConfiguration.of({name: shape for name, (shape, _) in released(shared, release).items()})
    dinov3 = found["dinov3"]
    assert (dinov3.channels, dinov3.width, dinov3.depth, dinov3.heads, dinov3.inner) == (1280, 1024, 6, 8, 512)
    assert (dinov3.margin, dinov3.feature_size) == (0, (32, 32))
    assert (found["vith"].margin, found["vith"].feature_size) == (64, (32, 24))


def test_the_released_settings_fit_the_released_tensors(shared: Path) -> None:
    facts = json.loads((shared / "parity" / "model_config_facts.json").read_text())
    shapes = {name: shape for name, (shape, _) in released(shared, "dinov3").items()}
    given = ModelConfiguration.of(shapes, facts["sam-3d-body-dinov3"]["config"])
    assert given == ModelConfiguration.of(shapes)


def test_the_backbones_type_decides_on_the_cut(shapes, settings) -> None:
    settings["MODEL"]["BACKBONE"]["TYPE"] = "vit_hmr_512_384"
    configuration = ModelConfiguration.of(shapes, settings)
    assert configuration.margin == 64
    assert configuration.feature_size == (32, 24)


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        ("DECODER", "REPEAT_PE", False, "REPEAT_PE = False"),
        ("DECODER", "USE_INTRIN_CENTER", False, "USE_INTRIN_CENTER"),
        ("DECODER", "DIM", 4096, "DIM = 4096"),
        ("DECODER", "DEPTH", 99, "DEPTH = 99"),
        ("DECODER", "MLP_DIM", 1, "MLP_DIM = 1"),
        ("DECODER", "HEADS", 7, "DIM_HEAD"),
        ("PROMPT_ENCODER", "MASK_EMBED_TYPE", "v1", "'v1'"),
        ("BACKBONE", "TYPE", "resnet", "'resnet' is not supported"),
    ],
)
def test_settings_that_do_not_fit_are_refused(shapes, settings, part, name, value, message) -> None:
    settings["MODEL"][part][name] = value
    with pytest.raises(ModelError, match=message):
        ModelConfiguration.of(shapes, settings)


def test_crops_must_be_whole_patches(shapes, settings) -> None:
    settings["MODEL"]["IMAGE_SIZE"] = [512, 500]
    with pytest.raises(ModelError, match="512 x 500"):
        ModelConfiguration.of(shapes, settings)


@pytest.mark.parametrize(
    "name", ["init_to_token_mhr.weight", "head_pose.keypoint_mapping", "keypoint_embedding.weight", "head_pose.faces"]
)
def test_a_tensor_that_is_not_there_is_named(shapes, settings, name) -> None:
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        ModelConfiguration.of({key: shape for key, shape in shapes.items() if key != name}, settings)


def test_another_models_tensors_are_refused() -> None:
    with pytest.raises(ModelError, match="lacks it"):
        ModelConfiguration.of({"conv1.weight": (64, 3, 7, 7)})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.pop("decoder.norm_final.weight"), r"1 missing \(decoder\.norm_final\.weight\)"),
        (lambda t: t.update(stranger=torch.zeros(1)), r"1 unknown \(stranger\)"),
        (lambda t: t.update({"init_pose.weight": torch.zeros(2, 519)}), r"init_pose\.weight \(2, 519\) instead of"),
    ],
)
def test_loading_is_strict(tensors, shapes, settings, damage, message) -> None:
    network = SAM3DBody(ModelConfiguration.of(shapes, settings), build_backbone(shapes))
    damaged = dict(tensors)
    damage(damaged)
    with pytest.raises(ModelError, match=message):
        load_tensors(network, damaged)


def test_loading_takes_every_value(tensors, network) -> None:
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, tensors[name]), name


def test_half_precision_tensors_are_widened(tensors, shapes, settings) -> None:
    network = SAM3DBody(ModelConfiguration.of(shapes, settings), build_backbone(shapes))
    narrow = {name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    load_tensors(network, narrow)
    assert network.prompt_to_token.weight.dtype == torch.float32
    assert torch.equal(network.prompt_to_token.weight, narrow["prompt_to_token.weight"].float())
