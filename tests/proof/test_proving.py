"""Proofs of stand-in engines: the right one passes beside the real `landmarks`, each wrong one is caught and named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from native_runtime.camera import project
from native_runtime.cli import main
from native_runtime.cli.console import Console
from native_runtime.engines.estimate import Estimate
from native_runtime.errors import ModelError, UsageError
from native_runtime.mhr import Body
from native_runtime.models import manifest
from native_runtime.proof import prove
from native_runtime.proof.record import last_proof
from tests.support.truth_engine import Change, moved, replaced, truth_engine

Install = Callable[..., None]


def failed(models: Path, install: Install, change: Change | None) -> set[str]:
    """Names of the checks that an engine with a fault fails, alone."""
    install(truth_engine("standin", change))
    report = prove(["standin"], models)
    assert report.passed == (not report.failures())
    return {check.name for check in report.failures()}


@pytest.fixture
def bodies_only(own_models: Path) -> Path:
    """Models without the networks of `landmarks`, so that there is no witness."""
    (own_models / "landmarks" / manifest.NAME).unlink()
    return own_models


def test_landmarks_and_an_engine_that_is_right_prove_each_other(own_models: Path, install: Install) -> None:
    install(truth_engine())
    told: list[float] = []
    report = prove(["landmarks", "standin"], own_models, progress=lambda fraction, text: told.append(fraction))
    assert report.passed, "\n".join(report.lines())
    assert told == sorted(told)
    assert told[-1] == 1.0
    # the real engine is held to the truth in both pictures, with room to spare, and to the other engine
    figures = {(check.name, check.picture): check.measured for check in report.of("landmarks")}
    pictures = {picture for _, picture in figures if picture}
    assert len(pictures) == 2
    for picture in pictures:
        for other in ("truth", "standin"):
            assert 0 < figures[f"keypoints:{other}", picture] < 0.035
            assert 0 < figures[f"limbs:{other}", picture] < 20
    kept = last_proof("landmarks", own_models)
    assert kept is not None
    assert kept.passed
    assert kept.when == report.when
    assert kept.figures["keypoints:truth"] == pytest.approx(
        max(figures["keypoints:truth", p] for p in pictures), abs=1e-6
    )


def swapped(values: np.ndarray) -> np.ndarray:
    """Parameters of arms and legs in another order, as a mixed-up conversion would give."""
    return np.concatenate([values[:6], np.roll(values[6:136], 7), values[136:]])


def exchanged(values: np.ndarray, body: Body) -> np.ndarray:
    """What the left side has for the right, and the other way round."""
    names = list(body.parameter_names)
    twins = {"l_": "r_", "r_": "l_"}
    return values[[names.index(twins.get(n[:2], n[:2]) + n[2:]) for n in names]]


def bent(values: np.ndarray, body: Body) -> np.ndarray:
    """An elbow bent through the upper arm."""
    return values + 6 * np.eye(len(values))[body.parameter_index("l_elbow_bend")]


WRONG: dict[str, tuple[Change, set[str]]] = {
    "permuted parameters": (
        moved(lambda s, b: replace(s, model_parameters=swapped(s.model_parameters))), {"keypoints:truth", "limbs:truth"}
    ),
    "left and right exchanged": (
        moved(lambda s, b: replace(s, model_parameters=exchanged(s.model_parameters, b))),
        {"keypoints:truth", "limbs:truth"},
    ),
    "turned away": (
        moved(lambda s, b: replace(s, model_parameters=s.model_parameters + np.eye(204)[4] * 1.0)), {"limbs:truth"}
    ),
    "a sixth nearer and smaller does no harm": (
        moved(lambda s, b: replace(s, camera_translation=s.camera_translation * 1.02)), set()
    ),
    "twice as far": (
        moved(lambda s, b: replace(s, camera_translation=s.camera_translation * 2)), {"distance", "keypoints:truth"}
    ),
    "behind the camera": (
        moved(lambda s, b: replace(s, camera_translation=s.camera_translation * [1, 1, -1])), {"in front", "distance"}
    ),
    "not a number": (replaced(vertices=lambda v: v * np.nan), {"finite"}),
    "another mesh": (replaced(keypoints_3d=lambda k: k + 0.002), {"mesh", "camera"}),
    "another camera": (replaced(keypoints_2d=lambda k: k + 1.0), {"camera"}),
    "the root elsewhere": (
        moved(lambda s, b: replace(s, model_parameters=s.model_parameters + np.eye(204)[1] * 0.01)), {"root"}
    ),
    "beyond the limits": (
        moved(lambda s, b: replace(s, model_parameters=bent(s.model_parameters, b))), {"limits"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_engine_is_caught(bodies_only: Path, install: Install, fault: str) -> None:
    change, expected = WRONG[fault]
    found = failed(bodies_only, install, change)
    assert expected <= found
    assert bool(found) == bool(expected)


def test_a_fit_does_not_hide_a_wrong_network(bodies_only: Path, install: Install) -> None:
    change, _ = WRONG["permuted parameters"]
    install(truth_engine("standin", change, inferences=("fit", "raw")))
    assert not prove(["standin"], bodies_only).passed


def test_a_joint_may_be_missed_but_not_by_far(bodies_only: Path, install: Install) -> None:
    def missed(share: float) -> Change:
        """The right wrist elsewhere in the picture and in space, by a share of the box's 700 px or so."""

        def changed(estimate: Estimate, body: Body) -> Estimate:
            points = np.array(estimate.keypoints_3d)
            side = np.ptp(estimate.bbox.reshape(2, 2), axis=0).max()
            points[41, 0] += share * side * points[41, 2] / estimate.intrinsics[0, 0]
            return replace(estimate, keypoints_3d=points, keypoints_2d=project(points, estimate.intrinsics))

        return changed

    for share, expected in ((0.08, {"mesh"}), (0.12, {"mesh", "keypoints:truth"})):
        install(truth_engine(f"missed {share}", missed(share)))
        report = prove([f"missed {share}"], bodies_only)
        assert {check.name for check in report.failures() if not check.name.startswith("limbs")} == expected


