"""Actors at the workers of a Dask cluster: asked all at once, replaced when one is lost."""

from __future__ import annotations

import collections
import contextlib
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nstyle.distributed.actor import Actor, Lost
from nstyle.distributed.dask_cluster import SECONDS, Connection
from nstyle.errors import BackendError, NStyleError
from nstyle.system.locations import PRETRAINED

log = logging.getLogger("nstyle")

PAUSE = 0.1  # seconds between two looks for a new worker
PATIENCE = 1.0  # seconds to wait for one answer before it is seen whether another one is lost

Args = Mapping[int, Sequence[Any]]  # of a method, by number of an actor


class Gone(BackendError):
    """The cluster is gone, or all its workers are."""


class DaskActors:
    """Actors of a cluster. count: of actors, None for one at each worker.

    weights: path of the network's file; threads: of each worker of this machine; None elsewhere,
    where they keep those they were started with, and cannot see the file. Raises Gone.
    """

    def __init__(
        self, connection: Connection, count: int | None, weights: str, threads: int | None
    ) -> None:
        self._connection, self._weights, self._threads = connection, weights, threads
        self._futures: dict[int, Any] = {}
        self._actors: dict[int, Any] = {}
        self._places: dict[int, str] = {}
        self._gone: set[str] = set()  # addresses
        workers = len(connection.threads())
        self.count = count or workers
        self._used = min(workers, self.count)
        try:
            self._create(range(self.count))
        except Lost as loss:
            raise Gone(f"--dask: a worker cannot take its part ({loss})") from loss

    def ask(self, method: str, args: Args) -> dict[int, Any]:
        """Call a method of actors at once; answers by number, when all are done. Raises Lost."""
        waiting, answers = {}, {}
        errors: list[Exception] = []
        for number, each in args.items():
            try:
                waiting[number] = getattr(self._actors[number], method)(*each)
            except RuntimeError as error:  # Dask knows that it is lost
                errors.append(Lost(str(error)))
        while waiting:
            if any(isinstance(error, Lost) for error in errors):
                for number in waiting:  # Dask would let them wait for the lost one for ever
                    with contextlib.suppress(RuntimeError):
                        self._actors[number].release()
            for number, answer in list(waiting.items()):
                try:
                    answers[number] = answer.result(timeout=PATIENCE)
                except NStyleError as error:
                    errors.append(error)
                except Exception as error:  # noqa: BLE001 - raised below, once all are done
                    alive = self._futures[number].status == "finished"
                    if alive and not answer.done():
                        continue
                    lost = not alive or isinstance(error, (Lost, OSError))
                    errors.append(Lost(str(error)) if lost else error)
                del waiting[number]
        if errors:  # a loss may be what the others complain about
            raise min(errors, key=lambda each: not isinstance(each, Lost))
        return answers

    def replace(self) -> set[int]:
        """Put new actors in the place of lost ones; their numbers. Raises Lost, Gone."""
        gone = {number for number in range(self.count) if not self._alive(number)}
        for number in gone:
            place = self._places.pop(number)
            log.warning("worker %s is lost; its part %d begins anew elsewhere", place, number + 1)
            self._gone.add(place)
            self._futures.pop(number)
            self._actors.pop(number, None)
        self._create(sorted(gone))
        return gone

    def free(self) -> int | None:
        """Bytes of memory for each part, None where nobody knows. Raises Lost, Gone."""
        args: Args = dict.fromkeys(range(self.count), ())
        try:
            free = self.ask("free", args)
        except Lost:  # it may have had nothing to do
            self.replace()
            free = self.ask("free", args)
        hosts = {number: place.rpartition(":")[0] for number, place in self._places.items()}
        sharing = collections.Counter(hosts.values())
        known = [number for number in free if free[number] is not None]
        return min((free[number] // sharing[hosts[number]] for number in known), default=None)

    def _alive(self, number: int) -> bool:
        """Whether an actor answers."""
        with contextlib.suppress(Exception):  # whatever Dask says, nobody is there
            self._actors[number].free().result(timeout=SECONDS)
            return True
        return False

    def _create(self, numbers: Sequence[int]) -> None:
        """Actors of these numbers, at workers that have as few as may be."""
        workers = self._workers() if numbers else {}
        for number in numbers:
            taken = list(self._places.values())
            place = min(sorted(workers), key=taken.count)
            self._futures[number] = self._connection.client.submit(
                Actor,
                number,
                self._threads or workers[place],
                actor=True,
                key=f"nstyle-mural-{uuid.uuid4()}",
                workers=[place],
                allow_other_workers=False,
            )
            self._places[number] = place
        try:
            for number in numbers:
                self._actors[number] = self._futures[number].result(timeout=SECONDS)
            self.ask("install", {number: self._file() for number in numbers})
            self.ask("meet", {number: (self._actors,) for number in self._actors})
        except NStyleError:
            raise
        except Exception as error:
            raise Lost(str(error)) from error

    def _workers(self) -> dict[str, int]:
        """Threads of the workers by address, once there are as many as had parts, or after a while
        fewer. Raises Gone where there is none.
        """
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                threads = self._connection.threads()
            except Exception as error:  # of Dask's many
                raise Gone("--dask: the cluster is gone") from error
            workers = {place: threads[place] for place in threads if place not in self._gone}
            late = time.monotonic() >= deadline
            if len(workers) >= self._used or (workers and late):
                return workers
            if late:
                raise Gone("--dask: no worker is left")
            time.sleep(PAUSE)

    def _file(self) -> tuple[str, bytes | None]:
        """See Actor.install."""
        path = Path(self._weights).resolve()
        if path.parent == PRETRAINED.resolve():
            return path.name, None
        return str(path), path.read_bytes() if self._threads is None else None
