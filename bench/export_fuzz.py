"""Random scenes through all formats and back: does what arrives equal what Blender shows?

    python -m bench.export_fuzz [--scenes 200] [--seed 0]

The characters of a scene are separated, overridden, given modifiers, clothes, props and hair, hidden, scaled, keyed and
tweaked; scenes have units of several lengths. Each is exported with random options to every format and read again by
Blender's own importers. In every other scene one bone moves each vertex, so that no way of binding excuses anything.
Faces, influences, frames and places have to be those of Blender's evaluated scene, as far as the notes of the export do
not name what differs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.support.bodies import toy_body
from tests.support.export_scenes import Outcome, round_trips, stiff


def main() -> int:
    """Prints what is wrong, and a summary; 1 where something is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first scene")
    arguments = parser.parse_args()
    bodies, total, started = (toy_body(), stiff(toy_body())), Outcome(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seed, arguments.seed + arguments.scenes):
            with contextlib.redirect_stdout(io.StringIO()):
                outcome = round_trips(seed, bodies[seed % 2], Path(folder))
            for fault in outcome.faults:
                print(fault, flush=True)
            total.files += outcome.files
            total.faults += outcome.faults
            total.distances += outcome.distances
            total.named += outcome.named
            for path in Path(folder).iterdir():
                path.unlink()
    print(_summary(arguments.scenes, total, time.perf_counter() - started))
    return 1 if total.faults else 0


def _summary(scenes: int, total: Outcome, seconds: float) -> str:
    off = 1e3 * np.array(total.distances or [0.0])
    return (
        f"{scenes} scenes, {total.files} files, {len(total.faults)} faults; {len(total.distances)} files with meshes "
        f"in a pose, {total.named} of them with a difference named by the export; distance from what Blender shows: "
        f"median {np.median(off):.3f} mm, 95 % {np.percentile(off, 95):.2f} mm, largest {off.max():.1f} mm; "
        f"{seconds:.0f} s"
    )


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # Blender as a module may wait for ever at the end
