"""The formats of training's files. They stand apart so that PyTorch is not needed to know them."""

from __future__ import annotations

from native_runtime.files.formats import Format

SETTINGS = Format("sam3db-training")
CHECKPOINT = Format("sam3db-checkpoint")
