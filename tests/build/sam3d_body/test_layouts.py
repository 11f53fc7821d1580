"""One model in every layout that is in circulation becomes the same engine, to the byte."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build.official import import_official
from native_runtime.build.sam3d_body.convert import Converted, convert_checkpoint
from native_runtime.build.sam3d_body.layouts.rebuilds import rope_periods
from native_runtime.errors import ModelError
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.proof.weights import weights_checks
from tests.support.advice import refused
from tests.support.bodies import toy_body
from tests.support.case_release import case_release, write_whole_templates
from tests.support.checkpoints import write_safetensors, write_torch
from tests.support.official_release import torchscript_content, write_release, zip_folder
from tests.support.sam3d_body_layouts import (
    COMFYUI_FILE,
    comfyui_rig,
    comfyui_tensors,
    in_slices,
    write_assets_zip,
    write_comfyui,
    write_comfyui_older,
    write_official,
    write_rig_slice,
    write_slices,
)
from tests.support.torch_archive import write_archive

Tensors = dict[str, Any]


@pytest.fixture(scope="module")
def reference(
    release: Path, templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, bytes]]:
    """The engine that comes of ``model.ckpt``, by precision."""
    known: dict[str, dict[str, bytes]] = {}

    def of(precision: str) -> dict[str, bytes]:
        if precision not in known:
            models = tmp_path_factory.mktemp(precision)
            known[precision] = engine(convert_checkpoint(release, None, models, precision, templates))
        return known[precision]

    return of


def engine(made: Converted) -> dict[str, bytes]:
    """All files of a converted model but its manifest."""
    return {path.name: path.read_bytes() for path in made.folder.iterdir() if path.name != manifest.NAME}


def assert_proved(folder: Path) -> None:
    """The converted weights are those that were read."""
    (check,) = (check for check in weights_checks("sam3d_body", folder) if check.name == "weights:source")
    assert check.passed, check.sentence


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_comfyuis_file_gives_the_same_engine(
    precision: str, tensors: Tensors, rig: Tensors, templates: Path, reference: Any, tmp_path: Path
) -> None:
    path = write_comfyui(tmp_path / COMFYUI_FILE, tensors, rig)
    made = convert_checkpoint(path, None, tmp_path / "models", precision, templates)
    assert engine(made) == reference(precision)
    assert made.layout == "transformers"
    assert any("no texture coordinates" in note for note in made.notes)
    facts = manifest.verify(made.folder)
    assert facts["layout"] == "transformers"
    assert facts["inferences"] == ["full", "body"]
    assert facts["notes"] == list(made.notes)
    assert_proved(made.folder)
    body = Body.load(tmp_path / "models" / "bodies" / "mhr-lod1.npz")
    assert not body.uvs.any()
    assert body.correctives is not None
    assert np.isfinite(body.parameterisation.limit_min).any()


def test_the_body_inside_is_the_same(
    tensors: Tensors, rig: Tensors, release: Path, templates: Path, tmp_path: Path
) -> None:
    """Its texture coordinates come from MHR's own import, if there was one."""
    official = convert_checkpoint(release, None, tmp_path / "official", templates=templates)
    ours = Body.load(official.folder.parent / "bodies" / "mhr-lod1.npz")
    models = tmp_path / "models"
    import_official(release / "assets" / "mhr_model.pt", models)
    path = write_comfyui(tmp_path / COMFYUI_FILE, tensors, rig)
    made = convert_checkpoint(path, None, models, templates=templates)
    body = Body.load(models / "bodies" / "mhr-lod1.npz")
    assert made.notes == ("Texture coordinates are those of the imported mhr-lod1.",)
    for name in ("rest_vertices", "face_vertices", "identity_basis", "expression_basis", "skin_indices", "uvs"):
        np.testing.assert_array_equal(getattr(body, name), getattr(ours, name))
    parameters = np.random.default_rng(0).normal(0, 0.2, 204)
    np.testing.assert_array_equal(body.vertices(parameters), ours.vertices(parameters))
    np.testing.assert_array_equal(body.keypoint_rows.values, ours.keypoint_rows.values)


