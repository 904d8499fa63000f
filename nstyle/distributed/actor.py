"""The actor at a worker: holds a part, and receives strips from its neighbours at any time.

MXNet is loaded when the part begins, after the threads are set.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nstyle.distributed.dask_cluster import library
from nstyle.distributed.messages import PartSpec, size_of
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning import memory
from nstyle.system import runtime
from nstyle.system.files import atomic_write
from nstyle.system.locations import PRETRAINED

PATIENCE = 0.5  # seconds until it is seen whether to wait any longer


class Lost(Exception):
    """A worker is gone, and what it held."""


class Actor:
    """One part. What waits for nothing is a coroutine: it is answered while the part computes."""

    def __init__(self, number: int, threads: int) -> None:
        self._number, self._threads = number, threads
        self._neighbours: Mapping[int, Any] = {}
        self._inbox: dict[tuple[str, int], np.ndarray] = {}
        self._context = PaintContext()
        self._part: Any = None
        self._released = False
        self._weights = ""

    async def free(self) -> int | None:
        """Bytes of memory there are, None where nobody knows. Also: whether anybody is there."""
        return memory.available()

    async def release(self) -> None:
        """One of the neighbours is lost: wait for none of them."""
        self._released = True

    async def receive(self, kind: str, sender: int, strip: np.ndarray) -> None:
        """A strip from a neighbour."""
        self._inbox[kind, sender] = strip

    def install(self, path: str, content: bytes | None) -> None:
        """The network's file: its path, a name alone for the package's own; content, if sent."""
        self._weights = path if os.path.dirname(path) else str(PRETRAINED / path)
        if content is not None:
            folder = library().get_worker().local_directory  # Dask removes it
            self._weights = os.path.join(folder, f"{self._number}-{os.path.basename(path)}")
            atomic_write(self._weights, lambda file: file.write(content))

    def meet(self, actors: Mapping[int, Any]) -> None:
        """All actors by number."""
        self._neighbours = actors

    def begin(self, spec: PartSpec) -> Any:
        """Load this part, replacing any earlier one; return its shapes and norms."""
        runtime.prepare(self._threads)
        from nstyle.distributed.part import TileGroup  # here, because it loads MXNet

        self._part = None  # its memory first
        self._inbox.clear()
        self._part = TileGroup(spec, self._weights, self._context, self._post, self._inbox)
        return self._part.facts

    def do(self, name: str, *args: Any) -> Any:
        """Calls a method of the part."""
        self._released = False
        return getattr(self._part, name)(*args)

    def _post(self, kind: str, strips: Mapping[int, np.ndarray]) -> int:
        """Send strips; bytes. Raises Lost."""
        try:
            answers = [
                self._neighbours[number].receive(kind, self._number, strip)
                for number, strip in strips.items()
            ]
            for answer in answers:
                self._settle(answer)
        except (OSError, RuntimeError) as error:  # Dask's, of lost workers
            raise Lost(str(error)) from error
        return sum(size_of((kind, self._number, strip)) for strip in strips.values())

    def _settle(self, answer: Any) -> None:
        """Wait until it was received. Raises Lost."""
        if inspect.iscoroutine(answer):  # of an actor at the same worker; it waits for nothing
            with contextlib.suppress(StopIteration):
                answer.send(None)
            return
        while not answer.done():
            with contextlib.suppress(asyncio.TimeoutError):
                answer.result(timeout=PATIENCE)
            if self._released:
                raise Lost("a neighbour is lost")
        answer.result()
