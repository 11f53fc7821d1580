"""Which files a checkpoint is made of: in a folder, or beside the one that somebody named.

* ``model.ckpt``, ``*.safetensors``, the index of several
* slices by module: ``sam3d_body_TAG.safetensors`` (backbone), ``..._decoder``, ``..._mhr_head``; TAG is the variant.
  For DINOv3-H+ they are also written without the tag
* shards without their index: ``NAME-00001-of-00003.safetensors``
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from native_runtime.errors import ModelError

from .safetensors import INDEX_SUFFIX

MHR_FILE = "mhr_model.pt"
MHR_SLICE = "sam3d_body_mhr_jit.safetensors"
ASSETS = "assets.zip"
_CHECKPOINT_FILE = "model.ckpt"
_SUFFIXES = (".safetensors", ".ckpt", ".pth", ".pt", ".bin")
_NOT_A_CHECKPOINT = re.compile(r"mhr_model\.pt|sam3d_body_mhr_jit(_\w+)?\.safetensors")
_SUBFOLDER = "detection"
"""Where ComfyUI's repository has its file."""
_PARTS = ("", "_decoder", "_mhr_head")
_SLICE = re.compile(r"sam3d_body(?!\.)(?:_(dinov3|vith))?(_decoder|_mhr_head)?\.safetensors")
_UNTAGGED = "dinov3"
_SHARD = re.compile(r"(.+)-(\d+)-of-(\d+)\.safetensors")


def find_files(path: Path) -> tuple[Path, ...]:
    """The files of the checkpoint ``path``: a file of it, or its folder.

    Raises:
        ModelError: there is none, a part is missing, or it is not clear which one is meant.
    """
    if path.is_file():
        return _with_the_others(path)
    if not path.is_dir():
        raise ModelError(f"There is no file {path}. Name the checkpoint that you downloaded, for example model.ckpt.")
    for folder in (path, path / _SUBFOLDER):
        if folder.is_dir() and (found := _in_folder(folder)):
            return found
    raise ModelError(f"There is no checkpoint in {path}. Name the file, for example model.ckpt.")


def check_belong_together(files: Sequence[Path]) -> None:
    """Refuse slices of different variants, whose tensors have the same names and shapes.

    Raises:
        ModelError: they are.
    """
    tags = {(match[1] or _UNTAGGED): file for file in files if (match := _SLICE.fullmatch(file.name))}
    if len(tags) > 1:
        names = " and ".join(file.name for file in tags.values())
        raise ModelError(f"{names} are parts of different models. Take all parts of one model.")


def _in_folder(folder: Path) -> tuple[Path, ...]:
    if (folder / _CHECKPOINT_FILE).is_file():
        return (folder / _CHECKPOINT_FILE,)
    files = sorted(file for file in folder.iterdir() if file.is_file())
    found = [file for file in files if file.name.endswith(INDEX_SUFFIX)]
    found = found or [file for file in files if file.suffix in _SUFFIXES and not _NOT_A_CHECKPOINT.fullmatch(file.name)]
    if not found:
        return tuple(file for file in files if file.suffix == ".onnx")[:1]  # what opens it says why it will not do
    wholes = {_with_the_others(file) for file in found}
    if len(wholes) > 1:
        names = ", ".join(files[0].name for files in sorted(wholes)[:4])
        raise ModelError(f"{folder} holds several files that may be the checkpoint ({names}). Name the right one.")
    return wholes.pop()


def _with_the_others(file: Path) -> tuple[Path, ...]:
    """A file and those beside it that belong to it."""
    if match := _SLICE.fullmatch(file.name):
        return _slices(file.parent, match[1] or _UNTAGGED)
    if match := _SHARD.fullmatch(file.name):
        count = len(match[2])
        names = [f"{match[1]}-{k + 1:0{count}d}-of-{match[3]}.safetensors" for k in range(int(match[3]))]
        return tuple(_present([file.parent / name] for name in names))
    return (file,)


def _slices(folder: Path, tag: str) -> tuple[Path, ...]:
    bare = tag == _UNTAGGED
    return tuple(
        _present(
            [folder / f"sam3d_body_{tag}{part}.safetensors"]
            + ([folder / f"sam3d_body{part}.safetensors"] if bare and part else [])
            for part in _PARTS
        )
    )


def _present(choices: Iterable[Sequence[Path]]) -> Iterable[Path]:
    """The first file of each choice that is there."""
    for choice in choices:
        found = next((file for file in choice if file.is_file()), None)
        if found is None:
            raise ModelError(f"The file {choice[0].name} is missing in {choice[0].parent}; the others alone do not do.")
        yield found