def test_an_engine_that_is_right_passes_alone(bodies_only: Path, install: Install) -> None:
    assert failed(bodies_only, install, None) == set()


def _raise(estimate: object, body: Body) -> None:
    raise RuntimeError("the network fell over")


def test_an_engine_that_fails_is_a_finding_and_a_gate(bodies_only: Path, install: Install) -> None:
    install(truth_engine("broken", _raise))
    report = prove(["broken"], bodies_only)
    assert [check.name for check in report.failures()] == ["answers", "answers"]
    with pytest.raises(ModelError, match=r"broken did not prove themselves.*the network fell over"):
        report.demand()


def test_a_disagreement_is_the_fault_of_the_one_that_is_wrong(bodies_only: Path, install: Install) -> None:
    change, _ = WRONG["permuted parameters"]
    install(truth_engine("right"), truth_engine("wrong", change))
    report = prove([], bodies_only)
    assert report.engines == ("right", "wrong")
    assert report.unproved == ["wrong"]
    assert {"keypoints:right", "limbs:right"} <= {check.name for check in report.failures()}


def test_what_is_not_there_cannot_be_proved(bodies_only: Path) -> None:
    report = prove(["sam3d_body"], bodies_only)
    assert not report.passed
    assert [check.name for check in report.checks] == ["opens"]
    with pytest.raises(UsageError):
        prove(["nothing"], bodies_only)


def test_a_proof_is_of_the_files_that_were_there(bodies_only: Path, install: Install) -> None:
    install(truth_engine(folder="bodies"))
    assert last_proof("standin", bodies_only) is None
    prove(["standin"], bodies_only)
    folder = bodies_only / "bodies"
    proof = last_proof("standin", bodies_only)
    assert proof is not None
    assert proof.passed
    assert f"proved {proof.when}" in Run("engines", "--models", bodies_only).out
    listed = json.loads(Run("engines", "--models", bodies_only, "--json").out)["engines"]
    told = {entry["engine"]: entry["proof"] for entry in listed}
    assert told["standin"] == {"when": proof.when, "passed": True}
    assert told["landmarks"] is None
    facts = manifest.read(folder)
    facts["files"]["default.npz"]["sha256"] = "0" * 64
    (folder / manifest.NAME).write_text(json.dumps(facts))
    assert last_proof("standin", bodies_only) is None
    (folder / manifest.NAME).write_text("{}")
    assert last_proof("standin", bodies_only) is None


def test_a_proof_that_cannot_be_kept_is_said(
    bodies_only: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*rest: object, **more: object) -> None:
        raise OSError(30, "Read-only file system")

    install(truth_engine(folder="bodies"))
    monkeypatch.setattr(manifest, "update", refuse)
    report = prove(["standin"], bodies_only)
    assert report.passed
    assert "Read-only file system" in report.lines()[-1]


def test_cancelling_passes_through(bodies_only: Path, install: Install) -> None:
    class StopError(Exception):
        pass

    def stop(fraction: float, text: str) -> None:
        raise StopError

    install(truth_engine())
    with pytest.raises(StopError):
        prove(["standin"], bodies_only, progress=stop)


class Run:
    """One call of the command line."""

    def __init__(self, *words: str | Path) -> None:
        out = io.StringIO()
        texts = [str(word) for word in words]
        self.code = main(texts, Console(out, "--json" in texts, False))
        self.out = out.getvalue()


def test_the_command_says_what_was_proved(bodies_only: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("native_runtime.build.catalogue.list_models", lambda models: [])  # one kind is missing here
    change, _ = WRONG["twice as far"]
    install(truth_engine("right"), truth_engine("wrong", change))
    good = Run("models", "verify", "--run", "--models", bodies_only, "--engine", "right")
    assert good.code == 0, good.out
    assert "right: proved" in good.out
    bad = Run("models", "verify", "--run", "--models", bodies_only, "--engine", "wrong", "--json")
    assert bad.code == 1
    result = json.loads(bad.out)
    assert result["ok"] is False
    assert result["proof"]["engines"] == {"wrong": False}
    assert any(not check["passed"] and check["name"] == "distance" for check in result["proof"]["checks"])
    assert Run("models", "verify", "--models", bodies_only, "--engine", "right").code == 2
