"""Processes of this machine that paint one batch; kept warm, started again when they die."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from nstyle.batch.tasks import Answer, Task, died
from nstyle.system import processes

log = logging.getLogger("nstyle")

MODULE = "nstyle.batch.worker"


class Processes:
    """So many workers, each with a thread here that asks it. attempts: for each task."""

    def __init__(self, count: int, attempts: int) -> None:
        self._workers = [processes.Worker(MODULE) for _ in range(count)]
        self._attempts, self._closed = attempts, False

    def answers(self, tasks: Iterable[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        """See tasks.Pool."""
        source, taking = iter(tasks), threading.Lock()
        results: queue.Queue[Any] = queue.Queue()  # what is yielded; at a thread's end why, or None

        def serve(worker: processes.Worker) -> None:
            end: BaseException | None = None
            try:
                while True:
                    with taking:
                        key, task = next(source)
                    results.put((key, self._answer(worker, task)))
            except (StopIteration, processes.Ended):
                pass
            except BaseException as error:  # noqa: BLE001 - raised again where it is seen
                end = error
            results.put(end)

        for worker in self._workers:
            threading.Thread(target=serve, args=(worker,), daemon=True).start()
        for _ in self._workers:
            while (result := results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result

    def _answer(self, worker: processes.Worker, task: Task) -> Answer:
        """Of a worker that may die. Raises Ended after close()."""
        for attempt in range(1, self._attempts + 1):
            try:
                return Answer.from_json(worker.ask(task))
            except processes.Ended:
                if self._closed:
                    raise
                if attempt < self._attempts:
                    log.warning("%s: its worker died; it is tried again", task["name"])
        return died(self._attempts)

    def close(self) -> None:
        """See tasks.Pool."""
        self._closed = True
        for worker in self._workers:
            worker.close()
