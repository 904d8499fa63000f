"""The options of `nstyle batch` that do not shape pictures."""

from __future__ import annotations

from dataclasses import dataclass

from nstyle.distributed.dask_cluster import count, local_count
from nstyle.errors import OptionError
from nstyle.options.field import check_fields, option

RETRIES = 2


@dataclass(frozen=True)
class Settings:
    """The options of a batch. Raises OptionError for a bad value."""

    jobs: str | None = option(
        None,
        "instead of pictures: a CSV file with a job in every row, or JSON lines",
        metavar="FILE",
    )
    name: str = option(
        "{content}_{style}.jpg",
        "of the results; any option may be in it, its extension is the format",
        metavar="PATTERN",
    )
    workers: int | str = option(
        "auto", "processes that paint at once; auto = as many as help", metavar="N"
    )
    dask: str | None = option(
        None,
        "paint on a Dask cluster: tcp://HOST:PORT, or local:N for N processes of this machine",
        metavar="ADDRESS",
    )
    retries: int | None = option(
        None,
        f"how often a job is tried again whose worker died (default: {RETRIES})",
        kind=int,
        low=0,
        high=100,
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.workers != "auto":
            object.__setattr__(self, "workers", count(str(self.workers), "--workers", "auto or "))
        if self.dask is None:
            return
        if self.workers != "auto":
            raise OptionError("--workers: means nothing with --dask; give --dask local:N")
        if local_count(self.dask) is None and self.retries is not None:
            raise OptionError(
                f"--retries: means nothing with --dask {self.dask}, whose scheduler decides by "
                "distributed.scheduler.allowed-failures; leave it out"
            )

    @property
    def attempts(self) -> int:
        """Number of tries of a job."""
        return 1 + (RETRIES if self.retries is None else self.retries)

    @property
    def local(self) -> int | None:
        """The N of --dask local:N. Raises OptionError."""
        return None if self.dask is None else local_count(self.dask)
