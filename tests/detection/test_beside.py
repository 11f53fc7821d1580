"""Work beside the caller's own gives what it would have given in its place."""

from __future__ import annotations

import threading

import pytest

from native_runtime.detection.beside import Beside


@pytest.mark.parametrize("parallel", [False, True])
def test_results_and_errors_arrive(parallel: bool) -> None:
    beside = Beside(parallel)
    waits = [beside.begin(lambda k=k: k * k) for k in range(3)]  # type: ignore[misc]
    broken = beside.begin(lambda: 1 // 0)
    assert [wait() for wait in waits] == [0, 1, 4]
    with pytest.raises(ZeroDivisionError):
        broken()


def test_parallel_work_goes_on_while_the_caller_works() -> None:
    done = threading.Event()
    wait = Beside(True).begin(done.set)
    assert done.wait(10.0)
    wait()


def test_nothing_is_done_in_vain_where_there_is_one_core() -> None:
    done: list[int] = []
    wait = Beside(False).begin(lambda: done.append(1))
    assert not done
    wait()
    assert done == [1]
