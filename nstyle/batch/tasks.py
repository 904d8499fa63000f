"""A job as JSON for a worker, and the worker's answer."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nstyle.batch.jobs import Job, files_of
from nstyle.errors import NStyleError
from nstyle.system import locations

# pictures: paths by the names of their flags; options: all fields of Options; preset; name: of the
# result, its extension tells the format; files: all that it reads; weights: of them the network's
# where it is not built in, else None; share: bytes of memory it may take, or None.
Task = Mapping[str, Any]


class BrokenOff(NStyleError):
    """A batch cannot go on: results cannot be written, or the cluster is gone."""


@dataclass(frozen=True)
class Answer:
    """The bytes of a result file, or why there is none.

    facts: about the result; refused: it would be the same again; seconds: of painting; notes: what
    was logged meanwhile, (level, line).
    """

    data: bytes = b""
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error: str | None = None
    refused: bool = False
    seconds: float = 0.0
    notes: Sequence[tuple[str, str]] = ()

    @property
    def warnings(self) -> list[str]:
        """The lines among the notes that are for everybody."""
        return [line for level, line in self.notes if level == "WARNING"]

    def as_json(self) -> dict[str, Any]:
        """For a pipe."""
        return {**dataclasses.asdict(self), "data": base64.b64encode(self.data).decode("ascii")}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Answer:
        """Back again."""
        notes = tuple((level, line) for level, line in record["notes"])
        return cls(**{**record, "data": base64.b64decode(record["data"]), "notes": notes})


def of_job(job: Job, threads: int | None, share: int | None) -> Task:
    """The task of a job for a worker with so many threads (None: its own)."""
    return {
        "pictures": dict(job.pictures),
        "options": {**dataclasses.asdict(job.options), "threads": threads},
        "preset": job.preset,
        "name": job.output,
        "files": [*dict.fromkeys(files_of(job).values())],
        "weights": weights_of(job),
        "share": share,
    }


def weights_of(job: Job) -> str | None:
    """The file of the job's network, None for the one that every nstyle has. Raises WeightsError.

    The same for all workers, whatever is installed where they are.
    """
    if job.options.weights is not None:
        return job.options.weights
    model, path = locations.find(job.options.model)
    return None if model in locations.BUILT_IN else path


def died(attempts: int) -> Answer:
    """The answer for a job whose worker died each time."""
    times = "once" if attempts == 1 else f"{attempts} times"
    return Answer(error=f"its worker died {times} while painting it (killed, or out of memory)")


class Pool(Protocol):
    """Workers: processes of this machine, or a cluster."""

    def answers(self, tasks: Iterable[tuple[Any, Task]]) -> Iterator[tuple[Any, Answer]]:
        """(key, answer) of each (key, task), as they come; tasks are taken when there is room."""

    def close(self) -> None:
        """End everything, also in the middle of a painting."""
