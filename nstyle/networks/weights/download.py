"""Weights files from the network: tried at several addresses, checked, put in place in one step.

The standard library is all it needs, so that it works before anything is installed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from nstyle.errors import OptionError, WeightsError
from nstyle.networks.weights.http import Progress, SourceError, UnreachableError, fetch
from nstyle.system import extras

READER = extras.advice("weights")  # what reading .h5 needs beside nstyle itself
EXAMPLE = "mxnet/neural-style/model/vgg19.params"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
NO_TOP = "weights_tf_dim_ordering_tf_kernels_notop.h5"


@dataclass(frozen=True)
class Source:
    """One address of a weights file, and the checksum that tells it from anything else.

    file: its name in a folder of weights and on a mirror. kind: "git-blob" (SHA-1 as git names
    contents) or "md5". needs: what must be installed to read it, or "".
    """

    file: str
    address: str
    kind: str
    checksum: str
    needs: str = ""


VGG19 = Source(
    "vgg19.params",
    f"https://raw.githubusercontent.com/dmlc/web-data/master/{EXAMPLE}",
    "git-blob",
    "9dfbe2ed44e0e8914f9551888bf763e14c09c778",
)
VGG19_KERAS = Source(
    "vgg19.h5", f"{KERAS}/vgg19/vgg19_{NO_TOP}", "md5", "253f8cb515780f3b799900260a226db6", READER
)
VGG16_KERAS = Source(
    "vgg16.h5", f"{KERAS}/vgg16/vgg16_{NO_TOP}", "md5", "6d6bbae143d832006294945121d1f1fc", READER
)
# model -> its sources, in the order they are tried
SOURCES: dict[str, tuple[Source, ...]] = {
    "vgg19": (
        VGG19,
        # large files are at times served here only
        replace(VGG19, address=f"https://github.com/dmlc/web-data/raw/master/{EXAMPLE}"),
        VGG19_KERAS,
    ),
    "vgg16": (VGG16_KERAS,),
}


@dataclass(frozen=True)
class Download:
    """A checked weights file; fresh: it was not there before."""

    path: Path
    source: Source
    fresh: bool


def download(
    model: str,
    folder: str | os.PathLike[str],
    *,
    mirror: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
    progress: Progress = lambda done, total: None,
) -> Download:
    """A model's weights file in a folder, fetched where it is not there yet.

    mirror: an address under which the files lie by their names, instead of the usual ones. tell
    gets lines for people, progress (bytes so far, all bytes or None). An interrupted file is kept
    as `.part` and gone on with. Raises WeightsError, OptionError; nothing wrong is ever kept.
    """
    sources, place = sources_of(model, mirror), Path(folder)
    old = present(sources, place)
    if old is not None:
        return old
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    failures: list[tuple[Source, SourceError]] = []
    for source in sources:
        tell(source.address)
        try:
            path = obtain(source, place, tell, progress)
        except SourceError as error:
            failures.append((source, error))
            continue
        for failed, _ in failures:
            if failed.file != source.file:
                with contextlib.suppress(OSError):
                    part_of(place / failed.file).unlink()
        return Download(path, source, fresh=True)
    raise WeightsError(f"{model}: {ways_out(failures, place)}")


def sources_of(model: str, mirror: str | None = None) -> list[Source]:
    """Addresses of a model; a mirror is asked once for each file. Raises OptionError."""
    sources = SOURCES[model]
    if mirror is None:
        return list(sources)
    with contextlib.suppress(ValueError):  # e.g. half an IPv6 address
        parts = urllib.parse.urlsplit(mirror)
        if parts.scheme in ("http", "https") and parts.netloc:
            root = mirror.rstrip("/")
            by_file = {source.file: source for source in sources}
            return [replace(one, address=f"{root}/{one.file}") for one in by_file.values()]
    raise OptionError(
        f"--mirror: {mirror!r} is no address; allowed is http://... or https://..., "
        f"under which {sources[0].file} lies"
    )


def present(sources: Sequence[Source], folder: Path) -> Download | None:
    """The right files. Raises WeightsError for a file that is there and is another."""
    for source in sources:
        path = folder / source.file
        if not os.path.lexists(path):
            continue
        if not path.is_file() or not is_right(path, source):
            raise WeightsError(
                f"{path}: is there, but is not the known {source.file} (its checksum differs); "
                "move it away and call again, or use it as it is with --weights"
            )
        return Download(path, source, fresh=False)
    return None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """An OSError in the block becomes a WeightsError that names `path`."""
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be written ({error.strerror}); name another folder with --folder"
        ) from error


def obtain(source: Source, folder: Path, tell: Callable[[str], None], progress: Progress) -> Path:
    """Fetch, check, put in place. Raises SourceError, WeightsError."""
    target = folder / source.file
    part = part_of(target)
    with opened(part) as file:
        if not is_right(part, source):
            whole = fetch(source.address, file, progress=progress, tell=tell)
            if not whole and not is_right(part, source):
                tell(f"{part}: did not belong to this file; beginning anew")
                file.truncate(file.seek(0))
                fetch(source.address, file, progress=progress, tell=tell)
            if not is_right(part, source):
                file.truncate(0)  # an empty part is removed when it is closed
                raise SourceError(f"sent something that is not {source.file}; nothing was kept")
        with writing(target):
            os.fsync(file.fileno())
            os.replace(part, target)
    return target


@contextlib.contextmanager
def opened(part: Path) -> Iterator[BinaryIO]:
    """A part open at its end, for this process alone; an empty one goes. Raises WeightsError."""
    with writing(part):
        file = open(part, "a+b", buffering=0)  # noqa: SIM115 - unbuffered: nothing is lost
    with file:
        lock(file, part)
        file.seek(0, os.SEEK_END)
        try:
            yield file  # type: ignore[misc]
        finally:
            with contextlib.suppress(OSError):  # or it would take the place of another error
                if is_at(file, part) and part.stat().st_size == 0:
                    part.unlink()


def lock(file: BinaryIO, part: Path) -> None:
    """Refuse a part that another process is writing. Raises WeightsError."""
    try:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            return  # a file system without locks
        raise WeightsError(f"{part}: another download is writing it; wait for that one") from error
    if not is_at(file, part):
        raise WeightsError(f"{part}: another download has just ended; call again")


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one at a path."""
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))


