"""The options of `nstyle mural`; those of a picture that it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from nstyle.distributed.dask_cluster import local_count
from nstyle.errors import OptionError
from nstyle.options.field import check_fields, option
from nstyle.options.options import Options


@dataclass(frozen=True)
class Settings:
    """Where and in how many parts a mural is painted. Raises OptionError for a bad value."""

    dask: str = option(
        "local:2",
        "the Dask cluster: tcp://HOST:PORT, or local:N for N processes of this machine",
        metavar="ADDRESS",
    )
    parts: int | None = option(
        None, "parts of the picture (default: one for each worker)", kind=int, low=1, high=512
    )

    def __post_init__(self) -> None:
        check_fields(self)
        local_count(self.dask)  # refuses what is neither

    @property
    def local(self) -> int | None:
        """The N of --dask local:N."""
        return local_count(self.dask)


def check(options: Options) -> None:
    """Refuse what cannot be done in parts. Raises OptionError."""
    if options.optimizer == "lbfgs":
        raise OptionError(
            "--optimizer: lbfgs keeps all of the picture in one place; a mural takes sgd, nag, adam"
        )
    if options.tile == "off":
        raise OptionError("--tile: off is not allowed, a mural is painted in parts; auto or N px")
