"""A checkpoint's numbers against what is published of them, in whatever layout they lie."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from native_runtime.build.sam3d_body.content import PUBLISHED
from native_runtime.build.sam3d_body.convert import convert_checkpoint
from native_runtime.build.sam3d_body.published import Published, published
from native_runtime.build.sam3d_body.variants import TEMPLATES, Variant
from native_runtime.errors import ModelError
from native_runtime.models import manifest
from tests.support.advice import refused
from tests.support.case_release import write_whole_templates
from tests.support.checkpoints import BFloat16, write_torch
from tests.support.corruptions import CORRUPTIONS
from tests.support.sam3d_body_layouts import (
    COMFYUI_FILE,
    in_slices,
    write_comfyui,
    write_comfyui_older,
    write_slices,
)
from tests.support.torch_archive import write_archive

Tensors = dict[str, Any]
BACKBONE = "backbone.encoder."


@pytest.fixture(scope="module")
def mhr(rig: Tensors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("mhr") / "mhr_model.pt", rig)


@pytest.fixture(scope="module")
def known(tensors: Tensors) -> Published:
    """As if the case were the release: what an extraction of it would have been."""
    backbone = {name.removeprefix(BACKBONE): value for name, value in tensors.items() if name.startswith(BACKBONE)}
    rest = {name: value for name, value in tensors.items() if not name.startswith(BACKBONE)}
    return Published(contents={("dinov3", "backbone"): extraction(backbone), ("dinov3", "rest"): extraction(rest)})


def extraction(tensors: Tensors) -> tuple[int, str]:
    """Size and SHA-256 of a safetensors file with these tensors in the order of their names, widened."""
    header: dict[str, Any] = {}
    data = b""
    for name in sorted(tensors):
        value = tensors[name].values if isinstance(tensors[name], BFloat16) else tensors[name]
        wide = value.astype("<f4" if value.dtype.kind == "f" else "<i8")
        place = [len(data), len(data) + wide.nbytes]
        kind = "F32" if value.dtype.kind == "f" else "I64"
        header[name] = {"dtype": kind, "shape": list(wide.shape), "data_offsets": place}
        data += wide.tobytes()
    text = json.dumps(header).replace(": ", ":").replace(", ", ",").encode()
    text += b" " * (-len(text) % 8)
    whole = len(text).to_bytes(8, "little") + text + data
    return len(whole), hashlib.sha256(whole).hexdigest()


def released(folder: Path) -> bool:
    told = manifest.read(folder)["checkpoint"]["released"]
    assert isinstance(told, bool)
    return told


@pytest.mark.parametrize("layout", ["official", "wide", "comfyui", "older"])
def test_the_released_numbers_are_known_in_any_layout(
    layout: str, tensors: Tensors, rig: Tensors, mhr: Path, templates: Path, known: Published, tmp_path: Path
) -> None:
    if layout == "official":
        path = write_torch(tmp_path / "a.ckpt", tensors)
    elif layout == "wide":
        wide = {name: value.values if isinstance(value, BFloat16) else value for name, value in tensors.items()}
        path = write_torch(tmp_path / "a.ckpt", wide)
    elif layout == "comfyui":
        path = write_comfyui(tmp_path / COMFYUI_FILE, tensors, rig)
    else:
        left = {name: value for name, value in tensors.items() if not name.endswith(("bias_mask", "periods"))}
        path = write_comfyui_older(tmp_path / "a.safetensors", left, rig)
    made = convert_checkpoint(path, mhr, tmp_path / "m", templates=templates, published=known)
    assert released(made.folder)
    assert made.notes == ()


@pytest.mark.parametrize("name", [corruption.name for corruption in CORRUPTIONS if corruption.by == "proof"])
def test_other_numbers_are_refused_whatever_file_they_are_in(
    name: str, tensors: Tensors, mhr: Path, templates: Path, known: Published, tmp_path: Path
) -> None:
    (corruption,) = (each for each in CORRUPTIONS if each.name == name)
    path = write_torch(tmp_path / "a.ckpt", {"state_dict": corruption.tensors(tensors), "epoch": 3})
    with refused(ModelError, match=r"The numbers of the .* are not those of SAM 3D Body DINOv3-H\+ .*--own-weights"):
        convert_checkpoint(path, mhr, tmp_path / "m", templates=templates, published=known)
    assert not (tmp_path / "m").exists()


def test_weights_of_ones_own_are_converted_when_that_is_said(
    tensors: Tensors, mhr: Path, templates: Path, known: Published, tmp_path: Path
) -> None:
    own = dict(tensors)
    own["decoder.norm_final.weight"] = tensors["decoder.norm_final.weight"] * np.float32(1.5)
    path = write_torch(tmp_path / "a.ckpt", own)
    made = convert_checkpoint(path, mhr, tmp_path / "m", templates=templates, published=known, own_weights=True)
    assert not released(made.folder)


def test_what_cannot_be_compared_is_said(
    tensors: Tensors, rig: Tensors, mhr: Path, templates: Path, known: Published, tmp_path: Path
) -> None:
    folder = write_slices(tmp_path / "slices", in_slices(tensors, large=32))
    made = convert_checkpoint(folder, mhr, tmp_path / "a", templates=templates, published=known)
    assert made.notes == ("The backbone is stored in float16, so it cannot be compared with the released numbers.",)
    assert not released(made.folder)

    body = {
        name: value for name, value in tensors.items() if not name.partition(".")[0].endswith(("_hand", "pe_layer"))
    }
    made = convert_checkpoint(
        write_torch(tmp_path / "b.ckpt", body), mhr, tmp_path / "b", templates=templates, published=known
    )
    assert made.notes[0].startswith("The part after the backbone is not complete (")

    wrong = dict(tensors)
    name = f"{BACKBONE}norm.weight"
    wrong[name] = BFloat16(tensors[name].values[::-1])
    path = write_comfyui(tmp_path / COMFYUI_FILE, wrong, rig)
    made = convert_checkpoint(path, mhr, tmp_path / "c", templates=templates, published=known)
    assert made.notes == (
        "The numbers of the backbone could not be confirmed as the released ones, since this layout leaves some of "
        "them out.",
    )
    assert not released(made.folder)


def test_a_model_put_together_from_two_is_refused(
    tensors: Tensors, mhr: Path, known: Published, tmp_path: Path
) -> None:
    """Decoders of one variant behind the backbone of the other, of which nothing is published."""
    templates = write_whole_templates(tmp_path / "templates", tensors, "vith")
    path = write_torch(tmp_path / "a.ckpt", tensors)
    rest = Published(contents={key: value for key, value in known.contents.items() if key[1] == "rest"})
    with pytest.raises(ModelError, match=r"part after the backbone is that of another released model than ViT-H"):
        convert_checkpoint(path, mhr, tmp_path / "m", templates=templates, published=rest)
    own = {**tensors, "decoder.norm_final.weight": tensors["decoder.norm_final.weight"] * np.float32(1.5)}
    path = write_torch(tmp_path / "b.ckpt", own)
    made = convert_checkpoint(path, mhr, tmp_path / "m", templates=templates, published=rest)
    assert made.notes == ()
    assert not released(made.folder)


def test_the_published_sizes_are_those_of_the_released_tensors() -> None:
    """That the list of tensors gives the published sizes to the byte shows that the same bytes are hashed."""
    tensors = Variant.load(TEMPLATES / "dinov3").tensors
    parts = {
        "backbone": {name[len(BACKBONE) :]: facts for name, facts in tensors.items() if name.startswith(BACKBONE)},
        "rest": {
            name: facts
            for name, facts in tensors.items()
            if not name.startswith(BACKBONE) and not name.endswith("hand_pose_comps_ori")
        },
    }
    for part, listed in parts.items():
        header, start = {}, 0
        for name in sorted(listed):
            shape, dtype = listed[name]
            kind, width = ("F32", 4) if "float" in dtype else ("I64", 8)
            stop = start + math.prod(shape) * width
            header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [start, stop]}
            start = stop
        text = json.dumps(header, separators=(",", ":"))
        assert 8 + math.ceil(len(text) / 8) * 8 + start == PUBLISHED["dinov3", part][0]
    assert published().contents == PUBLISHED
    assert len(published().files) >= 5