@pytest.mark.parametrize(
    "form",
    ["older", "older without what holds nothing", "folder", "subfolder", "zip", "assets.zip", "rig named", "prefixed"],
)
def test_other_forms_of_the_same(
    form: str, tensors: Tensors, rig: Tensors, release: Path, templates: Path, reference: Any, tmp_path: Path
) -> None:
    mhr: Path | None = None
    place = tmp_path / "download"
    if form == "older":
        source = write_comfyui_older(place / "sam3d_body.safetensors", tensors, rig)
    elif form == "older without what holds nothing":
        left = {name: v for name, v in tensors.items() if not name.endswith(("bias_mask", "periods"))}
        source = write_comfyui_older(place / "sam3d_body.safetensors", left, rig)
    elif form == "folder":
        write_comfyui(place / COMFYUI_FILE, tensors, rig)
        source = place
    elif form == "subfolder":
        write_comfyui(place / "detection" / COMFYUI_FILE, tensors, rig)
        source = place
    elif form == "zip":
        source = tmp_path / "download.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
            for path in (release / "model.ckpt", release / "assets" / "mhr_model.pt"):
                file.write(path, f"sam-3d-body/{path.relative_to(release)}")
    elif form == "assets.zip":
        place.mkdir()
        source = Path(shutil.copy(release / "model.ckpt", place))
        write_assets_zip(place / "assets.zip", release / "assets" / "mhr_model.pt")
    elif form == "rig named":
        source = write_comfyui(place / COMFYUI_FILE, tensors, None)
        mhr = write_assets_zip(tmp_path / "mhr.zip", release / "assets" / "mhr_model.pt")
    else:
        content = {f"model.{name}": value for name, value in comfyui_tensors(tensors, rig).items()}
        place.mkdir()
        source = write_safetensors(place / "m.safetensors", content)
    made = convert_checkpoint(source, mhr, tmp_path / "models", templates=templates)
    assert engine(made) == reference("fp32")
    left_over = [path.name for path in (tmp_path / "models").iterdir() if path.name.startswith(".")]
    assert not left_over


