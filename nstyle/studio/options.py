"""The options of `nstyle studio`: address, folders, limits."""

from __future__ import annotations

import ipaddress
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nstyle.errors import OptionError
from nstyle.options.field import check_fields, option
from nstyle.system import locations
from nstyle.system.files import make_folder

log = logging.getLogger("nstyle")


@dataclass(frozen=True)
class Settings:
    """Address, folders and limits. Raises OptionError for a bad value."""

    host: str = option("127.0.0.1", "address to listen at; 0.0.0.0 = all networks")
    port: int = option(7860, "port to listen at; 0 = any free one", low=0, high=65535)
    folder: str | None = option(
        None, "keeps uploads and paintings (default: in the user's data folder)", metavar="DIR"
    )
    networks: str | None = option(
        None,
        "networks of nstyle train for the shelf (default: networks beside that folder)",
        metavar="DIR",
    )
    upload_megabytes: float = option(40.0, "largest file of a picture", low=0.01)
    upload_megapixels: float = option(64.0, "largest picture", low=0.01)
    upload_long_edge: int = option(20_000, "its longest edge, in pixels", low=64)
    max_long_edge: int = option(2048, "longest edge of a painting, in pixels", low=64, high=65000)
    queue: int = option(20, "paintings that may wait", low=0)
    minutes: float = option(60.0, "longest time for one painting", low=0.01, high=1e6)
    history: int = option(200, "paintings kept for each browser", low=1)
    gigabytes: float = option(
        20.0, "uploads and paintings of all, after which nothing new is taken", low=0.01
    )

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def home(self) -> Path:
        """The folder that keeps everything."""
        return Path(self.folder) if self.folder else locations.data_folder() / "studio"

    @property
    def shelf(self) -> Path:
        """The folder of trained networks."""
        return Path(self.networks) if self.networks else self.home.absolute().parent / "networks"

    def limits(self) -> dict[str, Any]:
        """The limits, for the page."""
        names = ("upload_megabytes", "upload_megapixels", "upload_long_edge", "max_long_edge",
                 "queue", "minutes", "history")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def this_machine(host: str) -> bool:
    """Whether a name or address is this machine's for itself; others can give theirs to it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can look into. Raises OSError."""
    make_folder(path, mode=0o700)
    return path


def check_home(settings: Settings) -> Path:
    """The folder that keeps everything, made and writable. Raises OptionError."""
    try:
        for folder in (settings.home, settings.home / "people"):
            with tempfile.TemporaryFile(dir=private_folder(folder)):
                pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"--folder {settings.home}: cannot be written ({reason}); give another folder"
        ) from error
    return settings.home


def held(folder: Path) -> int:
    """Lock a folder until the file number is closed or the process ends; nothing is left in it.

    Raises OptionError where another studio has it: each would take the other's paintings for lost.
    """
    import fcntl

    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise OptionError(
            f"--folder {folder}: another studio has it open; close that one, or give another folder"
        ) from None
    except OSError as error:
        log.warning("%s cannot be locked (%s); open no second studio on it", folder, error)
    return number
