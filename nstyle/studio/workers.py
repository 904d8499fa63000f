"""Processes that work for the server: asked in lines of JSON, they end when the server does.

A worker's stdin is its life line: at its end, also because the server was killed, it ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nstyle.studio.refusals import Refused

log = logging.getLogger("nstyle")

CHECKOUT = Path(__file__).parents[2]


def start(module: str, words: Sequence[str] = ()) -> subprocess.Popen[str]:
    """A module of the studio as a process with pipes, away from the terminal's Ctrl-C."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", f"nstyle.studio.{module}", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
    )


class Worker:
    """A process that answers one request at a time, started when needed, replaced when it hangs."""

    def __init__(self, words: Sequence[str], *, seconds: float, waiting: int) -> None:
        self._words, self._seconds, self._most = list(words), seconds, waiting
        self._turn, self._counting, self._waiting = threading.Lock(), threading.Lock(), 0
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._closed = False

    def begin(self) -> None:
        """Start the process, so that the first request need not wait for it."""
        with self._turn:
            if self._process is None and not self._closed:
                self._start()

    @contextlib.contextmanager
    def _in_turn(self) -> Any:
        with self._counting:
            if self._waiting >= self._most:
                raise Refused("too many ask at once; try again in a moment", 503)
            self._waiting += 1
        try:
            with self._turn:
                yield
        finally:
            with self._counting:
                self._waiting -= 1

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer. Raises Refused: what the worker refuses, too many wait, or it failed."""
        with self._in_turn():
            answer = self._ask(request)
        if "refused" in answer:
            raise Refused(answer["refused"], answer.get("status", 400))
        return answer

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._closed:
            raise Refused("the studio is being closed", 503)
        if self._process is None or self._process.poll() is not None:
            self._start()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=self._seconds)
        except queue.Empty:
            self._end()
            raise Refused("this took too long and was given up", 503) from None
        except OSError:
            line = None
        if line is None:
            self._end()
            raise Refused("this picture was too much for the studio; try a smaller one", 503)
        return json.loads(line)

    def _start(self) -> None:
        self._process = process = start("duties", self._words)
        answers: queue.Queue[str | None] = queue.Queue()
        self._answers = answers

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                answers.put(line)
            answers.put(None)

        threading.Thread(target=listen, daemon=True).start()

    def _end(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None

    def close(self) -> None:
        """End the process; nothing can be asked any more."""
        self._closed = True
        self._end()


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process that may have ended already, and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            assert pipe is not None
            pipe.close()
