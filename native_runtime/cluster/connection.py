"""Reaching a scheduler, or starting one with some workers on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import dask
from distributed import Client, LocalCluster

from native_runtime.cluster import local_worker
from native_runtime.cluster.choice import ClusterChoice
from native_runtime.errors import UsageError

CONNECT_S = 10.0
"""How long a scheduler may take to answer, and a connection that was lost to come back."""
_CLOSE_S = 2.0
PHOTOS_AT_ONCE = 2
"""Of a worker on this machine: while Blender builds one, the networks look at the next."""
_LOCAL_SETTINGS = {
    # Networks stay in a worker's memory, however much of it they take: pausing until they go, as Dask would, is in
    # vain. What is left is that the worker is ended before the machine has no memory any more.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


class _QuietClient(Client):  # type: ignore[misc]
    """A client that has never reached its scheduler goes without a traceback."""

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):  # of a close that takes too long; of one that was not even begun
            self.close(timeout=_CLOSE_S)


@contextmanager
def connected(choice: ClusterChoice) -> Iterator[Client]:
    """A client of the cluster for the time of the block; workers that were started for it end with it.

    Raises:
        UsageError: nobody answers there.
    """
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        address = choice.address
        if not address:
            stack.enter_context(dask.config.set(_LOCAL_SETTINGS))
            cluster = LocalCluster(
                n_workers=choice.workers,
                threads_per_worker=PHOTOS_AT_ONCE,
                processes=True,
                memory_limit="auto" if choice.memory is None else choice.memory,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                preload=[local_worker.__name__],
            )
            stack.callback(cluster.close)
            address = cluster.scheduler_address
        try:
            client = _QuietClient(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            # of a host that nobody knows; of an address that is none; of a protocol that is not installed
            raise UsageError(
                f"There is no Dask scheduler at {choice} that answers within {CONNECT_S:g} seconds. Start one with "
                "`dask scheduler`, or check the address and the firewall."
            ) from error
        stack.callback(_close, client)
        yield client


def _close(client: Client) -> None:
    with suppress(OSError):
        client.close(timeout=_CLOSE_S)


@contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs of lost workers and connections is told in other words."""
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
