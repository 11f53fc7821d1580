"""One block of an encoder in float32 and in whole numbers, in turns: `python -m bench.sam3d_body.blocks`.

An encoder is 32 such blocks and little else; a block of random weights takes seconds where an encoder takes minutes.
Processor time is less disturbed by other work on the machine than the time that passes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from native_runtime.build.sam3d_body import layer_errors, operations
from native_runtime.build.sam3d_body.graph_bytes import Graph, used_by
from native_runtime.build.sam3d_body.initializers import Inline, data_type, model_of
from native_runtime.build.sam3d_body.layer_choice import chosen, layers_of, with_bits
from native_runtime.build.sam3d_body.template import Template
from native_runtime.build.sam3d_body.variants import Variant, known_variants
from native_runtime.onnx.sessions import session_options

from .places import VARIANTS

_BLOCK = 5
_WIDTH, _OTHER_TOKENS = 1280, 5
_FORMS = {"float32": None, "8 bits": 8, "7 bits": 7}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.sam3d_body.blocks", description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS, default="dinov3")
    parser.add_argument("--sides", type=int, nargs="+", default=[512, 384], help="pixels of the crops")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    variant = next(known for known in known_variants() if known.name == options.variant)
    template = Template.load(variant.folder, "encoder", "int8")
    least = {}
    for side in options.sides:
        blocks = {form: _Block(variant, template, bits, side, options.threads) for form, bits in _FORMS.items()}
        for _ in range(options.repeats):
            for form, block in blocks.items():
                taken = block.timed()
                least[form, side] = tuple(map(min, zip(taken, least.get((form, side), taken), strict=True)))
    print("| block | " + " | ".join(f"{side} px: s, processor s" for side in options.sides) + " |")
    for form in _FORMS:
        cells = ("{:.3f}, {:.3f}".format(*least[form, side]) for side in options.sides)
        print(f"| {form} | {' | '.join(cells)} |")
    return 0


class _Block:
    """A block with random weights, and random inputs for it."""

    def __init__(self, variant: Variant, both: Template, bits: int | None, side: int, threads: int) -> None:
        template = chosen(both, layers_of(both)) if bits is None else chosen(with_bits(both, bits), ())
        graph = Graph.parse(template.model)
        weights = {weight.name: weight for weight in template.weights}
        pieces = list(layer_errors.pieces(graph.nodes, weights))
        nodes = pieces[_BLOCK + 1]
        used, later = used_by(nodes), used_by(node for piece in pieces[_BLOCK + 2 :] for node in piece)
        made = {name for node in nodes for name in node.outputs}
        before = {name for piece in pieces[: _BLOCK + 1] for node in piece for name in node.outputs}
        rng = np.random.default_rng(0)
        rows, columns = (size * side // variant.image_size[1] for size in variant.feature_size)
        stream = next(node.inputs[0] for node in nodes if any(".norm1." in name for name in node.inputs))
        self._inputs = _inputs(variant, used & before, stream, rows * columns, rng)
        wanted = sorted(made & later)
        part = graph.part(nodes, {n: (data_type(a.dtype), a.shape) for n, a in self._inputs.items()}, wanted)
        own = [weight for name, weight in weights.items() if name in used]
        tensors = {weight.source: _random(variant.tensors[weight.source][0], rng) for weight in own}
        initializers = [Inline(w.name, operations.apply(w.operation, tensors[w.source], w.dtype, w.name)) for w in own]
        options = session_options(exact_products=bits != 7)
        options.intra_op_num_threads = threads
        model = part.model() + model_of(initializers)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def timed(self) -> tuple[float, float]:
        """Seconds that passed, and seconds of the processor."""
        passed, worked = time.perf_counter(), time.process_time()
        self._session.run(None, self._inputs)
        return time.perf_counter() - passed, time.process_time() - worked


def _random(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    spread = 1.0 if len(shape) == 1 else shape[1] ** -0.5
    return np.asarray(rng.standard_normal(shape, np.float32) * np.float32(spread))


def _inputs(
    variant: Variant, names: set[str], stream: str, patches: int, rng: np.random.Generator
) -> dict[str, NDArray]:
    """The residual stream, and for DINOv3 the cosines and sines of its positions."""
    if variant.name == "vith":
        return {stream: rng.standard_normal((1, patches, _WIDTH), np.float32)}
    tokens, periods = patches + _OTHER_TOKENS, 2 * variant.tensors["backbone.encoder.rope_embed.periods"][0][0]
    turns = {name: rng.uniform(-1, 1, (tokens, periods)).astype(np.float32) for name in names - {stream}}
    return turns | {stream: rng.standard_normal((1, tokens, _WIDTH), np.float32)}


if __name__ == "__main__":
    sys.exit(main())
