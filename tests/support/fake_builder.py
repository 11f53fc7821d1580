"""A builder without Blender: for tests of what stands around builders. It writes small files of the right names.

Run as a program. A photo's file name says how it behaves: ``deadly`` ends the process, ``unlucky`` does so the first
time, ``unbuildable`` fails, ``noglb`` fails over that export alone, ``slow`` takes a while, ``waits`` takes until the
batch ends, ``crowded`` finds the disk full, ``chatty`` prints.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def made_of(scene: dict[str, Any], what: str) -> str:
    """The content of a file: it depends on the estimates alone."""
    digests = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in scene["estimates"]]
    return f"{what} of {' '.join(digests)}"


def build(job: dict[str, Any]) -> dict[str, Any]:
    stem = Path(job["photo"]).stem
    log = Path(os.environ["FAKE_BUILDER_LOG"])
    with log.open("a") as file:
        file.write(
            json.dumps({"photo": stem, "stages": [stage["name"] for stage in job["stages"]], "texture": job["texture"]})
            + "\n"
        )
    tries = sum(json.loads(line)["photo"] == stem for line in log.read_text().splitlines())
    if "deadly" in stem or ("unlucky" in stem and tries == 1):
        for stage in job["stages"]:
            (Path(stage["folder"]) / "half.blend").write_text("half of a file")
        os._exit(9)
    if "unbuildable" in stem:
        return {"event": "error", "kind": "Sam3dbError", "text": "It cannot be built."}
    if "crowded" in stem:
        return {"event": "error", "kind": "DiskFullError", "text": "The disk is full."}
    if "slow" in stem:
        time.sleep(0.3)
    if "waits" in stem:
        sys.stdin.read()
        os._exit(0)
    if "chatty" in stem:
        print("Blender says hello")
    stages = {}
    for stage in job["stages"]:
        folder, name = Path(stage["folder"]), stage["name"]
        if "noglb" in stem and "glb" in name:
            stages[name] = {"error": {"kind": "Sam3dbError", "text": "The add-on is off."}}
            continue
        for scene in job["scenes"]:
            if "export" in stage:
                for file in scene["estimates"]:
                    path = folder / f"{Path(file).stem}{stage['export']['label']}.{stage['export']['to']}"
                    path.write_text(made_of(scene, name))
            else:
                ending = ".blend" if "blend" in stage else f"_{stage['preview']}.png"
                (folder / f"{scene['stem']}{ending}").write_text(made_of(scene, name))
        stages[name] = {"seconds": 0.01, "notes": ["a note"] if "chatty" in stem else []}
    return {"event": "done", "result": {"stages": stages}}


def main() -> None:
    print(json.dumps({"event": "hello", "protocol": 1}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps({"id": job["id"], "memory_mb": 10.0, **build(job)}), flush=True)


if __name__ == "__main__":
    main()
