"""Listeners: each is called with every Step; one that returns True ends the run."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from nstyle.errors import ImageError
from nstyle.images import image_file
from nstyle.optimize.planning.memory import peak_memory
from nstyle.optimize.records import Result, Step
from nstyle.system.checkpoint_file import log_until
from nstyle.system.files import append_whole, atomic_write, make_folder

log = logging.getLogger("nstyle")


class Bar:
    """A progress bar on a terminal: epoch, share of the time, time left, eps, loss."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self._seconds = 0.0
        self._bar: Any = None

    def __call__(self, step: Step) -> None:
        if self._bar is None:  # not earlier: loading must not count, nor log lines break the bar
            from tqdm import tqdm

            self._bar = tqdm(
                total=1.0,
                file=self._stream,
                dynamic_ncols=True,
                bar_format="{desc} |{bar}| {percentage:.0f}%{postfix}",
            )
        self._seconds += step.seconds
        self._bar.total = max(self._seconds + (step.left or 0.0), 1e-9)
        self._bar.set_description_str(f"epoch {step.epoch}", refresh=False)
        about = f"{time_left(step.left)}, eps {step.eps:.4f}, loss {step.loss:.4g}"
        self._bar.set_postfix_str(about, refresh=False)
        share = 0.0 if step.left is None else self._seconds
        self._bar.update(share - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


class Lines:
    """Plain lines where there is no terminal: the first epoch, then every tenth."""

    def __init__(self, stream: IO[str] | None = None, every: int = 10) -> None:
        self._stream, self._every = stream or sys.stderr, every
        self._seconds, self._epochs = 0.0, 0

    def __call__(self, step: Step) -> None:
        self._seconds, self._epochs = self._seconds + step.seconds, self._epochs + 1
        if step.epoch == 1 or step.epoch % self._every == 0:
            print(
                f"epoch {step.epoch}: eps {step.eps:.5f}, loss {step.loss:.4g}, "
                f"{self._seconds / self._epochs:.2f} s per epoch, {time_left(step.left)}",
                file=self._stream,
                flush=True,
            )
            self._seconds, self._epochs = 0.0, 0

    def close(self) -> None:
        """Nothing to close."""


def time_left(left: float | None) -> str:
    """Seconds left, for people; None: unknown."""
    if left is None:
        return "time left unknown"
    for unit, seconds in (("h", 3600), ("min", 60)):
        if left >= 2 * seconds:
            return f"about {left / seconds:.0f} {unit} left"
    return f"about {left:.0f} s left"


class Snapshots:
    """Every `every` epochs the picture beside the result: out.jpg -> out_e0050.jpg."""

    def __init__(self, output: str, every: int, metadata: Mapping[str, Any]) -> None:
        self._output, self._every, self._metadata = Path(output), every, metadata
        self._failed = False

    def __call__(self, step: Step) -> None:
        if self._every and step.epoch % self._every == 0:
            try:
                image_file.write(step.picture(), self.path(step.epoch), metadata=self._metadata)
            except ImageError as error:  # a full disk now need not be one at the end
                if not self._failed:
                    log.warning("snapshot skipped: %s", error)
                self._failed = True

    def path(self, epoch: int) -> Path:
        """Path of an epoch's snapshot."""
        return self._output.with_name(f"{self._output.stem}_e{epoch:04d}{self._output.suffix}")


class Trace:
    """JSON lines: one per epoch, flushed at once, and a last one with the result.

    after: the epoch after which a run is gone on with; the lines up to it stay. Raises ImageError
    where the file cannot be written, or is no trace to go on with.
    """

    def __init__(self, path: str, after: int = 0) -> None:
        self._path, self._kept = path, b""
        self._file: Any = None
        self._failed = False
        try:  # now, so that it is refused early; an old trace stays until the first epoch
            make_folder(Path(path).parent)
            open(path, "ab").close()
            if after and Path(path).is_file():
                self._kept = log_until(path, "epoch", after)
        except OSError as error:
            raise ImageError(f"--trace {path}: cannot be written ({error.strerror})") from error
        except ValueError as error:
            raise ImageError(f"--trace {path}: is no trace to go on with; name another") from error

    def __call__(self, step: Step) -> None:
        self._write(step.as_json())

    def finish(self, result: Result) -> bool:
        """The last line: why it stopped, epochs, seconds, peak memory, options, version.

        Gives whether all lines are there.
        """
        self._write({**result.as_json(), "peak_memory_bytes": peak_memory()})
        return not self._failed

    def _write(self, record: Mapping[str, Any]) -> None:
        try:
            if self._file is None:
                if self._kept:
                    atomic_write(self._path, lambda file: file.write(self._kept))
                mode = "ab" if self._kept else "wb"
                self._file = open(self._path, mode, buffering=0)  # noqa: SIM115 - see close()
            append_whole(self._file, (json.dumps(record) + "\n").encode())
        except OSError as error:  # the picture matters more
            if not self._failed:
                log.warning("--trace %s: lines are lost (%s)", self._path, error.strerror)
            self._failed = True

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
