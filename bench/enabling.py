"""What the enabled extension adds to Blender's start, and which modules it loads into Blender's process.

    python -m bench.enabling --blender BLENDER --extension ZIP [--starts 15] [--costs]

The zip is installed for two users who have nothing else: one who has it enabled, and one who has not. Their Blenders
are started without a window in turn; the first start of each, which compiles the modules, does not count. Besides the
whole starts, the extension is enabled within a running Blender of the second user, where nothing else is timed along.
``--costs`` says which modules take the time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.support.real_blender import MARK, USER, install, result_of, run_blender

NEVER = ("cv2", "onnxruntime", "PIL", "pi_heif", "numpy")
"""Modules that take long to load, and that the window does not need before somebody works with the extension."""

_ENABLE = f"""
import sys, time, json, addon_utils
before = set(sys.modules)
start, used = time.perf_counter(), time.process_time()
addon_utils.enable("bl_ext.user_default.sam3db_blender", default_set=False)
took, used = time.perf_counter() - start, time.process_time() - used
fresh = sorted(set(sys.modules) - before)
print("{MARK}" + json.dumps({{"ms": 1000 * took, "cpu_ms": 1000 * used, "modules": fresh}}))
"""


def start(blender: str, user: dict[str, str], *words: str) -> tuple[float, float]:
    """Starts and ends a Blender: seconds by the clock, and of the processor."""
    before, used = time.perf_counter(), _children()
    done = run_blender(blender, user, *words, "--python-expr", "pass")
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - before, _children() - used


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def costs(blender: str, user: dict[str, str], count: int) -> list[tuple[float, str]]:
    """The modules that take longest to load by themselves: ms, name."""
    done = run_blender(
        blender, user | {"PYTHONPROFILEIMPORTTIME": "1"}, "--python-use-system-env", "--python-expr", _ENABLE
    )
    rows = re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr)
    fresh = set(result_of(done)["modules"])
    names = {
        re.sub(r"^bl_ext\.user_default\.sam3db_blender", "sam3db_blender", name): name for name in fresh
    }  # fmt: skip
    known = {name for pair in names.items() for name in pair}
    return sorted(((int(us) / 1000, name) for us, name in rows if name in known), reverse=True)[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blender", default=os.environ.get("SAM3DB_BLENDER"), help="executable")
    parser.add_argument("--extension", type=Path, required=True, metavar="ZIP")
    parser.add_argument("--starts", type=int, default=15, help="of each user")
    parser.add_argument("--costs", action="store_true", help="list the modules that take longest")
    arguments = parser.parse_args()
    if not arguments.blender:
        parser.error("name a Blender (--blender)")
    with tempfile.TemporaryDirectory(prefix="sam3db-enabling-") as folder:
        users = {}
        for name in ("enabled", "installed"):
            user = Path(folder) / name
            user.mkdir()
            users[name] = install(arguments.blender, arguments.extension, user, enable=name == "enabled")
            assert users[name][USER] == str(user)
            start(arguments.blender, users[name])
        timed: dict[str, list[tuple[float, float]]] = {name: [] for name in users}
        for _ in range(arguments.starts):
            for name, user in users.items():
                timed[name].append(start(arguments.blender, user))
        script = ("--python-expr", _ENABLE)
        enabled = [
            result_of(run_blender(arguments.blender, users["installed"], *script)) for _ in range(arguments.starts + 1)
        ][1:]
        outcome = {
            "start_added_ms": _median_of_pairs(timed, 0),
            "start_added_cpu_ms": _median_of_pairs(timed, 1),
            "enable_ms": round(statistics.median(run["ms"] for run in enabled), 1),
            "enable_cpu_ms": round(statistics.median(run["cpu_ms"] for run in enabled), 1),
            "modules": len(enabled[0]["modules"]),
            "never": [name for name in NEVER if name in enabled[0]["modules"]],
        }
        if arguments.costs:
            for ms, module in costs(arguments.blender, users["installed"], 40):
                print(f"{ms:7.1f} ms  {module}", file=sys.stderr)
    print(json.dumps(outcome, indent=1))
    return 0


def _median_of_pairs(timed: dict[str, list[tuple[float, float]]], which: int) -> float:
    """Ms: starts that follow each other are compared, since the machine is not equally quiet all the time."""
    pairs = zip(timed["enabled"], timed["installed"], strict=True)
    return round(1000 * statistics.median(with_it[which] - without[which] for with_it, without in pairs), 1)


if __name__ == "__main__":
    sys.exit(main())
