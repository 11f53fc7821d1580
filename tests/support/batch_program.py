"""A batch as a program of its own, which a test can kill: the engine sees no picture, Blender is a real one.

python -m tests.support.batch_program FOLDER OUT PREVIEW [BODY]
"""

from __future__ import annotations

import sys
from pathlib import Path

from native_runtime.batch.run import run_batch
from native_runtime.batch.settings import BatchRequest
from native_runtime.pipeline.inference import Inference
from native_runtime.pipeline.reporting import Silent
from sam3db_blender.jobs.builder_command import module_command


def main(folder: str, out: str, preview: str, body: str = "default-lod2") -> int:
    request = BatchRequest(
        folder=Path(folder),
        out=Path(out),
        body=body,
        previews=() if preview == "none" else (preview,),
        texture=False,
        builder=module_command(),
        contact_sheet=False,
    )
    return len(run_batch(request, Silent(), Inference("tests.blender.posed_engine", 1)).failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
