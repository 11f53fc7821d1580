"""How much of a decoder's time goes to MHR: ONNX Runtime's own profile, node by node."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from numpy.typing import NDArray

from native_runtime.onnx.sessions import session_options

_FIRST, _LAST = "mhr:parameter_transform", "mhr:pair_sums"
"""Weights of the first and the last product of MHR's part of a layer: model parameters to joints to keypoints."""
_OF_MHR = "mhr:"
_SUFFIX = "_kernel_time"
_RUNS = 10


def mhr_share(path: Path, inputs: Mapping[str, NDArray[Any]], threads: int) -> dict[str, Any]:
    """Profile a decoder on the CPU.

    Returns:
        `share` of the time of all nodes that is spent on the way from a layer's model parameters (and shape) to its
        keypoints, over all layers; `seconds` of all nodes in one run; `operators`: seconds of one run by operator,
        largest first.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = session_options()
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        # The graph as it is run, fused nodes and all, so that the profile's names can be found in it.
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for _ in range(_RUNS):
            session.run(None, dict(inputs))
        events = json.loads(Path(session.end_profiling()).read_text())
        graph = onnx.load(options.optimized_model_filepath, load_external_data=False).graph
    spent: dict[str, float] = defaultdict(float)
    operators: dict[str, float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_SUFFIX):
            seconds = event["dur"] / 1e6 / _RUNS
            spent[event["name"].removesuffix(_SUFFIX)] += seconds
            operators[event["args"]["op_name"]] += seconds
    total = sum(spent.values())
    ours = sum(spent[name] for name in mhr_nodes(graph))
    ranked = dict(sorted(operators.items(), key=lambda item: -item[1])[:8])
    return {"share": ours / total, "seconds": total, "operators": ranked}


def mhr_nodes(graph: onnx.GraphProto) -> set[str]:
    """Names of the nodes on any way from model parameters to keypoints within one layer, and MHR's other products."""
    made_by = {output: index for index, node in enumerate(graph.node) for output in node.output if output}
    used_by: dict[int, list[int]] = defaultdict(list)
    uses: dict[int, list[int]] = {}
    for index, node in enumerate(graph.node):
        uses[index] = [made_by[name] for name in node.input if name in made_by]
        for source in uses[index]:
            used_by[source].append(index)

    def with_weight(name: str) -> list[int]:
        return [index for index, node in enumerate(graph.node) if name in node.input]

    starts, ends = with_weight(_FIRST), with_weight(_LAST)
    if len(starts) != len(ends) or not starts:
        raise ValueError(f"MHR's part cannot be told from the rest: {len(starts)} beginnings, {len(ends)} ends")
    found = {index for index, node in enumerate(graph.node) if any(name.startswith(_OF_MHR) for name in node.input)}
    for start, end in zip(starts, ends):
        found |= _reach([start], used_by) & _reach([end], uses)
    return {graph.node[index].name for index in found}


def _reach(start: Iterable[int], steps: Mapping[int, list[int]]) -> set[int]:
    """Everything that can be reached, the start included."""
    found, waiting = set(start), list(start)
    while waiting:
        for following in steps.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found
