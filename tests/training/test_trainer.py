"""The trainer: it learns, it can be broken off anywhere, and two processes do what one does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
safetensors_torch = pytest.importorskip("safetensors.torch", reason="checkpoints need safetensors")

from bench.overfit.network import with_few_shapes  # noqa: E402
from bench.overfit.people import learnt  # noqa: E402
from native_runtime.errors import FileError, ModelError, UsageError  # noqa: E402
from native_runtime.mhr import Body  # noqa: E402
from native_runtime.training.averaging import AveragedWeights, trained  # noqa: E402
from native_runtime.training.losses.total import Weights  # noqa: E402
from native_runtime.training.processes import Processes  # noqa: E402
from native_runtime.training.rounds import Rounds  # noqa: E402
from native_runtime.training.sam3d_body import save_model  # noqa: E402
from native_runtime.training.settings import TrainingSettings  # noqa: E402
from native_runtime.training.trainer import CHECKPOINT, learning_rate, train  # noqa: E402

from .tiny import few_steps, first_error, objective, tiny_branch, tiny_people  # noqa: E402

FORMAT = '{"format": "sam3db-training/1", '
ALONE = Processes(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def at_one_go(tiny_body: Body, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The weights after a training that nothing disturbed, in this process alone."""
    folder = tmp_path_factory.mktemp("one")
    branch = tiny_branch(tiny_body)
    assert train(branch, objective(), tiny_people(branch, 8), few_steps(), folder, ALONE).steps == 6
    return weights(folder)


def weights(folder: Path) -> dict[str, Any]:
    return dict(safetensors_torch.load_file(folder / CHECKPOINT))


def test_it_learns_every_term(branch: Any, tiny_body: Body, tmp_path: Path) -> None:
    people, loss = learnt(branch, with_few_shapes(tiny_body), 2), objective()
    settings = few_steps(steps=30, batch=2, learning_rate=4e-3, warm_up=5, average=0.8)
    rounds = Rounds(branch, loss, settings.prompts, settings.masks, 0)

    def terms() -> dict[str, float]:
        with torch.no_grad():
            return {name: float(value) for name, value in rounds(people.batch([0, 1]), 30)[1].items()}

    before, error_before = terms(), first_error(branch, people)
    train(branch, loss, people, settings, tmp_path, ALONE)
    after = terms()
    assert set(after) == set(Weights.terms())
    assert [name for name in after if after[name] >= before[name]] == []
    assert first_error(branch, people) < 0.6 * error_before
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert set(after) < set(lines[0])


def test_a_training_that_was_broken_off_goes_on_bit_by_bit(
    tiny_body: Body, at_one_go: dict[str, Any], tmp_path: Path
) -> None:
    for pause in (3, None):
        branch = tiny_branch(tiny_body)
        outcome = train(branch, objective(), tiny_people(branch, 8), few_steps(), tmp_path, ALONE, stop_after=pause)
    assert outcome.steps == 6
    through, broken = at_one_go, weights(tmp_path)
    assert through.keys() == broken.keys()
    assert all(torch.equal(through[name], broken[name]) for name in through)
    assert {name.split(".")[0] for name in through} == {"weights", "averaged", "step", "exp_avg", "exp_avg_sq"}


