"""Dask: the same tasks on the workers of a cluster, local or elsewhere.

Files travel as they are, each as a task of its own (`bytes`, which changes nothing) whose result
the workers share, so that the scheduler can make it anew when a worker is lost.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from nstyle import __version__
from nstyle.batch import parcels
from nstyle.batch.checksums import stand
from nstyle.batch.tasks import Answer, BrokenOff, Task, died
from nstyle.distributed.dask_cluster import Connection, library
from nstyle.errors import ImageError, NStyleError
from nstyle.optimize.planning import memory

log = logging.getLogger("nstyle")

ANYBODY = ""  # instead of a worker's address
FILES_KEPT = 64  # at the workers, for tasks to come


# ---- what runs at a worker ----


def paint(
    asking: str, neighbours: Mapping[str, int], task: Task, digests: Mapping[str, str], *data: bytes
) -> Answer:
    """One task; a worker that is not told how many threads takes those it was started with.

    asking: nstyle's version there, as workers may come while the batch runs; neighbours: how many
    workers a host has, by its name.
    """
    if asking != __version__:
        return Answer(error=f"a worker has nstyle {__version__}, not {asking}; install the same")
    here = library().get_worker()
    options = {**task["options"], "threads": task["options"]["threads"] or here.state.nthreads}
    limit = here.memory_manager.memory_limit
    share = task["share"] or share_of(limit, neighbours.get(host(here.address), 1))
    task = {**task, "options": options, "share": share}
    return parcels.answer(task, digests, data, here.local_directory)


@functools.lru_cache(maxsize=1)  # later on, neighbours that paint make it look like less
def share_of(limit: int | None, workers: int) -> int | None:
    """Bytes for a painting at a worker, as it is at its first: its limit, its part of what is free.

    None where nobody knows either. workers: on this host.
    """
    free = memory.available()
    part = None if free is None else free // workers
    least = min(filter(None, [limit, part]), default=None)
    return least and max(1, least - memory.BASE)


def host(address: str) -> str:
    """tcp://10.0.0.1:8786 -> 10.0.0.1."""
    return urlsplit(address).hostname or address


# ---- the side that asks ----


class Cluster:
    """A pool (see tasks.Pool) of the workers at an address, or of so many processes here.

    attempts: for each task of the latter; others have their own limit. Raises BackendError.
    """

    def __init__(self, address: str, local: int | None, attempts: int) -> None:
        self._address = address
        self._gone = BrokenOff(f"--dask {address}: the cluster is gone")
        self._files: collections.OrderedDict[str, Any] = collections.OrderedDict()
        # By path: what tells it is the same, SHA-256.
        self._read: dict[str, tuple[Any, str]] = {}
        self._connection = Connection(address, local, attempts=attempts)
        self._dask, self._client = self._connection.library, self._connection.client

    @property
    def dashboard(self) -> str | None:
        """Its address, where there is one."""
        return self._connection.dashboard

    def answers(self, tasks: Iterable[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        """See tasks.Pool."""
        try:
            threads = max(self._client.nthreads().values(), default=1)
            if threads > 1:
                message = (
                    "--dask %s: a worker paints one picture at a time, with up to %d threads; "
                    "`dask worker --nthreads 1 --nworkers N` paints N, which takes less time"
                )
                log.warning(message, self._address, threads)
            yield from self._answers(iter(tasks))
        except OSError as error:  # Dask's own are, of connections
            if isinstance(error, NStyleError):
                raise
            raise self._gone from error

    def _answers(self, source: Iterator[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        running: dict[str, Any] = {}
        places: dict[str, str] = {}  # of what runs
        finished = self._dask.as_completed()
        more = True
        while more or running:
            while more and (idle := self._idle(places)):
                item = next(source, None)
                if item is None:
                    more = False
                    break
                try:
                    future = self._submit(item[1], idle[0])
                except ImageError as error:
                    yield item[0], Answer(error=str(error), refused=True)
                    continue
                running[future.key], places[future.key] = item[0], idle[0]
                finished.add(future)
            if running:
                future = next(finished)
                del places[future.key]
                yield running.pop(future.key), self._answer(future)

    def _idle(self, places: Mapping[str, str]) -> list[str]:
        """Workers without a task; ANYBODY where there are no workers, as new ones may come.

        A second task would wait for the first, and share the blame if the worker dies.
        """
        busy = set(places.values())
        return [worker for worker in self._client.nthreads() or [ANYBODY] if worker not in busy]

    def _submit(self, task: Task, worker: str) -> Any:
        """To a worker, or another one if it is lost. Raises ImageError."""
        neighbours = collections.Counter(map(host, self._client.nthreads()))
        files = {path: self._sent(path) for path in parcels.files_of(task)}
        return self._client.submit(
            paint,
            __version__,
            dict(neighbours),
            task,
            {path: digest for path, (digest, _) in files.items()},
            *(future for _, future in files.values()),
            pure=False,
            workers=None if worker == ANYBODY else [worker],
            allow_other_workers=True,
        )

    def _sent(self, path: str) -> tuple[str, Any]:
        """(SHA-256, future) of a file, which is read when it is another one than before.

        What tasks need stays at the cluster when its future goes from here. Raises ImageError.
        """
        state = stand(path)
        before, digest = self._read.get(path, (None, ""))
        if state is None or state != before or digest not in self._files:
            content = parcels.contents(path)
            digest = hashlib.sha256(content).hexdigest()
            self._read[path] = state, digest
        if digest not in self._files:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a large graph
                name = f"nstyle-file-{digest}"
                self._files[digest] = self._client.submit(bytes, content, key=name)
        self._files.move_to_end(digest)
        while len(self._files) > FILES_KEPT:
            self._files.popitem(last=False)
        return digest, self._files[digest]

    def _answer(self, future: Any) -> Answer:
        """Raises BrokenOff where the cluster is gone."""
        try:
            return future.result()
        except self._dask.scheduler.KilledWorker as error:
            return died(error.allowed_failures + 1)
        except Exception as error:
            if self._client.status != "running" or future.cancelled():
                raise self._gone from error
            return Answer(error=f"the worker failed ({type(error).__name__}: {error})")

    def close(self) -> None:
        """See tasks.Pool."""
        self._files.clear()
        self._connection.close()
