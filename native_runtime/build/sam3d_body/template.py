"""Graphs without weights, and the recipe that says which tensor of the checkpoint each weight is made from.

``GRAPH-PRECISION.onnx.gz`` is a serialized ModelProto without its large initializers, ``GRAPH-PRECISION.json`` the
recipe. ``native_runtime.network`` writes them; conversion reads them and needs neither PyTorch nor the onnx package.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native_runtime.errors import ModelError
from native_runtime.files.atomic import write_atomically
from native_runtime.files.formats import Format

from .operations import DTYPES, OPERATIONS

FORMAT = Format("sam3db-template")
_REINSTALL = "Install this program again."


@dataclass(frozen=True)
class Weight:
    """One initializer of a graph and what it is made of.

    Attributes:
        name: of the initializer.
        dtype: key of ``operations.DTYPES``.
        source: the checkpoint's tensor by its official name, or ``mhr:NAME`` (``keypoint_support``).
        operation: key of ``operations.OPERATIONS``.
        shape: what the result must be; None where the checkpoint decides.
    """

    name: str
    dtype: str
    source: str
    operation: str = "copy"
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Template:
    """A graph without weights.

    Attributes:
        graph: ``encoder``, ``body_context``, ...
        precision: ``fp32``, ``fp16`` or ``int8``.
        model: serialized ModelProto.
        weights: what it lacks. Those made of one tensor stand together, so that it is read once.
    """

    graph: str
    precision: str
    model: bytes
    weights: tuple[Weight, ...]

    def __post_init__(self) -> None:
        names = [weight.name for weight in self.weights]
        if len(set(names)) != len(names):
            raise ValueError(f"the recipe of {self.graph} names a weight twice")
        for weight in self.weights:
            if weight.dtype not in DTYPES or weight.operation not in OPERATIONS:
                raise ValueError(f"{weight.name} is to be {weight.dtype} made by {weight.operation}; one is unknown")

    @property
    def hash(self) -> str:
        """``sha256:...`` over the graph and its recipe."""
        digest = hashlib.sha256(self.model)
        digest.update(_lines(self._recipe()).encode())
        return f"sha256:{digest.hexdigest()}"

    @staticmethod
    def load(folder: Path, graph: str, precision: str) -> Template:
        """Read a template.

        Raises:
            ModelError: it is not there, or damaged.
        """
        stem = f"{graph}-{precision}"
        try:
            model = gzip.decompress((folder / f"{stem}.onnx.gz").read_bytes())
            recipe = FORMAT.parsed((folder / f"{stem}.json").read_text(encoding="utf-8"), folder / stem)
            if (recipe["graph"], recipe["precision"]) != (graph, precision):
                raise ValueError(f"its recipe is not of {stem}")
            return Template(graph, precision, model, tuple(map(_weight, recipe["weights"])))
        except FileNotFoundError as error:
            raise ModelError(
                f"There is no graph for {graph} with the precision {precision} in {folder}. "
                "Choose another precision, or install this program again."
            ) from error
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"The graph {folder / stem} is damaged ({error}). {_REINSTALL}") from error

    def save(self, folder: Path) -> None:
        """Write both files; the same template always gives the same bytes."""
        stem = f"{self.graph}-{self.precision}"
        write_atomically(folder / f"{stem}.onnx.gz", gzip.compress(self.model, 9, mtime=0))
        write_atomically(folder / f"{stem}.json", (_lines(self._recipe()) + "\n").encode())

    def _recipe(self) -> dict[str, Any]:
        return {
            "format": str(FORMAT),
            "graph": self.graph,
            "precision": self.precision,
            "weights": [
                {
                    "name": weight.name,
                    "dtype": weight.dtype,
                    "from": weight.source,
                    "operation": weight.operation,
                    "shape": None if weight.shape is None else list(weight.shape),
                }
                for weight in self.weights
            ],
        }


def _lines(recipe: dict[str, Any]) -> str:
    """JSON with one weight a line."""
    weights = ",\n  ".join(json.dumps(weight) for weight in recipe["weights"])
    head = json.dumps({key: value for key, value in recipe.items() if key != "weights"})
    return f'{head[:-1]}, "weights": [\n  {weights}\n]}}'


def _weight(entry: dict[str, Any]) -> Weight:
    shape: Sequence[int] | None = entry["shape"]
    return Weight(
        str(entry["name"]),
        str(entry["dtype"]),
        str(entry["from"]),
        str(entry["operation"]),
        None if shape is None else tuple(map(int, shape)),
    )


def weight_bytes(weight: Weight, source_shape: tuple[int, ...]) -> int:
    """How many bytes a weight takes (an upper bound where the recipe leaves the shape open)."""
    shape = source_shape if weight.shape is None else weight.shape
    return math.prod(shape) * DTYPES[weight.dtype].itemsize
