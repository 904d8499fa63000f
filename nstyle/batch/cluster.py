"""Dask: the same tasks on the workers of a cluster, local or elsewhere.

Files travel as they are, each as a task of its own whose result the workers share, so that the
scheduler can make it anew when a worker is lost.
"""

from __future__ import annotations

import collections
import hashlib
import logging
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from nstyle import __version__
from nstyle.batch import parcels
from nstyle.batch.parcels import Parcel
from nstyle.batch.tasks import Answer, BrokenOff, Task, died
from nstyle.dask_cluster import Connection, library
from nstyle.errors import ImageError, NStyleError

log = logging.getLogger("nstyle")

FILES_KEPT = 64  # at the workers, for tasks to come


# ---- what runs at a worker ----


def same(data: bytes) -> bytes:
    """A file, as a result that workers can share."""
    return data


def paint(asking: str, task: Task, files: list[Parcel], *data: bytes) -> Answer:
    """One task; a worker that is not told how many threads takes those it was started with.

    asking: nstyle's version there; workers may come while the batch runs.
    """
    if asking != __version__:
        return Answer(error=f"a worker has nstyle {__version__}, not {asking}; install the same")
    here = library().get_worker()
    options = {**task["options"], "threads": task["options"]["threads"] or here.state.nthreads}
    return parcels.answer({**task, "options": options}, files, data, here.local_directory)


# ---- the side that asks ----


class Cluster:
    """A pool (see tasks.Pool) of the workers at an address, or of so many processes here.

    attempts: for each task where processes die; a cluster elsewhere has its own limit. Raises
    BackendError.
    """

    def __init__(self, address: str, local: int | None, attempts: int) -> None:
        self._address = address
        self._files: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self._connection = Connection(address, local, attempts=attempts)
        self._dask, self._client = self._connection.library, self._connection.client

    @property
    def dashboard(self) -> str | None:
        """Its address, where there is one."""
        return self._connection.dashboard

    def answers(self, tasks: Iterable[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        """See tasks.Pool."""
        try:
            yield from self._answers(iter(tasks))
        except OSError as error:  # Dask's own are, of connections
            if isinstance(error, NStyleError):
                raise
            raise self._gone() from error

    def _answers(self, source: Iterator[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        running: dict[str, Any] = {}
        finished = self._dask.as_completed()
        more = True
        while more or running:
            while more and len(running) < self._room():
                item = next(source, None)
                if item is None:
                    more = False
                    break
                try:
                    future = self._submit(item[1])
                except ImageError as error:
                    yield item[0], Answer(error=str(error), refused=True)
                    continue
                running[future.key] = item[0]
                finished.add(future)
            if running:
                future = next(finished)
                yield running.pop(future.key), self._answer(future)

    def _room(self) -> int:
        """Tasks that may be at the cluster: one at each thread, one on its way."""
        return 2 * max(sum(self._client.nthreads().values()), 1)

    def _submit(self, task: Task) -> Any:
        """Raises ImageError for a file that cannot be read."""
        files, data = [], []
        for path in parcels.files_of(task):
            content = parcels.contents(path)
            digest = hashlib.sha256(content).hexdigest()
            files.append(Parcel(path, digest))
            data.append(self._sent(digest, content))
        return self._client.submit(paint, __version__, task, files, *data, pure=False)

    def _sent(self, digest: str, content: bytes) -> Any:
        """The future of a file; what tasks need stays at the cluster when it goes from here."""
        if digest not in self._files:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a large graph
                name = f"nstyle-file-{digest}"
                self._files[digest] = self._client.submit(same, content, key=name)
        self._files.move_to_end(digest)
        while len(self._files) > FILES_KEPT:
            self._files.popitem(last=False)
        return self._files[digest]

    def _answer(self, future: Any) -> Answer:
        """Raises BrokenOff where the cluster is gone."""
        try:
            return future.result()
        except self._dask.scheduler.KilledWorker as error:
            return died(error.allowed_failures + 1)
        except Exception as error:
            if self._client.status != "running" or future.cancelled():
                raise self._gone() from error
            return Answer(error=f"the worker failed ({type(error).__name__}: {error})")

    def _gone(self) -> BrokenOff:
        return BrokenOff(f"--dask {self._address}: the cluster is gone")

    def close(self) -> None:
        """See tasks.Pool."""
        self._files.clear()
        self._connection.close()
