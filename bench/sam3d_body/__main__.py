"""Times SAM 3D Body at its real size, with random weights, against eager PyTorch with the same weights.

    python -m bench.sam3d_body [--variant dinov3 vith] [--precision fp32 int8] [--provider cpu] [--stages ...]
                               [--work DIR] [--json] [--photo FILE] [--threads 2] [--repeats 7] [--seed 0]

Needs torch and onnx besides the project, the networks that find people (`sam3db models build`), 12 GB of disk and 8 GB
of memory. With --work the files stay, and stages can be run one by one, in any choice: what they need and is not there
is made first, and what earlier ones measured is kept. On a machine with a CUDA card: `--provider cuda --precision fp32
fp16`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from native_runtime.build.sam3d_body.variants import TEMPLATES

from .checkpoint import KINDS
from .layouts import LAYOUTS
from .measure import run_stage
from .places import PRECISIONS, STAGES, VARIANTS, Settings
from .plan import left_files, plan
from .table import table

_PHOTO = Path(__file__).resolve().parents[2] / "examples" / "standing.jpg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 when a stage failed."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        found = [_measure(options, work.resolve(), variant) for variant in options.variant]
    print(json.dumps(found, indent=1) if options.json else "\n\n".join(map(table, found)))
    return int(any("error" in stage for results in found for stage in results["stages"].values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.sam3d_body", description=__doc__.splitlines()[0])
    parser.add_argument("--variant", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["fp32", "int8"])
    parser.add_argument("--provider", default="cpu", help="cpu, cuda, ...")
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=list(STAGES), help="none: only the table")
    parser.add_argument("--work", type=Path, help="folder for everything that is made; kept")
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="official", help="in which the checkpoint is stored that is converted"
    )
    parser.add_argument("--weights", choices=KINDS, default="normal", help="distribution of the random weights")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--photo", type=Path, default=_PHOTO)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--templates", type=Path, default=TEMPLATES, help="graphs without weights, one folder a variant"
    )
    return parser


def _measure(options: argparse.Namespace, work: Path, variant: str) -> dict[str, Any]:
    """Run one variant's stages; what was measured in the same folder before stays where it is not measured again."""
    settings = Settings(
        work=str(work),
        variant=variant,
        precision="fp32",
        provider=options.provider,
        threads=options.threads,
        photo=str(options.photo.resolve()),
        repeats=options.repeats,
        seed=options.seed,
        templates=str(options.templates.resolve()),
        layout=options.layout,
        kind=options.weights,
    )
    of_layout = "" if options.layout == "official" else f"-{options.layout}"
    of_kind = "" if options.weights == "normal" else f"-{options.weights}"
    place = work / f"results-{variant}-{options.provider}{of_layout}{of_kind}.json"
    results = json.loads(place.read_text()) if place.is_file() else {"stages": {}}
    results |= {"variant": variant, "provider": options.provider, "threads": options.threads, "machine": _machine()}
    for stage, precision in plan(options.stages, options.precision, partial(left_files, settings)):
        name = stage if precision is None else f"{stage} {precision}"
        print(f"{variant}: {name} ...", file=sys.stderr, flush=True)
        own = replace(settings, precision=precision or "fp32")
        results["stages"][name] = run_stage(stage, own.json(), options.threads)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(results, indent=1))
    return results


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()}


if __name__ == "__main__":
    sys.exit(main())
