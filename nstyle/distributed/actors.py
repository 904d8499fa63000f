"""Actors at the workers of a Dask cluster: asked all at once, replaced when one is lost."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from nstyle.distributed.actor import Actor, Away
from nstyle.distributed.dask_cluster import SECONDS, Connection
from nstyle.errors import BackendError, NStyleError
from nstyle.system.locations import PRETRAINED

log = logging.getLogger("nstyle")

PAUSE = 0.1  # seconds between two looks for a new worker
PATIENCE = 1.0  # seconds to wait for one answer before it is seen whether another one is lost


class Lost(Exception):
    """A worker is gone, and what it held."""


class Gone(BackendError):
    """The cluster is gone, or all its workers are."""


class StillWaiting(Exception):
    """There is no answer yet."""


class ActorPool(Protocol):
    """The holders of the parts: Dask's actors, or a stand-in in tests."""

    @property
    def count(self) -> int:
        """Number of actors."""

    def ask(self, method: str, words: Mapping[int, Sequence[Any]]) -> dict[int, Any]:
        """Calls methods of actors in parallel; results by number. Raises Lost."""

    def replace(self) -> set[int]:
        """Put new actors in the place of lost ones; their numbers. Raises Gone."""

    def free(self) -> int | None:
        """Bytes of memory for each part, None where nobody knows."""


class DaskActors:
    """Actors of a cluster. count: of actors, None for one at each worker.

    weights: path of the network's file; seen: whether the workers see it there; threads: of each,
    None for those that their workers were started with. Raises Gone.
    """

    def __init__(
        self,
        connection: Connection,
        count: int | None,
        weights: str,
        *,
        seen: bool,
        threads: int | None,
    ) -> None:
        self._connection, self._threads = connection, threads
        self._weights, self._seen = weights, seen
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

    def ask(self, method: str, words: Mapping[int, Sequence[Any]]) -> dict[int, Any]:
        """See ActorPool. All have answered, or are lost, when it comes back."""
        waiting, answers = {}, {}
        errors: list[Exception] = []
        for number, some in words.items():
            try:
                waiting[number] = getattr(self._actors[number], method)(*some)
            except RuntimeError as error:  # Dask knows that it is lost
                errors.append(Lost(str(error)))
        while waiting:
            if any(isinstance(error, Lost) for error in errors):
                self._release(waiting)
            for number, answer in list(waiting.items()):
                try:
                    answers[number] = self._answer(number, answer)
                except StillWaiting:
                    continue
                except Exception as error:  # noqa: BLE001 - raised below, once all are done
                    errors.append(error)
                del waiting[number]
        if errors:  # a loss may be what the others complain about
            raise min(errors, key=lambda each: not isinstance(each, Lost))
        return answers

    def _answer(self, number: int, answer: Any) -> Any:
        """The answer of an actor. Raises StillWaiting, Lost, and what the actor raised."""
        try:
            return answer.result(timeout=PATIENCE)
        except NStyleError:
            raise
        except Exception as error:
            there = self._futures[number].status == "finished"
            if there and not answer.done():
                raise StillWaiting from error
            if there and not isinstance(error, (Away, OSError)):
                raise
            raise Lost(str(error)) from error

    def _release(self, numbers: Iterable[int]) -> None:
        """Let those go on who wait for one that is lost: Dask would let them wait for ever."""
        for number in numbers:
            with contextlib.suppress(RuntimeError):
                self._actors[number].release()

    def replace(self) -> set[int]:
        """See ActorPool."""
        gone = {number for number in range(self.count) if not self._there(number)}
        for number in gone:
            place = self._places.pop(number)
            log.warning("worker %s is lost; its part %d begins anew elsewhere", place, number + 1)
            self._gone.add(place)
            self._futures.pop(number)
            self._actors.pop(number, None)
        self._create(sorted(gone))
        return gone

    def free(self) -> int | None:
        """See ActorPool."""
        wanted: dict[int, Sequence[Any]] = {number: () for number in range(self.count)}
        try:
            told = self.ask("free", wanted)
        except Lost:  # it may have had nothing to do
            self.replace()
            told = self.ask("free", wanted)
        hosts = [place.rpartition(":")[0] for place in self._places.values()]
        shares = [
            told[number] // hosts.count(place.rpartition(":")[0])
            for number, place in self._places.items()
            if told[number] is not None
        ]
        return min(shares, default=None)

    def _there(self, number: int) -> bool:
        """Whether an actor answers."""
        try:
            self._actors[number].free().result(timeout=SECONDS)
        except Exception:  # noqa: BLE001 - whatever Dask says, nobody is there
            return False
        return True

    def _create(self, numbers: Sequence[int]) -> None:
        """Actors of these numbers, at workers that have as few as may be."""
        there = self._there_are() if numbers else {}
        for number in numbers:
            taken = list(self._places.values())
            place = min(sorted(there), key=taken.count)
            self._futures[number] = self._connection.client.submit(
                Actor,
                number,
                self._threads or there[place],
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

    def _there_are(self) -> dict[str, int]:
        """Threads of the workers by address, once there are as many as had parts.

        Or after a while, fewer. Raises Gone where there is none.
        """
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                found = self._connection.threads()
            except Exception as error:  # of Dask's many
                raise Gone("--dask: the cluster is gone") from error
            there = {place: found[place] for place in found if place not in self._gone}
            if len(there) >= self._used or (there and time.monotonic() >= deadline):
                return there
            if time.monotonic() >= deadline:
                raise Gone("--dask: no worker is left")
            time.sleep(PAUSE)

    def _file(self) -> tuple[str, bytes | None]:
        path = Path(self._weights).resolve()
        if path.parent == PRETRAINED.resolve():
            return path.name, None
        return str(path), None if self._seen else path.read_bytes()