def part_of(target: Path) -> Path:
    """Path of an incomplete file."""
    return target.with_name(target.name + ".part")


def is_right(path: Path, source: Source) -> bool:
    """Whether a file has the checksum of a source. Raises WeightsError if it cannot be read."""
    try:
        return digest(path, source.kind) == source.checksum
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error


def digest(path: Path, kind: str) -> str:
    """The hexadecimal "md5", or "git-blob": SHA-1 over a header and the content. Raises OSError."""
    if kind == "md5":
        state = hashlib.md5(usedforsecurity=False)
    else:
        state = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(2**20), b""):
            state.update(chunk)
    return state.hexdigest()


def ways_out(failures: Sequence[tuple[Source, SourceError]], folder: Path) -> str:
    """Why no source gave the file, and what to do, on one line."""
    first = failures[0][0]
    hosts = [urllib.parse.urlsplit(source.address).netloc for source, _ in failures]
    if all(isinstance(error, UnreachableError) for _, error in failures):
        why = f"no connection to {', '.join(hosts)}"
    else:
        why = ", ".join(f"{host} {error}" for host, (_, error) in zip(hosts, failures))
    target = folder / first.file
    go_on = "call again to go on with what has come, " if part_of(target).exists() else ""
    return (
        f"{why}; {go_on}put {first.address} at {target} by hand, name another server with "
        "--mirror URL, or use the built-in vgg16-slim, which needs no download"
    )
