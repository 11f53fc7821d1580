"""Checkpoints that are wrong in many ways: refused where anything can tell, before a byte is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from native_runtime.build.sam3d_body.convert import convert_checkpoint
from native_runtime.build.sam3d_body.published import Published
from native_runtime.errors import ModelError
from native_runtime.files.hashes import sha256_of
from tests.support.case_release import case_release
from tests.support.corruptions import CORRUPTIONS, Corruption
from tests.support.sam3d_body_layouts import write_comfyui, write_official
from tests.support.torch_archive import write_archive

Tensors = dict[str, Any]
BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}


def written(corruption: Corruption, tensors: Tensors, rig: Tensors, release: Path, folder: Path) -> Path:
    made = write_official(folder, corruption.tensors(tensors), {})
    if corruption.file is not None:
        corruption.file(made / "model.ckpt")
    mhr = made / "assets" / "mhr_model.pt"
    if corruption.rig is None:
        mhr.write_bytes((release / "assets" / "mhr_model.pt").read_bytes())
    else:
        write_archive(mhr, corruption.rig(rig))
    return made


def test_there_are_twenty_and_none_twice() -> None:
    assert len(BY_NAME) == len(CORRUPTIONS) >= 20
    assert all(bool(corruption.match) == (corruption.by == "reader") for corruption in CORRUPTIONS)


@pytest.mark.parametrize("name", [name for name, corruption in BY_NAME.items() if corruption.by == "reader"])
def test_the_reader_refuses(
    name: str, tensors: Tensors, rig: Tensors, release: Path, templates: Path, tmp_path: Path
) -> None:
    folder = written(BY_NAME[name], tensors, rig, release, tmp_path / "release")
    with pytest.raises(ModelError, match=BY_NAME[name].match):
        convert_checkpoint(folder, None, tmp_path / "models", templates=templates)
    assert not (tmp_path / "models" / "sam3d_body").exists()


@pytest.mark.parametrize("layout", ["official", "comfyui"])
def test_what_only_pictures_show_is_refused_where_the_file_claims_to_be_published(
    layout: str,
    tensors: Tensors,
    rig: Tensors,
    release: Path,
    templates: Path,
    tmp_path: Path,
) -> None:
    """It passes for a model where nobody knows the file; of the published file's size it has to be that file."""
    corruption = BY_NAME["queries and keys exchanged"]
    wrong = corruption.tensors(tensors)
    assert wrong.keys() == tensors.keys()
    if layout == "official":
        right, path = release / "model.ckpt", written(corruption, tensors, rig, release, tmp_path) / "model.ckpt"
    else:
        right = write_comfyui(tmp_path / "right.safetensors", tensors, rig)
        path = write_comfyui(tmp_path / "wrong.safetensors", wrong, rig)
    known = {right.stat().st_size: frozenset((sha256_of(right),))}
    mhr = release / "assets" / "mhr_model.pt"
    with pytest.raises(ModelError, match="has the size of a published file to the byte, but other content"):
        convert_checkpoint(path, mhr, tmp_path / "models", templates=templates, published=Published(known))
    assert not (tmp_path / "models").exists()
    if layout == "official":
        made = convert_checkpoint(path, mhr, tmp_path / "models", templates=templates, published=Published())
        assert made.folder.is_dir(), "whoever proves the model has to notice it"


def test_a_published_file_passes(release: Path, templates: Path, tmp_path: Path) -> None:
    files = (release / "model.ckpt", release / "assets" / "mhr_model.pt")
    known = {file.stat().st_size: frozenset((sha256_of(file), "of a file of the same size")) for file in files}
    convert_checkpoint(release, None, tmp_path / "models", templates=templates, published=Published(known))
    wrong = {files[1].stat().st_size: frozenset(("something else",))}
    with pytest.raises(ModelError, match=r"mhr_model\.pt has the size of a published file"):
        convert_checkpoint(release, None, tmp_path / "models", templates=templates, published=Published(wrong))


def test_biases_that_the_release_has_not_are_refused(
    shared: Path, parity_case: Path, rig: Tensors, release: Path, templates: Path, tmp_path: Path
) -> None:
    biased = case_release(shared, parity_case, with_bias=True)
    folder = write_official(tmp_path / "release", biased, rig)
    with pytest.raises(ModelError, match=r"attn\.qkv\.bias is not zero, as it is in the released model"):
        convert_checkpoint(folder, None, tmp_path / "models", templates=templates)
