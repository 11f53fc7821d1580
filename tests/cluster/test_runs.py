"""Whole runs on a cluster of two workers, with a fake engine and a fake Blender: the same as without one, whatever
happens to workers, scheduler and folders on the way.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from distributed import Client, LocalCluster

import native_runtime
from native_runtime.batch.run import run_batch
from native_runtime.batch.settings import BatchRequest, Export
from native_runtime.cluster import connection, executor
from native_runtime.cluster.choice import ClusterChoice
from native_runtime.cluster.executor import ClusterExecutor
from native_runtime.cluster.station import stations_of
from native_runtime.errors import UsageError, WorkerError
from native_runtime.pipeline.reporting import Silent
from tests.support.batches import Bench, Listener

from .conftest import executor_at


class At(Listener):
    """Does something once, as soon as so many photos are finished."""

    def __init__(self, heard: list[str], finished: int, do: Callable[[], None]) -> None:
        super().__init__(heard)
        self._when, self._do = finished, do
        self.done = False

    def status(self, text: str) -> None:
        self.heard.append(text)
        count, _, rest = text.partition(" of ")
        if not self.done and rest and count.isdigit() and int(count) >= self._when:
            self.done = True
            self._do()


def what_is_known(out: Path) -> list[dict[str, Any]]:
    """The manifest's photos, but for times and for what the fake engine says of its process."""
    photos = []
    for line in (out / "manifest.jsonl").read_text().splitlines()[1:]:
        photo = json.loads(line)
        del photo["changed"]
        for person in photo["people"]:
            del person["seconds"]
        for stage in photo["stages"].values():
            del stage["seconds"]
            for path, state in stage["outputs"].items():
                del state["mtime_ns"]
                if path.endswith(".json"):
                    del state["size"], state["sha256"]
        photos.append(photo)
    return photos


def without_pids(bench: Bench) -> dict[str, bytes]:
    return {name: content for name, content in bench.contents().items() if not name.endswith(".json")}


def plain(bench: Bench) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """What a run without a cluster makes, in a folder that is then removed."""
    out, cluster_out = bench.out.with_name("plain"), bench.out
    bench.out = out
    bench.run(out=out)
    made = what_is_known(out), without_pids(bench)
    shutil.rmtree(out)
    bench.out = cluster_out
    return made


def test_the_result_is_that_of_a_plain_batch(bench: Bench, on_cluster: ClusterExecutor) -> None:
    bench.photos("b.png", "sub/three.png", "nobody.png", "unbuildable.png", "noglb.png", "a.png", "bug.png")
    (bench.folder / "broken.jpg").write_bytes(b"no picture")
    bench.set(persons="all", exports=(Export("glb", "mixamo"),), contact_sheet=True)
    expected = plain(bench)
    result = bench.run(executor=on_cluster)
    assert (what_is_known(bench.out), without_pids(bench)) == expected
    assert [record.photo for record in result.failed] == [
        "broken.jpg", "bug.png", "nobody.png", "noglb.png", "unbuildable.png"
    ]  # fmt: skip
    assert "a.png: the left foot is a guess" in bench.heard
    left = sorted(path.name for path in bench.out.iterdir() if path.name[0] == ".")
    assert left == [".batch.lock"]


