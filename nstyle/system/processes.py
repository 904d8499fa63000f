"""Processes that work for another: asked and answering in lines of JSON, they end when it does.

A worker's stdin is its life line: at its end, also because the one who asks was killed, it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


class Ended(Exception):
    """A worker ended, or was ended, without an answer."""


# ---- the side that asks ----


def start(module: str, words: Sequence[str] = ()) -> subprocess.Popen[str]:
    """A module as a process with pipes, away from the terminal's Ctrl-C."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process that may have ended already, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):  # another thread writes or closes it
            assert pipe is not None
            pipe.close()


class Worker:
    """A process that answers one request at a time; started when needed, and again when it ended.

    module, words: see start. One thread may ask, another one close.
    """

    def __init__(self, module: str, words: Sequence[str] = ()) -> None:
        self._module, self._words = module, list(words)
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._closed = False

    def begin(self) -> None:
        """Start the process, so that the first request need not wait for it. Raises Ended."""
        with self._starting:
            if self._closed:
                raise Ended
            if self._process is None or self._process.poll() is not None:
                self._process = start(self._module, self._words)
                self._answers = listened(self._process)

    def ask(self, request: Mapping[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """The answer. Raises Ended; TimeoutError after so many seconds, then the process ends."""
        self.begin()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            end(process)
            raise TimeoutError from None
        except (OSError, ValueError):  # its pipe is closed, by itself or by close()
            line = None
        if line is None:
            end(process)
            raise Ended
        return json.loads(line)

    def close(self) -> None:
        """End the process; nothing can be asked any more."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                end(self._process)


def listened(process: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Lines a process writes, then None; an incomplete line is no answer."""
    answers: queue.Queue[str | None] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError):  # closed meanwhile
            for line in whole(process.stdout):
                answers.put(line)
        answers.put(None)

    threading.Thread(target=listen, daemon=True).start()
    return answers


# ---- the worker's side ----


def speaker() -> Callable[[Mapping[str, Any]], None]:
    """A function that sends JSON lines to the parent; prints of libraries go to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(record: Mapping[str, Any]) -> None:
        try:
            out.write(json.dumps(record) + "\n")
            out.flush()
        except OSError:  # nobody listens any more
            os._exit(1)

    return say


def requests() -> Iterator[dict[str, Any]]:
    """Lines of JSON from who asks, until it ends."""
    for line in whole(sys.stdin):
        yield json.loads(line)


# ---- both sides ----


def whole(lines: Iterable[str]) -> Iterator[str]:
    """Lines up to the end; not the last where who wrote it was killed in the middle of it."""
    return (line for line in lines if line.endswith("\n"))
