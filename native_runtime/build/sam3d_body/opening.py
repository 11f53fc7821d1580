"""From what a user names (a file, several, a folder, a zip archive) to an open checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from native_runtime.errors import ModelError

from .checkpoint import Checkpoint, open_checkpoint
from .finding import ASSETS, MHR_FILE, check_belong_together, find_files
from .unpacking import members, unpacked

_ZIP = b"PK\x03\x04"
_DESCRIPTION = "data.pkl"
"""What every archive of ``torch.save`` holds."""
_WANTED = (".ckpt", ".pth", ".pt", ".safetensors", ".safetensors.index.json")


@contextmanager
def opened_files(given: Sequence[Path], models: Path) -> Iterator[Checkpoint]:
    """The checkpoint that files make together.

    Args:
        given: one file, folder or zip archive of a download, or several files.
        models: the models folder, beside which an archive is unpacked for the time being.

    Raises:
        ModelError: there is no checkpoint, it is damaged, or it is not clear which one is meant.
    """
    if len(given) == 1 and _is_plain_zip(given[0]):
        with unpacked(given[0], models, lambda name: name.endswith(_WANTED) or name == ASSETS) as folder:
            if not any(file.name != MHR_FILE for file in folder.iterdir()):
                raise ModelError(
                    f"{given[0].name} holds no checkpoint. If it is MHR's release, name it as the MHR model."
                )
            with opened_files([folder], models) as opened:
                yield opened
        return
    if len(given) > 1:
        missing = [file for file in given if not file.is_file()]
        if missing:
            raise ModelError(f"There is no file {missing[0]}.")
        files: tuple[Path, ...] = tuple(given)
        check_belong_together(files)
    else:
        files = find_files(given[0])
    with open_checkpoint(*files) as checkpoint:
        yield checkpoint


def _is_plain_zip(path: Path) -> bool:
    """Whether it is a zip archive of files, and not one of PyTorch's, which is a zip archive too."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return False
    try:
        names = members(path)
    except ModelError:
        return False  # whoever opens it says what is wrong with it
    return not any(name.endswith(f"/{_DESCRIPTION}") for name in names)
