"""Runs inside a Blender for ``bench.installs``: arguments are the zip and a photo."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import bpy

MODULE = "bl_ext.user_default.sam3db_blender"
HEAVY = ("cv2", "onnxruntime", "PIL")


def main(extension: str, photo: str) -> None:
    import addon_utils

    seconds: dict[str, float] = {}
    faults: list[str] = []

    def timed(step: str, start: float) -> None:
        seconds[step] = round(time.perf_counter() - start, 2)

    start = time.perf_counter()
    bpy.ops.extensions.package_install_files(filepath=extension, repo="user_default", enable_on_install=False)
    timed("install", start)
    start = time.perf_counter()
    bpy.ops.preferences.addon_enable(module=MODULE)
    timed("enable", start)
    faults += [f"{name} is loaded when the extension is enabled" for name in HEAVY if name in sys.modules]
    start = time.perf_counter()
    bpy.ops.sam3db.import_character(filepath=photo)
    timed("character", start)
    rigs = [obj for obj in bpy.data.objects if obj.type == "ARMATURE" and len(obj.data.bones) >= 127]
    worker = sys.modules[f"{MODULE}.jobs.worker"]
    if not rigs:
        faults.append("there is no character")
    if not worker.worker_runs():
        faults.append("no worker runs")
    pid = worker._worker.pid
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(os.environ["HOME"], "character.blend"))
    bpy.ops.preferences.addon_disable(module=MODULE)
    time.sleep(0.5)
    if Path(f"/proc/{pid}").exists():
        faults.append("the worker outlives the extension")
    if "import_character" in dir(bpy.ops.sam3db):
        faults.append("operators are left")
    repo = next(i for i, repo in enumerate(bpy.context.preferences.extensions.repos) if repo.module == "user_default")
    bpy.ops.extensions.package_uninstall(repo_index=repo, pkg_id="sam3db_blender")
    if addon_utils.check(MODULE)[1]:
        faults.append("it is still enabled")
    import numpy

    report = {
        "blender": bpy.app.version_string,
        "python": ".".join(map(str, sys.version_info[:3])),
        "numpy": numpy.__version__,
        "seconds": seconds,
        "rigs": len(rigs),
        "faults": faults,
    }
    print("RESULT " + json.dumps(report), flush=True)


try:
    main(*sys.argv[-2:])
except Exception:
    import traceback

    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
# bpy modules may wait for ever in their destructors
os._exit(0)