@pytest.fixture(scope="module")
def sliced_reference(
    tensors: Tensors, rig: Tensors, templates: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The engine of a checkpoint with the numbers of slices."""
    sliced = in_slices(tensors, large=32)
    assert {str(value.dtype) for value in sliced.values()} == {"float16", "float32", "int64"}
    folder = tmp_path_factory.mktemp("sliced")
    official = write_official(folder / "official", sliced, rig)
    return engine(convert_checkpoint(official, None, folder / "m", templates=templates))


@pytest.mark.parametrize("form", ["folder", "one of them", "untagged", "all named", "shards"])
def test_slices_give_the_engine_of_their_numbers(
    form: str,
    tensors: Tensors,
    rig: Tensors,
    templates: Path,
    sliced_reference: dict[str, bytes],
    tmp_path: Path,
) -> None:
    """Slices hold matrices of the backbone in half precision; a checkpoint with the same numbers is the reference."""
    sliced = in_slices(tensors, large=32)
    folder = write_slices(tmp_path / "slices", sliced)
    write_rig_slice(folder, rig)
    source: Any = folder
    if form == "one of them":
        source = folder / "sam3d_body_dinov3_decoder.safetensors"
    elif form == "untagged":
        for part in ("decoder", "mhr_head"):
            (folder / f"sam3d_body_dinov3_{part}.safetensors").unlink()
    elif form == "all named":
        source = [path for path in sorted(folder.glob("*.safetensors")) if "jit" not in path.name]
    elif form == "shards":
        for path in folder.glob("*_d*.safetensors"):
            path.unlink()
        items = list(sliced.items())
        for k in range(3):
            write_safetensors(folder / f"model-{k + 1:05d}-of-00003.safetensors", dict(items[k::3]))
        (folder / "sam3d_body_mhr_head.safetensors").unlink()
    made = convert_checkpoint(source, None, tmp_path / "b", templates=templates)
    assert engine(made) == sliced_reference
    assert (made.layout, made.notes[0][:20]) == ("official", "The body mhr-lod1 ha")


def test_biases_are_masked_where_there_are_any(shared: Path, parity_case: Path, rig: Tensors, tmp_path: Path) -> None:
    """The recorded backbone has biases, with the keys' masked, unlike the release: the mask is made accordingly."""
    tensors = case_release(shared, parity_case, with_bias=True)
    for name, value in tensors.items():  # ComfyUI's layout has no bias for the keys, which the mask removes anyway
        if name.endswith("qkv.bias"):
            third = len(value.bits) // 3
            value.bits[third : 2 * third] = 0
    templates = write_whole_templates(tmp_path / "templates", tensors, "case")
    official = write_official(tmp_path / "official", tensors, rig)
    expected = engine(convert_checkpoint(official, None, tmp_path / "a", templates=templates))
    path = write_comfyui(tmp_path / COMFYUI_FILE, tensors, rig)
    assert engine(convert_checkpoint(path, None, tmp_path / "b", templates=templates)) == expected


def test_the_rotary_periods_are_those_of_the_release() -> None:
    known = "1 1.3359375 1.78125 2.375 3.15625 4.21875 5.625 7.5 10 13.3125 17.75 23.75 31.625 42.25 56.25 75"
    np.testing.assert_array_equal(rope_periods(16), np.array(known.split(), np.float32))


@pytest.mark.parametrize("layout", ["official", "comfyui"])
def test_without_the_parts_for_hands_bodies_alone_are_inferred(
    layout: str, tensors: Tensors, rig: Tensors, templates: Path, reference: Any, tmp_path: Path
) -> None:
    body = {name: value for name, value in tensors.items() if not _of_hands(name)}
    assert 100 < len(tensors) - len(body) < 250
    if layout == "official":
        source = write_official(tmp_path / "release", body, rig)
    else:
        source = write_comfyui(tmp_path / COMFYUI_FILE, body, rig)
    made = convert_checkpoint(source, None, tmp_path / "models", templates=templates)
    assert made.inferences == ("body",)
    assert any("lacks the parts for hands" in note for note in made.notes)
    facts = manifest.verify(made.folder)
    assert facts["inferences"] == ["body"]
    assert set(facts["graphs"]) == {"encoder", "body_context", "body_decoder"}
    whole = reference("fp32")
    ours = engine(made)
    graphs = {"encoder", "body_context", "body_decoder"}
    assert {name.partition(".")[0] for name in ours} == {*graphs, "constants", "probes"}
    for name in ours.keys() - {"constants.npz", "probes.npz"}:
        assert ours[name] == whole[name]
    assert_proved(made.folder)
    with np.load(made.folder / "constants.npz") as constants:
        assert "initial_estimate_hand" not in constants.files


def _of_hands(name: str) -> bool:
    return name.partition(".")[0].endswith("_hand") or name.startswith("hand_pe_layer.")


def test_an_imported_body_will_do(
    release: Path, tensors: Tensors, templates: Path, reference: Any, tmp_path: Path
) -> None:
    alone = write_comfyui(tmp_path / "x" / COMFYUI_FILE, tensors, None)
    models = tmp_path / "models"
    with refused(ModelError, match=r"does not hold the rig.*assets\.zip.*--mhr"):
        convert_checkpoint(alone, None, models, templates=templates)
    import_official(release / "assets" / "mhr_model.pt", models)
    made = convert_checkpoint(alone, None, models, templates=templates)
    assert engine(made) == reference("fp32")
    assert made.notes == ("The rig is that of mhr-lod1, which was imported before.",)


# --- what is refused ---


def test_quantised_files_have_their_own_sentence(tensors: Tensors, templates: Path, tmp_path: Path) -> None:
    path = tmp_path / COMFYUI_FILE
    content = comfyui_tensors(tensors, None)
    weight = "backbone.layer.0.mlp.up_proj.weight"

    def refuse(message: str, **more: Any) -> None:
        write_safetensors(path, content | more)
        with pytest.raises(ModelError, match=message):
            convert_checkpoint(path, None, tmp_path / "models", templates=templates)

    scales = {f"{weight}_scale": np.ones((), np.float32)}
    refuse(r"8-bit integers \(backbone.*ComfyUI's sam_3d", **{weight: np.ones((192, 48), np.int8)}, **scales)
    rotated = {"backbone.layer.0.mlp.up_proj.convrot": np.ones(3, np.float32)}
    refuse(r"8-bit integers after a rotation \(ConvRot\)", **{weight: np.ones((192, 48), np.int8)}, **rotated)
    refuse("eight bits with scales beside them", **scales)
    header = json.dumps({weight: {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"ab")
    with pytest.raises(
        ModelError,
        match=r"^sam_3d_body\S* holds weights in eight bits or fewer \(F8_E4M3, such as backbone.*cannot be converted",
    ):
        convert_checkpoint(path, None, tmp_path / "models", templates=templates)
    for name, start, message in (
        ("decoder.onnx", b"\x08\x08\x12", r"estimate the body only and take no prompts.*model\.ckpt"),
        ("model.gguf", b"GGUF\x03", "another program's form"),
    ):
        folder = tmp_path / name.partition(".")[2]
        folder.mkdir()
        (folder / name).write_bytes(start + bytes(300))
        with pytest.raises(ModelError, match=message):
            convert_checkpoint(folder if name.endswith("onnx") else folder / name, None, None, templates=templates)


def test_parts_of_different_models_are_refused(tensors: Tensors, templates: Path, tmp_path: Path) -> None:
    sliced = in_slices(tensors)
    folder = write_slices(tmp_path, sliced, untagged=False)
    write_slices(tmp_path, sliced, tag="vith")
    one, other = (
        folder / "sam3d_body_dinov3.safetensors",
        [folder / f"sam3d_body_vith_{part}.safetensors" for part in ("decoder", "mhr_head")],
    )
    with pytest.raises(ModelError, match="are parts of different models"):
        convert_checkpoint([one, *other], None, tmp_path / "m", templates=templates)
    with pytest.raises(ModelError, match=r"several files.*sam3d_body_dinov3.*sam3d_body_vith"):
        convert_checkpoint(folder, None, tmp_path / "m", templates=templates)
    other[0].unlink()
    (folder / "sam3d_body_decoder.safetensors").unlink()
    with pytest.raises(ModelError, match=r"sam3d_body_vith_decoder\.safetensors is missing"):
        convert_checkpoint(other[1], None, tmp_path / "m", templates=templates)


def test_files_that_disagree_are_refused(tensors: Tensors, templates: Path, tmp_path: Path) -> None:
    sliced = in_slices(tensors)
    write_slices(tmp_path, sliced)
    name = "decoder.norm_final.weight"
    copy = write_safetensors(tmp_path / "copy.safetensors", {name: sliced[name]})
    other = write_safetensors(tmp_path / "other.safetensors", {name: sliced[name] * 2})
    files = [tmp_path / f"sam3d_body_dinov3{part}.safetensors" for part in ("", "_decoder", "_mhr_head")]
    with pytest.raises(ModelError, match=r"other\.safetensors disagree about decoder\.norm_final\.weight"):
        convert_checkpoint([*files, other], None, tmp_path / "m", templates=templates)
    with refused(ModelError, match="does not hold the rig"):  # which is the next thing that is looked at
        convert_checkpoint([*files, copy], None, tmp_path / "m", templates=templates)


def test_an_incomplete_layout_names_what_the_file_lacks(
    tensors: Tensors, rig: Tensors, templates: Path, tmp_path: Path
) -> None:
    content = comfyui_tensors(tensors, rig)
    path = tmp_path / COMFYUI_FILE
    for missing, message in (
        ("backbone.layer.1.attention.k_proj.weight", r"lacks backbone\.layer\.1\.attention\.k_proj\.weight"),
        ("backbone.embeddings.cls_token", r"lacks backbone\.embeddings\.cls_token"),
        ("backbone.layer.2.mlp.gate_proj.bias", r"lacks backbone\.layer\.2\.mlp\.gate_proj\.bias"),
        ("mhr.lbs_skin_weights", r"rig .* is damaged .*no tensor mhr\.lbs_skin_weights"),
    ):
        write_safetensors(path, {name: value for name, value in content.items() if name != missing})
        with pytest.raises(ModelError, match=message):
            convert_checkpoint(path, None, tmp_path / "m", templates=templates)
    last = {name: value for name, value in content.items() if not name.startswith("backbone.layer.2.")}
    write_safetensors(path, last)
    with pytest.raises(ModelError, match=r"blocks\.2\.attn\.proj\.bias.* more are missing"):
        convert_checkpoint(path, None, tmp_path / "m", templates=templates)
    half = content | {"mhr.base_shape": content["mhr.base_shape"].astype(np.float16)}
    write_safetensors(path, half)
    with pytest.raises(ModelError, match=r"base_shape is stored in float16; the rig needs float32"):
        convert_checkpoint(path, None, tmp_path / "m", templates=templates)


def test_archives_without_a_checkpoint(release: Path, templates: Path, tmp_path: Path) -> None:
    assets = write_assets_zip(tmp_path / "assets.zip", release / "assets" / "mhr_model.pt")
    with pytest.raises(ModelError, match=r"assets\.zip holds no checkpoint.*as the MHR model"):
        convert_checkpoint(assets, None, tmp_path / "m", templates=templates)
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(twice, "w") as file:
        for folder in "ab":
            file.writestr(f"{folder}/model.ckpt", "x")
    with pytest.raises(ModelError, match="holds a file twice"):
        convert_checkpoint(twice, None, tmp_path / "m", templates=templates)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["assets.zip", "twice.zip"]


def test_archives_that_cannot_be_unpacked(
    release: Path, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "download.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(release / "model.ckpt", "model.ckpt")

    def refuse(message: str, *spoiled: Path) -> None:
        with pytest.raises(ModelError, match=message):
            convert_checkpoint(spoiled[0] if spoiled else archive, None, tmp_path / "m", templates=templates)
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    spoiled = tmp_path / "spoiled.zip"
    spoiled.write_bytes(data)
    refuse(r"spoiled\.zip is damaged \(Bad CRC", spoiled)
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
        refuse(r"Unpacking download\.zip takes 0\.0 GB, but only 0\.0 GB are free")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    refuse(r"download\.zip cannot be unpacked to .* \(No space left on device\)")


def test_a_damaged_body_that_is_there_does_not_matter(
    tensors: Tensors, rig: Tensors, templates: Path, tmp_path: Path
) -> None:
    place = tmp_path / "m" / "bodies" / "mhr-lod1.npz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"nothing")
    path = write_comfyui(tmp_path / COMFYUI_FILE, tensors, rig)
    made = convert_checkpoint(path, None, tmp_path / "m", templates=templates)
    assert "no texture coordinates" in made.notes[0]
    assert Body.load(place).name == "mhr-lod1"


def test_folders(tensors: Tensors, templates: Path, tmp_path: Path) -> None:
    def convert(source: Path) -> None:
        convert_checkpoint(source, None, tmp_path / "m", templates=templates)

    with pytest.raises(ModelError, match="no file"):
        convert(tmp_path / "nothing")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ModelError, match="no checkpoint in"):
        convert(folder)
    for name in ("mhr_model.pt", "README.md", "sam3d_body_mhr_jit.safetensors"):
        (folder / name).touch()
    with pytest.raises(ModelError, match="no checkpoint in"):
        convert(folder)
    (folder / "b.safetensors").touch()
    with pytest.raises(ModelError, match=r"b\.safetensors is empty"):
        convert(folder)
    (folder / "a.ckpt").touch()
    with pytest.raises(ModelError, match=r"several files .*\(a\.ckpt, b\.safetensors\)"):
        convert(folder)
    write_torch(folder / "model.ckpt", tensors)
    with pytest.raises(ModelError, match=r"mhr_model\.pt is damaged"):
        convert(folder)
    (folder / "assets").mkdir()
    write_archive(folder / "assets" / "mhr_model.pt", {"training": False})
    with pytest.raises(ModelError, match=r"no tensor character_torch"):  # the one in `assets` comes first
        convert(folder)


@pytest.mark.parametrize("form", ["folder", "zip", "folder with mhr_model.pt", "rig of ComfyUI's file"])
def test_the_rig_of_mhrs_own_release(
    form: str, toy_tensors: Tensors, toy_release: Path, toy_templates: Path, tmp_path: Path
) -> None:
    """Without `mhr_model.pt` in it, the release's own mesh will do; the skeleton is the same to its last digits."""
    folder = tmp_path / "assets"
    body = write_release(folder, levels=(1,))
    mhr = folder
    if form == "zip":
        mhr = zip_folder(folder, tmp_path / "assets.zip")
    elif form == "folder with mhr_model.pt":
        shutil.copy(toy_release / "assets" / "mhr_model.pt", folder)
    elif form == "rig of ComfyUI's file":
        rig = torchscript_content(toy_body(45, 72), tmp_path)
        mhr = write_safetensors(tmp_path / "other.safetensors", comfyui_rig(rig))
    models = tmp_path / "models"
    convert_checkpoint(toy_release / "model.ckpt", mhr, models, templates=toy_templates)
    made = Body.load(models / "bodies" / "mhr-lod1.npz")
    assert (made.correctives is not None) == (form in ("folder with mhr_model.pt", "rig of ComfyUI's file"))
    assert made.uvs.any() == (form != "rig of ComfyUI's file")
    np.testing.assert_allclose(made.skeleton.rest.translations, body.skeleton.rest.translations, atol=1e-3)
    np.testing.assert_allclose(made.rest_vertices, body.rest_vertices, atol=1e-4)


def test_a_level_that_the_release_lacks(toy_release: Path, toy_templates: Path, tmp_path: Path) -> None:
    write_release(tmp_path / "assets", levels=(3,))
    with pytest.raises(ModelError, match=r"lacks lod1\.fbx"):
        convert_checkpoint(toy_release / "model.ckpt", tmp_path / "assets", tmp_path / "m", templates=toy_templates)
