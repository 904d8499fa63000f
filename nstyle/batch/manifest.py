"""manifest.jsonl: a line for each job that was done or could not be; the last one of a name counts.

Only one batch at a time writes to it. A line that a kill tore is left out and cut off.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from nstyle.batch.checksums import PlannedJob, circumstances, digest_of
from nstyle.errors import ImageError, OptionError
from nstyle.system.files import append_whole, lock, make_folder, opened

log = logging.getLogger("nstyle")

NAME = "manifest.jsonl"
DONE, REFUSED, TO_DO = "done", "refused", "to do"


class Manifest:
    """The manifest of a folder of results, as it was when this was made. Raises ImageError."""

    def __init__(self, folder: str) -> None:
        self._folder, self.path = folder, os.path.join(folder, NAME)
        self._file: Any = None
        self._last: dict[str, Mapping[str, Any]] = {}
        try:
            with opened(self.path) as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):  # there is none yet
            data = b""
        except OSError as error:
            message = f"{self.path}: cannot be read ({error.strerror}); give another --output-dir"
            raise ImageError(message) from error
        self._size = len(data)
        self._whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[: self._whole].splitlines(), 1):
            try:
                record = json.loads(line)
                done = record.get("error") or isinstance(record["result"]["sha256"], str)
                if not (done and isinstance(record["output"], str)):
                    raise ValueError(line)
                self._last[record["output"]] = record
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                log.warning("%s, line %d: is no record of a job; left out", self.path, number)

    def standing(self, planned: PlannedJob) -> str:
        """DONE; REFUSED, where trying again cannot help; or TO_DO."""
        record = self._last.get(planned.job.output, {})
        if record.get("key") != planned.key:
            return TO_DO
        if record.get("error"):
            same = record.get("refused") == circumstances(planned.job)
            return REFUSED if same else TO_DO
        place = os.path.join(self._folder, planned.job.output)
        return DONE if digest_of(place) == record["result"]["sha256"] else TO_DO

    def error(self, planned: PlannedJob) -> str:
        """Why a job was refused."""
        return str(self._last[planned.job.output]["error"])

    def begin(self) -> None:
        """Be the one who writes. Raises OptionError where another batch is, ImageError."""
        try:
            make_folder(self._folder)
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - see close()
        except OSError as error:
            raise ImageError(f"{self.path}: cannot be written ({error.strerror})") from error
        try:
            lock(self._file, wait=False)
            busy = os.fstat(self._file.fileno()).st_size != self._size
        except BlockingIOError:
            busy = True
        except (ImportError, OSError):  # a system, or a file system, without locks
            busy = False
        if busy:
            self.close()
            raise OptionError(
                f"--output-dir: another batch writes to {self._folder}; wait, or give another one"
            )
        self._file.truncate(self._whole)
        self._file.seek(0, os.SEEK_END)

    def add(self, record: Mapping[str, Any]) -> None:
        """A line, wholly or not at all. Raises OSError."""
        append_whole(self._file, (json.dumps(record) + "\n").encode())
        os.fsync(self._file.fileno())
        self._last[record["output"]] = record

    def close(self) -> None:
        """Let others write."""
        if self._file is not None:
            self._file.close()
            self._file = None