def test_two_processes_do_what_one_does(
    tiny_body: Body, at_one_go: dict[str, Any], tmp_path: Path, models: Path
) -> None:
    path = models / "bodies" / "default-lod2.npz"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [*launch, "-m", "tests.training.two_processes", str(path), str(tmp_path / "two")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    one, two = at_one_go, weights(tmp_path / "two")
    assert one.keys() == two.keys()
    moved = max(float((one[name] - weight).abs().max()) for name, weight in _initial(tiny_body).items())
    assert moved > 1e-3
    for name, value in one.items():
        if name.startswith("weights."):
            # AdamW divides by the size of a gradient: where that is all but 0, rounding shows in single weights
            off = (value - two[name]).abs()
            assert off.mean() < 0.01 * moved, name
            assert off.max() < 0.1 * moved, name


def _initial(body: Body) -> dict[str, Any]:
    own = trained(tiny_branch(body))
    return {f"weights.model.{name}": weight.detach() for name, weight in own.items()}


def test_it_ends_when_it_gets_no_better_and_keeps_the_best(branch: Any, people: Any, tmp_path: Path) -> None:
    errors = iter([5.0, 3.0, 4.0, 4.0, 4.0])
    settings = few_steps(validate_every=1, patience=2)
    outcome = train(branch, objective(), people, settings, tmp_path, ALONE, lambda _: next(errors))
    assert (outcome.steps, outcome.best, outcome.best_step, outcome.stopped_early) == (4, 3.0, 2, True)
    assert (tmp_path / "best.safetensors").is_file()


def test_other_settings_and_other_networks_are_refused(branch: Any, people: Any, tmp_path: Path) -> None:
    train(branch, objective(), people, few_steps(), tmp_path, ALONE, stop_after=1)
    with pytest.raises(UsageError, match="another learning_rate"):
        train(branch, objective(), people, few_steps(learning_rate=1e-4), tmp_path, ALONE)
    with pytest.raises(UsageError, match="shared evenly"):
        train(branch, objective(), people, few_steps(batch=9), tmp_path / "other", ALONE)
    with pytest.raises(FileError, match="another network"):
        train(torch.nn.Sequential(branch), objective(), people, few_steps(), tmp_path, ALONE)
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    with pytest.raises(FileError, match="no checkpoint"):
        train(branch, objective(), people, few_steps(), tmp_path, ALONE)


def test_the_average_of_weights_by_hand() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1.0)
    averaged = AveragedWeights(module, 0.9)
    module.weight.data.fill_(3.0)
    averaged.update(module, 1)  # keeps 2 / 11
    assert averaged.weights["weight"].item() == pytest.approx(1 * 2 / 11 + 3 * 9 / 11)
    with averaged.worn_by(module):
        assert module.weight.item() == pytest.approx(29 / 11)
    assert module.weight.item() == 3.0


