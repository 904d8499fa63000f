"""One file from one address, with the standard library alone: resumes, and tries again."""

from __future__ import annotations

import http.client
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, BinaryIO

from nstyle import __version__
from nstyle.errors import WeightsError

TIMEOUT = 20.0  # seconds without a byte
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt
CHUNK = 2**16
ENOUGH = 2**20  # bytes; an attempt that got so many was worth it and is not counted
LARGEST = 2**31  # bytes; no network of this house is as large
PASSING = (408, 425, 429, 500, 502, 503, 504)  # what a server answers that may soon be well again
PAGE = re.compile(rb"\s*(<!doctype html|<html)", re.IGNORECASE)

Progress = Callable[[int, "int | None"], None]  # (bytes so far, bytes in all where known)


class SourceError(WeightsError):
    """An address does not give the file; another one may."""


class UnreachableError(SourceError):
    """No connection to the address."""


class CutError(SourceError):
    """The connection ended early; what came is kept, and trying again may help."""


def fetch(address: str, file: BinaryIO, *, progress: Progress, tell: Callable[[str], None]) -> bool:
    """Fetch what an unbuffered file, open for appending, still lacks of what lies at the address.

    True where the last answer began at the first byte, so that all is of one answer. Raises
    SourceError where the address does not give it, WeightsError where it cannot be written.
    """
    best, failures, answered = file.tell(), 0, False
    while True:
        try:
            return receive(address, file, progress)
        except (CutError, UnreachableError) as error:
            answered = answered or isinstance(error, CutError)
            gained, best = file.tell() - best, max(best, file.tell())
            failures = 0 if gained >= ENOUGH else failures + 1
            if not answered or failures > len(PAUSES):
                raise
            pause = PAUSES[max(failures - 1, 0)]
            tell(f"{error}; trying again in {pause:g} s")
            time.sleep(pause)


def receive(address: str, file: BinaryIO, progress: Progress) -> bool:
    """One attempt; True if it began at the first byte, False if it went on from what was there.

    Raises CutError, SourceError, and WeightsError where the file cannot be written.
    """
    offset = file.tell()
    with connect(address, offset) as response:
        start = first_byte(response, offset, file)
        total = expected(response, start)
        chunk = read(response)
        # A login or error page with a status of success is not written at all.
        page = response.headers.get_content_type() == "text/html"
        if page or (start == 0 and PAGE.match(chunk)):
            raise SourceError("sent a web page instead of the file (a login or a notice?)")
        if not chunk:
            raise CutError("sent nothing")
        if start == 0:
            file.truncate(file.seek(0))
        while chunk:
            write(file, chunk)
            progress(file.tell(), total)
            if file.tell() > LARGEST:
                raise SourceError("sends more than any network has")
            chunk = read(response)
    if total is not None and file.tell() < total:
        raise CutError(f"the connection was cut at {file.tell()} of {total} bytes")
    return start == 0


def connect(address: str, offset: int) -> Any:
    """The answer of a server that was asked for everything from offset on. Raises SourceError."""
    headers = {"User-Agent": f"nstyle/{__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        request = urllib.request.Request(address, headers=headers)
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and offset:  # there is more than the file has: receive() begins anew
            return connect(address, 0)
        kind = CutError if error.code in PASSING else SourceError
        raise kind(f"answered {error.code} {one_line(error.reason)}") from error
    except urllib.error.URLError as error:
        raise UnreachableError(f"not reached ({one_line(error.reason)})") from error
    except (http.client.InvalidURL, ValueError) as error:
        raise SourceError(f"no address that can be asked ({one_line(error)})") from error
    except (OSError, http.client.HTTPException) as error:
        raise CutError(f"no answer ({one_line(error)})") from error


def first_byte(response: Any, offset: int, file: BinaryIO) -> int:
    """Offset of the answer: at offset (206), or at 0 where a server sends the whole file (200).

    Raises CutError for another part of the file; the next attempt then begins anew.
    """
    if response.status != 206:
        return 0
    start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if start is None or int(start[1]) != offset:
        file.truncate(file.seek(0))
        raise CutError("sent another part of the file than it was asked for")
    return offset


def expected(response: Any, start: int) -> int | None:
    """Bytes of the whole file, or None where the server does not say. Raises SourceError."""
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        return None
    if start + int(length) > LARGEST:
        raise SourceError(f"has {start + int(length)} bytes, more than any network")
    return start + int(length)


def read(response: Any) -> bytes:
    """The next bytes, none at the end. Raises CutError."""
    try:
        return bytes(response.read1(CHUNK))
    except (socket.timeout, TimeoutError) as error:  # one and the same since Python 3.10
        raise CutError(f"nothing came for {TIMEOUT:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise CutError(f"the connection was cut ({one_line(error)})") from error


def write(file: BinaryIO, chunk: bytes) -> None:
    """Append all of it. Raises WeightsError."""
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise WeightsError(
            f"{file.name}: cannot be written ({error.strerror}); make room and call again, "
            "or name another folder with --folder"
        ) from error


def one_line(reason: object) -> str:
    """Message of an error, on one line."""
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())
