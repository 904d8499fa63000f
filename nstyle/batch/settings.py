"""What a batch is told beside what shapes its pictures."""

from __future__ import annotations

from dataclasses import dataclass

from nstyle.dask_cluster import count, local_count
from nstyle.errors import OptionError
from nstyle.fields import check_fields, option


@dataclass(frozen=True)
class Settings:
    """How a batch is run. Raises OptionError for a bad value."""

    jobs: str | None = option(
        None,
        "instead of pictures: a CSV file with a job in every row, or JSON lines",
        kind=str,
        metavar="FILE",
    )
    name: str = option(
        "{content}_{style}.jpg",
        "of the results; any option may be in it, its extension is the format",
        kind=str,
        metavar="PATTERN",
    )
    workers: int | str = option(
        "auto", "processes that paint at once; auto = as many as help", kind=str, metavar="N"
    )
    dask: str | None = option(
        None,
        "paint on a Dask cluster: tcp://HOST:PORT, or local:N for N processes of this machine",
        kind=str,
        metavar="ADDRESS",
    )
    retries: int = option(
        2, "how often a job is tried again whose worker died", kind=int, low=0, high=100
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.workers != "auto":
            object.__setattr__(self, "workers", count(str(self.workers), "--workers", "auto or "))
        if self.dask is None:
            return
        if self.workers != "auto":
            raise OptionError("--workers: means nothing with --dask; give --dask local:N")
        local_count(self.dask)  # refuses what is neither

    @property
    def local(self) -> int | None:
        """The N of --dask local:N. Raises OptionError."""
        return None if self.dask is None else local_count(self.dask)