def test_the_learning_rate_rises_and_falls() -> None:
    settings = TrainingSettings(steps=100, warm_up=10, learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in (0, 9, 10, 55, 99)]
    assert rates[:3] == pytest.approx([0.1, 1.0, 1.0])
    assert rates[3] == pytest.approx(0.505)
    assert 0.01 <= rates[4] < 0.02


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text(
        '{"format": "sam3db-training/1", "steps": 50, "learning_rate": 1, "prompts": {"rounds": 2},'
        ' "weights": {"pose": 2.5, "keypoints_3d": {"value": 1.0, "start": 10}}}'
    )
    settings = TrainingSettings.load(path)
    assert (settings.steps, settings.learning_rate, settings.weights.pose.value) == (50, 1.0, 2.5)
    assert settings.weights.keypoints_3d.start == 10
    assert settings.prompts.rounds == 2
    assert TrainingSettings.read(json.loads(json.dumps(settings.to_json())), "again") == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"steps": 50}', 'states no format; add "format": "sam3db-training/1"'),
        ("[]", "in braces"),
        (FORMAT + '"learning_rate": NaN}', "'learning_rate' has to be a finite number, not NaN"),
        (FORMAT + '"learning_rate": 1e38}', "'learning_rate' has to be more than 0, and at most 1, not 1e"),
        (FORMAT + '"clip": 1e999}', "'clip' has to be a finite number, not Infinity"),
        (FORMAT + '"clip": 1e39}', "'clip' has to be a finite number"),
        (FORMAT + '"clip": 1' + "0" * 400 + "}", "'clip' has to be a finite number"),
        (FORMAT + '"weights": {"pose": NaN}}', "'weights.pose' has to be a finite number"),
        (FORMAT + '"weights": {"pose": {"value": NaN}}}', "'weights.pose.value' has to be a finite number"),
        (FORMAT + '"prompts": {"noise": NaN}}', "'prompts.noise' has to be a finite number"),
        (FORMAT + '"masks": {"true": NaN}}', "'masks.true' has to be a finite number"),
        (FORMAT + '"seed": -1}', "'seed' has to be 0 or more, not -1"),
        (FORMAT + '"seed": 1' + "0" * 30 + "}", "'seed' has to be a whole number of at most 64 bits"),
        (FORMAT + '"precision": "half"}', "'precision' has to be 'float32' or 'bfloat16'"),
        (FORMAT + '"batch": 2.5}', "'batch' has to be a whole number, not 2.5"),
        (FORMAT + '"prompts": {"rounds": 0}}', "'rounds' has to be 1 or more, not 0"),
        (FORMAT + '"masks": {"most": 1}}', "'most' has to be from 0 to less than 0.5"),
        (FORMAT + '"steps": "many"}', "'steps' has to be a whole number, not \"many\""),
        (FORMAT + '"steps": true}', "'steps' has to be a whole number, not true"),
        (FORMAT + '"steps": 0}', "'steps' has to be 1 or more, not 0"),
        ('{"format": "sam3db-training/1", "prompts": {"round": 2}}', "no setting 'prompts.round'"),
        ('{"format": "sam3db-training/1", "prompts": {"none": 3.0}}', "cannot be given"),
        ('{"format": "sam3db-training/1", "weights": 3}', "settings of its own"),
        ("steps =", "JSON"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_wrong_file_is_refused_with_its_fault(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        TrainingSettings.load(path)


def test_a_file_of_settings_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no file of settings '.*nothing\.json'"):
        TrainingSettings.load(tmp_path / "nothing.json")
    (tmp_path / "latin.json").write_bytes(b'{"format": "\xe4"}')
    with pytest.raises(UsageError, match=r"latin\.json cannot be read as JSON: it is no text in UTF-8"):
        TrainingSettings.load(tmp_path / "latin.json")


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_never_become_settings(wrong: float) -> None:
    for name in ("learning_rate", "clip", "weight_decay"):
        changes: dict[str, Any] = {name: wrong}
        with pytest.raises(ValueError, match=name):
            replace(TrainingSettings(), **changes)


def test_weights_that_are_not_finite_are_never_kept(branch: Any, people: Any, tmp_path: Path) -> None:
    """Neither those of a last step, of which no later gradient tells, nor over an earlier checkpoint."""
    train(branch, objective(), people, few_steps(), tmp_path, ALONE, stop_after=1)
    kept = (tmp_path / CHECKPOINT).read_bytes()

    class Overflowing(torch.optim.AdamW):
        def step(self, closure: Any = None) -> Any:
            with torch.no_grad():
                self.param_groups[0]["params"][0].fill_(float("inf"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Overflowing)
        with pytest.raises(UsageError, match=r"After step 2 the weights '.*' are not finite"):
            train(branch, objective(), people, few_steps(), tmp_path, ALONE, stop_after=2)
    assert (tmp_path / CHECKPOINT).read_bytes() == kept


def test_a_model_that_is_not_finite_is_not_written(branch: Any, tmp_path: Path) -> None:
    with torch.no_grad():
        next(iter(trained(branch).values())).fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        save_model(branch, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_what_was_reported_after_the_checkpoint_is_reported_again(branch: Any, people: Any, tmp_path: Path) -> None:
    settings = few_steps(steps=20)
    train(branch, objective(), people, settings, tmp_path, ALONE, stop_after=10)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "loss": 0.0}\n{"step": 3')
    train(branch, objective(), people, settings, tmp_path, ALONE)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20]
    assert lines[-1]["loss"] != 0.0
    assert replace(settings, steps=30).to_json()["steps"] == 30
