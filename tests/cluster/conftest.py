"""A real cluster of two workers on this machine, which batches without networks and without Blender use."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from native_runtime.cluster.choice import ClusterChoice, PathMap
from native_runtime.cluster.executor import ClusterExecutor
from tests.support.batches import Bench


@pytest.fixture(scope="package")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """Of a cluster whose workers are all there."""
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client) -> Bench:
    bench = Bench(tmp_path)
    monkeypatch.setenv("FAKE_BUILDER_LOG", str(bench.log))
    client.run(note_log, str(bench.log))  # workers that are started later have this process's environment
    return bench


def note_log(log: str) -> None:
    os.environ["FAKE_BUILDER_LOG"] = log


@pytest.fixture
def on_cluster(cluster: LocalCluster) -> ClusterExecutor:
    return executor_at(cluster.scheduler_address)


def executor_at(address: str, *paths: str) -> ClusterExecutor:
    """One whose workers see what they see at once, and open fake engines."""
    choice = ClusterChoice(address=address, paths=PathMap.parse(paths))
    return ClusterExecutor(choice, "tests.support.fake_engine", patience_s=0.2)
