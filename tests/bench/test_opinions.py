"""The bench of networks' points joins looks as it says, and converts what the product's converter does not know."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from bench.opinions.networks import MIRRORED, TransposedWriter, placed
from bench.opinions.people import JOINTS, Seen
from bench.opinions.together import joined, learnt, together
from native_runtime.build.convert_networks.tfjs_reader import Graph, Node
from native_runtime.detection.crops import Crop

KNOWN = np.ones(len(JOINTS), bool)


def _looks(rng: np.random.Generator, places: np.ndarray, scatter: np.ndarray, count: int = 9) -> np.ndarray:
    """Looks (count, 17, 3) around places (17, 2), as far off as ``scatter`` (17,) px, all as sure."""
    points = places + scatter[:, None] * rng.normal(size=(count, 17, 2))
    return np.concatenate([points, np.full((count, 17, 1), 0.8)], axis=-1)


def _person(rng: np.random.Generator, steady: str, shaky: str) -> Seen:
    """Somebody whose joints one network sees within 2 px, another one 40 px off and scattered as widely."""
    true = rng.uniform(100, 900, (17, 2))
    wrong = true + 40 * rng.normal(size=(17, 2))
    near = true + 2 * rng.normal(size=(17, 2))
    looks = {steady: _looks(rng, near, np.full(17, 2.0)), shaky: _looks(rng, wrong, np.full(17, 40.0))}
    return Seen(true[JOINTS], KNOWN, 1000.0, 1000.0, {}, looks)


class TestJoined:
    def test_two_bad_looks_of_nine_move_it_little(self, rng: np.random.Generator) -> None:
        places = rng.uniform(0, 500, (17, 2))
        looks = _looks(rng, places, np.full(17, 1.0))
        looks[:2, :, :2] += 300.0
        middle, scores, scatter = joined(looks)
        assert np.linalg.norm(middle - places, axis=1).max() < 3.0
        assert np.linalg.norm(looks[..., :2].mean(axis=0) - places, axis=1).min() > 60.0
        np.testing.assert_allclose(scores, 0.8)
        assert scatter.max() < 5.0

    def test_a_sure_look_counts_more(self) -> None:
        looks = np.zeros((3, 17, 3))
        looks[:, :, 0] = np.array([0.0, 100.0, 100.0])[:, None]
        looks[:, :, 2] = np.array([1.0, 0.1, 0.1])[:, None]
        middle, _, _ = joined(looks)
        assert middle[:, 0].max() < 5.0


class TestTogether:
    def test_follows_the_network_whose_looks_agree_whichever_it_is(self, rng: np.random.Generator) -> None:
        names = ("one", "other")
        teachers = [_person(rng, *names[:: 1 if k % 2 else -1]) for k in range(24)]
        trust = {name: learnt(teachers, name) for name in names}
        for order in (names, names[::-1]):
            person = _person(rng, *order)
            away = np.linalg.norm(together(person, trust) - person.true, axis=1)
            assert np.median(away) < 5.0
            shaky = np.linalg.norm(joined(person.looks[order[1]])[0][JOINTS] - person.true, axis=1)
            assert away.mean() < 0.3 * shaky.mean()

    def test_unknown_joints_teach_nothing(self, rng: np.random.Generator) -> None:
        person = _person(rng, "one", "other")
        known = KNOWN.copy()
        known[3] = False
        spoilt = person.true.copy()
        spoilt[3] = np.nan
        less = Seen(spoilt, known, person.box, person.size, {}, person.looks)
        assert np.isfinite(learnt([less], "one")).all()


def test_a_mirrored_look_means_the_same_places(rng: np.random.Generator) -> None:
    crop = Crop(320.0, 240.0, 400.0, 0.3)
    fractions, scores = rng.uniform(0, 1, (17, 2)), rng.uniform(0, 1, 17)
    plain = placed(crop, fractions, scores, False)
    turned = (np.array([1.0, 0.0]) + fractions * (-1.0, 1.0))[MIRRORED]
    mirrored = placed(crop, turned, scores[MIRRORED], True)
    np.testing.assert_allclose(mirrored[0], plain[0])
    np.testing.assert_allclose(mirrored[1], plain[1])


@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (3, 2), (3, 1)])
def test_a_transposed_convolution_is_tensorflows(rng: np.random.Generator, kernel: int, stride: int) -> None:
    """Against the definition: the gradient of a convolution with padding SAME to its input."""
    height, width, inner, outer = 5, 6, 2, 3
    weights = rng.normal(size=(kernel, kernel, outer, inner)).astype(np.float32)
    node = Node("Conv2DBackpropInput", "made", ("sizes", "weights", "given"), {"strides": [1, stride, stride, 1]})
    graph = Graph("given", (1, height, width, inner), "made", (), {"weights": weights}, [node])
    writer = TransposedWriter(graph, "image")
    writer.add(node)
    writer.node("Identity", [writer.plain("made")], "maps")
    entry = helper.make_tensor_value_info
    model = writer.model(
        "test",
        [entry("image", TensorProto.FLOAT, [1, height, width, inner])],
        [entry("maps", TensorProto.FLOAT, [1, None, None, outer])],
    )
    given = rng.normal(size=(1, height, width, inner)).astype(np.float32)
    (made,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": given})

    before = (kernel - stride) // 2
    expected = np.zeros((height * stride, width * stride, outer))
    for row, column, y, x in np.ndindex(height, width, kernel, kernel):
        place = row * stride + y - before, column * stride + x - before
        if 0 <= place[0] < expected.shape[0] and 0 <= place[1] < expected.shape[1]:
            expected[place] += weights[y, x] @ given[0, row, column]
    np.testing.assert_allclose(made[0], expected, atol=1e-5)
