"""The parts of which a batch on a cluster consists, without a cluster."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest
from distributed.protocol.pickle import dumps, loads

from native_runtime.batch.outputs import Staging
from native_runtime.batch.record import FileState, Record, Stage
from native_runtime.cli import main
from native_runtime.cluster.calls import caller
from native_runtime.cluster.choice import ClusterChoice, PathMap
from native_runtime.cluster.delivery import deliver
from native_runtime.cluster.idle import IdleTimer
from native_runtime.cluster.job import Answer
from native_runtime.cluster.parcel import Parcel
from native_runtime.cluster.seeing import seen
from native_runtime.cluster.station import version
from native_runtime.errors import DiskFullError, FileError, UsageError
from native_runtime.process.payload import ErrorPayload


def test_a_scheduler_need_not_have_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    passed_on = dumps(caller("version"))
    for module in [name for name in sys.modules if name.partition(".")[0] == "native_runtime"]:
        monkeypatch.setitem(sys.modules, module, None)
    function = loads(passed_on)
    with pytest.raises(ImportError):
        function()
    monkeypatch.undo()
    assert function() == version()


def test_clusters_are_named() -> None:
    assert ClusterChoice.parse("local:4", 2.0) == ClusterChoice(workers=4, memory=2 << 30)
    assert ClusterChoice.parse("tcp://host:8786").address == "tcp://host:8786"
    assert ClusterChoice.parse("tls://10.0.0.1:8786").address == "tls://10.0.0.1:8786"


@pytest.mark.parametrize("text", ["", "local", "local:", "local:two", "local:-1", "host", "tcp://host", "tcp://host:x"])
def test_what_is_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"tcp://host:8786, or as local:N"):
        ClusterChoice.parse(text)


@pytest.mark.parametrize("text", ["http://foo:1", "inproc://10.0.0.1/7:8786", "://host:1", "TCP://host:8786"])
def test_protocols_that_dask_does_not_know_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="begins with tcp, tls, ucx, ws or wss"):
        ClusterChoice.parse(text)


def test_what_does_not_fit_a_cluster_is_refused() -> None:
    with pytest.raises(UsageError, match="Between 1 and 64 workers"):
        ClusterChoice.parse("local:0")
    with pytest.raises(UsageError, match="only for local"):
        ClusterChoice.parse("tcp://host:8786", 4.0)
    for memory in (0.5, float("nan"), -1.0):
        with pytest.raises(UsageError, match="at least 1 GB"):
            ClusterChoice.parse("local:2", memory)
    with pytest.raises(UsageError, match="under its own name"):
        ClusterChoice.parse("local:2", None, ["/a=/b"])
    with pytest.raises(UsageError, match="HERE=THERE"):
        PathMap.parse(["/a"])


def test_folders_get_the_names_that_workers_have_for_them() -> None:
    paths = PathMap.parse(["/mnt/show=//server/show", "/mnt/show/day 1=/fast/day1/", r"C:\photos=/photos"])
    assert paths.there("/mnt/show") == "//server/show"
    assert paths.there("/mnt/show/day 2/a=b") == "//server/show/day 2/a=b"
    assert paths.there("/mnt/show/day 1/x") == "/fast/day1/x"
    assert paths.there("/mnt/shows/x") == "/mnt/shows/x"
    assert paths.there(r"C:\photos\new\a") == "/photos/new/a"
    assert paths.there("/a\\b") == "/a\\b"
    assert PathMap.parse(["/=/share"]).there("/x") == "/share/x"


def test_the_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["batch", str(tmp_path), "-o", str(tmp_path / "out"), "--no-blend", "--preview", "none"]
    assert main([*words, "--cluster", "nowhere"]) == 2
    assert main([*words, "--cluster-path", "/a=/b"]) == 2
    said = capsys.readouterr().err
    assert "tcp://host:8786, or as local:N, not 'nowhere'" in said
    assert "needs --cluster" in said


def test_an_answer_comes_back_as_it_was() -> None:
    stage = Stage("f", "f", {"a.npz": FileState(3, 5, "abc")}, 1.5, ("a note",))
    record = Record("a.png", "a", FileState(1, 2, "def"), "done", (30, 20), stages={"estimate": stage})
    error = ErrorPayload.from_exception(DiskFullError("It is full."))
    answer = Answer(record, "x/y", {"a.npz": FileState(3, 5, "abc")}, True, error, worker="tcp://1.2.3.4:5")
    again = Answer.from_json(json.loads(json.dumps(answer.to_json())))
    assert again.record == record
    assert (again.folder, again.files, again.worker) == ("x/y", answer.files, "tcp://1.2.3.4:5")
    assert again.error is not None
    assert isinstance(again.error.as_error(), DiskFullError)


def parcel_with(out: Path, text: str) -> tuple[Staging, Parcel, Record]:
    """A parcel with a file ``sub/a.npz``, and the record of its photo."""
    staging = Staging(out, {})
    parcel = Parcel(out, staging.folder.relative_to(out).as_posix())
    with parcel.room() as room:
        (room / "a.npz").write_text(text)
        stage = Stage("f", "f", parcel.publish(room, "sub"))
    return staging, parcel, Record("sub/a.png", "sub/a", None, "done", stages={"estimate": stage})


def test_a_parcel_is_private_until_it_is_delivered(tmp_path: Path) -> None:
    staging, parcel, record = parcel_with(tmp_path, "new")
    assert not (tmp_path / "sub").exists()
    assert parcel.find("sub/a.npz").read_text() == "new"
    assert parcel.find("sub/old.npz") == tmp_path / "sub" / "old.npz"
    delivered = deliver(Answer(record, parcel.folder, parcel.files), tmp_path, staging, 0.0)
    assert (tmp_path / "sub" / "a.npz").read_text() == "new"
    assert delivered.stages["estimate"].whole(tmp_path)
    assert not (tmp_path / parcel.folder).exists()


def test_a_parcel_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    staging, parcel, record = parcel_with(tmp_path, "new")
    parcel.find("sub/a.npz").write_text("ne")
    with pytest.raises(FileError, match="cannot be seen here"):
        deliver(Answer(record, parcel.folder, parcel.files), tmp_path, staging, 0.0)
    assert not (tmp_path / "sub").exists()


def test_a_file_may_take_a_while_to_be_seen(tmp_path: Path) -> None:
    late = tmp_path / "late"
    threading.Timer(0.3, late.write_text, ("there",)).start()
    assert seen(tmp_path, lambda: late.read_text() == "there", 30.0)
    assert not seen(tmp_path, lambda: (tmp_path / "never").is_file(), 0.0)


def test_time_runs_only_while_nothing_is_done() -> None:
    over = threading.Event()
    timer = IdleTimer(0.05, over.set)
    with timer.busy():
        with timer.busy():
            pass
        time.sleep(0.15)
        assert not over.is_set()
    assert over.wait(30)
    over.clear()
    with timer.busy():
        timer.cancel()
    assert not over.wait(0.15)
