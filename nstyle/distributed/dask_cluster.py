"""Dask: workers of this machine or elsewhere, and the client that asks them. Its only import."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import signal
from collections.abc import Iterator
from typing import Any

from nstyle import __version__
from nstyle.errors import BackendError, OptionError
from nstyle.options.parse import brief
from nstyle.system import extras

SECONDS = 30  # to find the scheduler, and a worker
LOCAL, MOST = "local:", 512  # processes
LOOPBACK = "127.0.0.1"
# What goes wrong is said once, by whoever asks.
QUIET = {"logging": {"distributed": "critical", "distributed.client": "critical"}}
CONFIGURATION = {  # for a cluster of this machine
    "distributed.worker.multiprocessing-method": "spawn",  # MXNet does not survive a fork
    "distributed.scheduler.worker-saturation": 1.0,  # a worker that dies is to blame for one task
    "distributed.nanny.pre-spawn-environ": {},  # trims memory so often that painting is slower
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
}


def local_count(address: str) -> int | None:
    """The N of --dask local:N, None for an address. Raises OptionError."""
    if address.startswith(LOCAL):
        return count(address[len(LOCAL) :], "--dask local:N")
    if "://" not in address:
        raise OptionError(f"--dask: {brief(address)} is neither tcp://HOST:PORT nor local:N")
    return None


def count(text: str, name: str, more: str = "") -> int:
    """A number of processes. Raises OptionError."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= MOST:
        raise OptionError(f"{name}: {brief(text)} is not allowed; give {more}from 1 to {MOST}")
    return number


def library() -> Any:
    """The module. Raises BackendError where it is not installed."""
    try:
        import dask

        dask.config.set(QUIET)  # before it sets up its logs
        import distributed
    except ImportError:
        raise BackendError(
            f"--dask: needs Dask (Python 3.10 or later); run: {extras.advice('dask')}"
        ) from None
    return distributed


def version() -> str:
    """Of nstyle; asked of workers."""
    return __version__


class Connection:
    """The workers at an address, or so many processes here; client: of Dask.

    attempts: for each task where processes die; a cluster elsewhere has its own limit. direct:
    whether what is sent goes to the workers themselves, not by way of the scheduler; None: as Dask
    thinks best. Raises BackendError.
    """

    def __init__(
        self, address: str, local: int | None, *, attempts: int = 1, direct: bool | None = None
    ) -> None:
        self.library = library()
        self.client: Any = None
        self._address, self._cluster = address, None
        try:
            if local is None:
                asyncio.run(self._find())
            with uninterrupted():
                where = address if local is None else self._begin(local, attempts)
                self.client = self.library.Client(where, timeout=SECONDS, direct_to_workers=direct)
            self._check_workers()
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            self.close()
            reason = str(error).split("\n")[0] or "no scheduler answers"
            raise BackendError(f"--dask {address}: no cluster to paint on ({reason})") from error
        except BaseException:
            self.close()
            raise

    async def _find(self) -> None:
        """Be answered once: Dask's client would wait without end for one that never does."""
        more = self.library.Security().get_connection_args("client")
        connecting = self.library.comm.connect(self._address, timeout=SECONDS, **more)
        try:
            (await asyncio.wait_for(connecting, SECONDS)).abort()
        except asyncio.TimeoutError:
            raise
        except Exception as error:  # what speaks otherwise makes Dask raise nearly anything
            raise OSError(str(error)) from error

    def _begin(self, processes: int, attempts: int) -> Any:
        import dask

        dask.config.set({**CONFIGURATION, "distributed.scheduler.allowed-failures": attempts - 1})
        self._cluster = self.library.LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            host=LOOPBACK,
            dashboard_address=f"{LOOPBACK}:0",
            memory_limit=0,  # nstyle knows what it needs
            silence_logs=logging.CRITICAL,
        )
        return self._cluster

    def _check_workers(self) -> None:
        self.client.wait_for_workers(1, timeout=SECONDS)
        try:
            versions = self.client.run(version)
        except Exception as error:
            raise BackendError(
                f"--dask {self._address}: its workers need nstyle {__version__} ({error})"
            ) from error
        for worker, other in versions.items():
            if other != __version__:
                raise BackendError(
                    f"--dask {self._address}: {worker} has nstyle {other}, here is {__version__}; "
                    "install the same everywhere"
                )

    @property
    def dashboard(self) -> str | None:
        """Its address, where there is one."""
        if self._cluster is not None and importlib.util.find_spec("bokeh") is None:
            return None
        with contextlib.suppress(LookupError):
            return self.client.dashboard_link
        return None

    def threads(self) -> dict[str, int]:
        """Of the workers that are there, by address."""
        return dict(self.client.nthreads())

    def close(self) -> None:
        """End the client, and the processes of this machine."""
        for each in (self.client, self._cluster):
            if each is not None:
                with contextlib.suppress(Exception):
                    each.close(timeout=5)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes that begin meanwhile hear nothing of a terminal, nor do those that they begin."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
