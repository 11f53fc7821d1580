"""MHR as one TorchScript file (``mhr_model.pt``), as it comes with SAM 3D Body's checkpoints: LOD 1 with everything.

PyTorch is not needed.
"""

from __future__ import annotations

from pathlib import Path

from native_runtime.errors import ModelError
from native_runtime.mhr.correctives import PoseCorrectives

from .fbx_rig import Rig
from .rig_tensors import rig_of
from .torch_archive import DAMAGE, TorchArchive


def read_torchscript(path: Path) -> tuple[Rig, PoseCorrectives | None]:
    """Read the file.

    Raises:
        ModelError: it is missing, damaged, or not MHR.
    """
    if not path.is_file():
        raise ModelError(f"There is no file {path}.")
    try:
        with TorchArchive(path) as archive:
            return rig_of(archive)
    except DAMAGE as error:
        raise ModelError(f"{path.name} is damaged or not MHR's TorchScript file ({error}).") from error
