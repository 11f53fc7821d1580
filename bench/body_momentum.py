"""Times posing and skinning by `Body` against Momentum's own C++, in one process, and compares what they give.

    PYTHON -m bench.body_momentum --assets ../shared/mhr --body BODIES/mhr-lod3.npz [--repeats 300] [--batch 256]

PYTHON is any that has NumPy and `pymomentum-core` from the package index (which needs Python 3.12). `--assets` is a
folder with MHR's `lod3.fbx` and `compact_v6_1.model`, BODY what `sam3db models import-official` makes of it.

Both pose and skin the same mesh: the same random parameters within MHR's limits, no scales, no identity, no pose
correctives. All times are processor time on one thread, calls in turn, the least of the repeats: what others do on the
machine can only add to it. Momentum calculates in single precision.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, required=True, help="folder with lod3.fbx and compact_v6_1.model")
    parser.add_argument("--body", type=Path, required=True, help="the body file made of the same level of detail")
    parser.add_argument("--level", type=int, default=3, help="the level of detail")
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read once, when the libraries are loaded
        os.environ[name] = "1"
    import numpy as np
    import pymomentum.geometry as momentum

    from native_runtime.mhr import Body

    body = Body.load(options.body)
    character = momentum.Character.load_fbx(
        str(options.assets / f"lod{options.level}.fbx"), str(options.assets / "compact_v6_1.model")
    )
    names = list(character.parameter_transform.names)
    if names != list(body.parameter_names) or character.mesh.n_vertices != body.vertex_count:
        parser.error("the two are not the same body: other parameters or another number of vertices")
    rng = np.random.default_rng(0)
    low, high = np.clip(body.limit_min, -1, None), np.clip(body.limit_max, None, 1)
    poses = rng.uniform(low, high, (options.batch, len(names)))
    poses[:, 136:] = 0.0
    singles = poses.astype(np.float32)
    rest, their_rest = body.rest_shape(), np.ascontiguousarray(character.mesh.vertices, np.float32)

    def ours(parameters):
        return body.skin(body.pose(parameters), rest)

    def theirs(parameters):
        state = momentum.model_parameters_to_skeleton_state(character, parameters)
        return np.asarray(character.skin_points(state, their_rest))

    print(f"{body.name}: {body.vertex_count} vertices, NumPy {np.__version__}")
    joints = np.asarray(momentum.model_parameters_to_skeleton_state(character, singles))[..., :3]
    mesh = ours(poses)
    print(
        f"largest difference over {len(poses)} poses: joints "
        f"{1e4 * np.abs(body.pose(singles.astype(np.float64)).translations - joints).max():.2f} micrometres, vertices "
        f"{1e4 * np.abs(ours(singles.astype(np.float64)) - theirs(singles)).max():.2f}; ours one by one against "
        f"together {1e4 * max(np.abs(ours(p) - m).max() for p, m in zip(poses[:20], mesh)):.2f}"
    )
    for label, count, repeats in (("one pose", 1, options.repeats), ("together", len(poses), options.repeats // 20)):
        p = poses if count > 1 else poses[0]
        s = singles if count > 1 else singles[0]
        calls: dict[str, Callable[[], object]] = {
            "Body": lambda p=p: ours(p),
            "Momentum": lambda s=s: theirs(s),
            "Body, skeleton alone": lambda p=p: body.pose(p),
            "Momentum, skeleton alone": lambda s=s: momentum.model_parameters_to_skeleton_state(character, s),
        }
        times = alternate(calls, max(3, repeats))
        print(f"{label} ({count}):", ", ".join(f"{name} {ms:.3f} ms" for name, ms in times.items()))
        print(f"    Body / Momentum {times['Body'] / times['Momentum']:.2f}")


def alternate(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The least processor time of each, ms: a few calls in turn, so that all see the same machine."""
    least = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            call()  # brings its data into the caches; not counted
            start = time.process_time()
            call()
            least[name] = min(least[name], 1000 * (time.process_time() - start))
    return least


if __name__ == "__main__":
    main()
