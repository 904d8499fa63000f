"""Workers: processes of their own, kept alive, so that what is measured takes turns within one run.

A worker is a module of `benchmarks.workers`. The first line of its stdin is its job as JSON; on
stdout it gives one line of JSON when it is ready and one per further line it is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from nstyle.optimize.callbacks.progress import peak_memory as peak_of_resources

CHECKOUT = Path(__file__).parents[1]
# What changes the number or the manner of threads, or the code that is chosen for the CPU.
SETTINGS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "MXNET_", "DNNL_", "ONEDNN_", "TORCH_")
PATIENCE = 20  # seconds a worker has to end by itself

Job = Mapping[str, Any]


class WorkerError(Exception):
    """A worker ended without an answer; the message is the end of what it said."""


class Contestant(Protocol):
    """One way of iterating over a picture."""

    def loss(self) -> float:
        """The loss at the point where it is."""

    def run(self, iterations: int) -> None:
        """So many iterations; returns when all of their work is done."""


# ---- the parent's side ----


def clean_environment(**settings: str) -> dict[str, str]:
    """This environment with `settings`, and without what else would change threads or code."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
    places = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(places), **settings}


class Worker:
    """A running worker. module: its name in `benchmarks.workers`."""

    def __init__(self, module: str, job: Job, **settings: str) -> None:
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - see close()
        self.began = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.workers.{module}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=clean_environment(**settings),
        )
        self._tell(json.dumps({**job, "began": self.began}))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            print(line, file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """The next answer, waited for. Raises WorkerError."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return dict(json.loads(line))
        self._process.wait(PATIENCE)
        self._said.seek(0)
        lines = self._said.read().split("\n")
        last = [line for line in lines if line.strip()][-1:] or ["it said nothing"]
        raise WorkerError(f"ended with code {self._process.returncode}: {last[0].strip()}")

    def run(self, iterations: int) -> dict[str, Any]:
        """Let it iterate: seconds and peak_memory_bytes. Raises WorkerError."""
        self._tell(str(iterations))
        return self.answer()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()


def ask(module: str, job: Job, **settings: str) -> dict[str, Any]:
    """The one answer of a worker that does its job and ends. Raises WorkerError.

    settings: of its environment.
    """
    with contextlib.closing(Worker(module, job, **settings)) as worker:
        return worker.answer()


# ---- the worker's side ----


def answer_jobs() -> tuple[dict[str, Any], Callable[..., None]]:
    """(the job, what sends an answer). What libraries print goes to stderr from now on."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(**values: Any) -> None:
        print(json.dumps({**values, "peak_memory_bytes": peak_memory()}), file=stream, flush=True)

    return json.loads(sys.stdin.readline()), send


def serve(contestant: Callable[[dict[str, Any]], Contestant]) -> None:
    """Iterate as often as each line says, until there are no more lines.

    Before, one iteration that is not measured; the losses before and after it are answered.
    """
    job, send = answer_jobs()
    running = contestant(job)
    loss = running.loss()
    running.run(1)
    send(loss=loss, next_loss=running.loss())
    for line in sys.stdin:
        began = time.perf_counter()
        running.run(int(line))
        send(seconds=time.perf_counter() - began)


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes.

    Linux's resource usage begins with what the parent had when it forked; its status does not.
    """
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return peak_of_resources()