@pytest.mark.models
@pytest.mark.slow
def test_estimates_of_landmarks_are_the_same_to_the_last_bit(
    repository: Path, models: Path, cluster: LocalCluster, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = cv2.imread(str(repository / "examples" / "standing.jpg"))
    size = round(320 * pixels.shape[1] / pixels.shape[0]), 320
    cv2.imwrite(str(folder / "standing.png"), cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    request = BatchRequest(
        folder=folder,
        out=tmp_path / "plain",
        models=models,
        engine="landmarks",
        body="default-lod2",
        blend=False,
        previews=(),
        contact_sheet=False,
    )
    assert run_batch(request, Silent()).ok
    on_cluster = ClusterExecutor(ClusterChoice(address=cluster.scheduler_address))
    there = BatchRequest(**(vars(request) | {"out": tmp_path / "cluster"}))
    assert run_batch(there, Silent(), executor=on_cluster).ok
    with np.load(request.out / "standing_person0.npz") as here, np.load(there.out / "standing_person0.npz") as made:
        assert set(made) == set(here)
        for name in set(here) - {"about"}:  # which tells the time that it took
            np.testing.assert_array_equal(made[name], here[name], err_msg=name)


def test_each_goes_on_where_the_other_stopped(bench: Bench, on_cluster: ClusterExecutor) -> None:
    bench.photos("a.png", "b.png")
    bench.run()
    bench.photos("c.png", "d.png")
    assert bench.run(executor=on_cluster).fresh == {"c.png", "d.png"}
    assert bench.run().fresh == frozenset()
    bench.set(previews=("panels", "wire"))
    bench.run(executor=on_cluster)
    assert sorted(bench.built) == [(name, ["person:preview:wire"]) for name in "abcd"]
    assert bench.run().fresh == frozenset()


def test_what_somebody_changed_is_kept(bench: Bench, on_cluster: ClusterExecutor) -> None:
    bench.photos("a.png")
    bench.run()
    (bench.out / "a_person0.blend").write_text("worked on")
    bench.run(executor=on_cluster, fov_deg=40.0)
    assert (bench.out / "a_person0 (changed).blend").read_text() == "worked on"
    assert any("a_person0 (changed).blend" in text for text in bench.heard)


def test_a_killed_worker_loses_nothing(bench: Bench, client: Client, on_cluster: ClusterExecutor) -> None:
    bench.photos(*(f"slow{number}.png" for number in range(6)))
    expected = plain(bench)
    victim = next(iter(client.run(os.getpid).values()))
    listener = At([], 2, lambda: os.kill(victim, signal.SIGKILL))
    result = bench.run(listener, on_cluster)
    assert listener.done
    assert result.ok
    assert "Opening the engine on 2 workers" in listener.heard
    assert listener.heard.count("A worker ended; its photos go to others.") == 1
    assert (what_is_known(bench.out), without_pids(bench)) == expected
    assert bench.run().fresh == frozenset()


def test_a_photo_that_kills_workers_fails_alone(bench: Bench, on_cluster: ClusterExecutor) -> None:
    bench.photos("crash.png", "a.png", "b.png", "c.png")
    result = bench.run(executor=on_cluster)
    assert [record.photo for record in result.failed] == ["crash.png"]
    assert result.failed[0].fault is not None
    assert "was killed" in result.failed[0].fault.text
    assert bench.heard.count("A worker ended; its photos go to others.") == 1


def test_a_cancelled_run_leaves_a_batch_that_goes_on(bench: Bench, client: Client, on_cluster: ClusterExecutor) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    bench.photos(*(f"slow{number}.png" for number in range(6)))
    with pytest.raises(KeyboardInterrupt):
        bench.run(At([], 1, interrupt), on_cluster)
    assert [path.name for path in bench.out.iterdir() if path.name[0] == "."] == [".batch.lock"]
    assert eventually(lambda: not any(client.run(runs_of).values()))
    assert eventually(lambda: not any(client.processing().values()))
    finished = {name: (bench.out / name).stat().st_mtime_ns for name in bench.files}
    assert finished
    again = bench.run()
    assert again.ok
    assert 0 < len(again.fresh) < 6
    assert {name: (bench.out / name).stat().st_mtime_ns for name in finished} == finished


def runs_of(dask_worker: Any) -> list[str]:
    return stations_of(dask_worker).runs


def eventually(true: Callable[[], bool]) -> bool:
    """Whether something becomes true; workers end what they do between two steps."""
    give_up = time.monotonic() + 60
    while not true() and time.monotonic() < give_up:
        time.sleep(0.05)
    return true()


def test_a_worker_of_another_version_is_refused(bench: Bench, client: Client, on_cluster: ClusterExecutor) -> None:
    bench.photos("a.png", "b.png")
    first, second = client.scheduler_info(n_workers=-1)["workers"]
    ours = native_runtime.__version__
    try:
        client.run(set_version, "9.8.7", workers=[first])
        assert bench.run(executor=on_cluster).ok
        refusal = f"The worker at {first} is not used: it has version 9.8.7/"
        assert any(text.startswith(refusal) for text in bench.heard)
        client.run(set_version, "9.8.7", workers=[second])
        with pytest.raises(UsageError, match=r"No worker.*version 9\.8\.7.*install the same on both"):
            bench.run(executor=on_cluster, fov_deg=40.0)
    finally:
        client.run(set_version, ours)


def set_version(version: str) -> None:
    native_runtime.__version__ = version


def test_workers_with_other_models_are_refused(bench: Bench, on_cluster: ClusterExecutor, tmp_path: Path) -> None:
    bench.photos("a.png")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "body.npz").write_bytes(b"another body")
    path = f"{tmp_path / 'body.npz'}={tmp_path / 'there' / 'body.npz'}"
    with pytest.raises(UsageError, match="another body or other networks"):
        bench.run(executor=executor_at(on_cluster.choice.address, path))


def test_folders_may_have_other_names_on_workers(bench: Bench, on_cluster: ClusterExecutor, tmp_path: Path) -> None:
    bench.photos("a.png")
    address = on_cluster.choice.address
    with pytest.raises(UsageError, match=r"does not see the folder of the results at /nowhere/out"):
        bench.run(executor=executor_at(address, f"{tmp_path}=/nowhere"))
    with pytest.raises(UsageError, match=r"does not see the photos at /nowhere \(a.png"):
        bench.run(executor=executor_at(address, f"{bench.folder}=/nowhere"))
    elsewhere = tmp_path / "mounted elsewhere"
    elsewhere.symlink_to(tmp_path, target_is_directory=True)
    assert bench.run(executor=executor_at(address, f"{tmp_path}={elsewhere}")).ok
    assert bench.run().fresh == frozenset()


def test_a_scheduler_that_is_not_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    bench.photos("a.png")
    with pytest.raises(UsageError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9 "):
        bench.run(executor=executor_at("tcp://127.0.0.1:9"))


def test_a_scheduler_that_dies(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 1.0)
    monkeypatch.setattr(executor, "CONNECT_S", 1.0)
    bench.photos(*(f"slow{number}.png" for number in range(3)))
    short_lived = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0")
    end = threading.Thread(target=short_lived.close)
    with pytest.raises(WorkerError, match="no longer answers"):
        bench.run(At([], 1, end.start), executor_at(short_lived.scheduler_address))
    end.join()
    assert 0 < len(bench.run().fresh) < 3


def test_workers_of_this_machine(bench: Bench) -> None:
    bench.photos("a.png", "b.png")
    local = ClusterExecutor(ClusterChoice.parse("local:1", 2.0), "tests.support.fake_engine")
    assert bench.run(executor=local).ok
