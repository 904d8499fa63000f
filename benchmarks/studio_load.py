"""Many users at once of one studio, on this machine alone.

    python -m benchmarks.studio_load [--users 20] [--seconds 300] [--every 20] [--painting 3]

Each user uploads a photo and asks for a preview every 20 seconds, each time in the next style; the
first few paint as well, a new picture as soon as one is finished. Prints how long 9 of 10 previews
took at most, every answer that was an error, the largest memory, and what is left in the temporary
folder. The exit code is 1 where an answer was an error other than a limit that is told, a user was
lost, a preview in ten took longer than 2 seconds, or memory grew from the first half to the second.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

CHECKOUT = Path(__file__).parents[1]
LIMITS = (413, 429)  # statuses of limits that are told
LONGEST = 120  # seconds that an answer may take
SOON = 2.0  # seconds in which 9 of 10 previews come
GROWTH = 1.25  # of memory; which sizes are painted is left to chance


@dataclass
class Found:
    """What the users met with."""

    previews: list[float] = field(default_factory=list)  # seconds
    pictures: int = 0  # painted
    epochs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)  # (seconds, bytes)


class User(threading.Thread):
    """Asks for previews, perhaps paints, until its time is over."""

    def __init__(self, number: int, address: str, words: argparse.Namespace, found: Found) -> None:
        super().__init__(daemon=True)
        self._number, self._address, self._found = number, address, found
        self._chance = random.Random(number)
        self._token = self._chance.getrandbits(128).to_bytes(16, "big").hex()
        self._paints, self._every = number < words.painting, words.every
        self._end = time.monotonic() + words.seconds
        self._edge, self._job = words.long_edge, ""
        self.stayed = False  # to the end

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """The answer's body. Raises OSError."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Authorization": f"Bearer {self._token}"}, method=method
        )
        with urllib.request.urlopen(request, timeout=LONGEST) as answer:
            return answer.read()

    def run(self) -> None:
        """Notes what goes wrong, and goes on."""
        time.sleep(self._chance.uniform(0, self._every))
        photo, styles = "", []
        while time.monotonic() < self._end:
            began = time.monotonic()
            with self.noting():
                styles = styles or json.loads(self.ask("GET", "/api/shelf"))["styles"]
                style = styles[self._chance.randrange(len(styles))]["id"]
                photo = photo or json.loads(self.ask("POST", "/api/pictures", self.photo()))["id"]
                self.preview(photo, style)
                if self._paints:
                    self.paint(photo, style)
            time.sleep(max(0.0, began + self._every - time.monotonic()))
        self.stayed = True

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Errors are counted by their sentence."""
        try:
            yield
        except urllib.error.HTTPError as error:
            with error:
                told = f"{error.code} {error.read().decode(errors='replace')[:200]}"
            (self._found.refused if error.code in LIMITS else self._found.errors)[told] += 1
        except (OSError, ValueError, KeyError) as error:
            self._found.errors[repr(error)[:200]] += 1

    def photo(self) -> bytes:
        """A part of the sample photo, of another shape for each user."""
        with Image.open(CHECKOUT / "input" / "coffee.jpg") as whole:
            width, height = (self._chance.randint(edge // 2, edge) for edge in whole.size)
            part = whole.crop((0, 0, width, height)).resize((width * 3, height * 3))
        buffer = io.BytesIO()
        part.save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    def preview(self, photo: str, style: str) -> None:
        """One, timed."""
        began = time.perf_counter()
        data = self.ask("POST", "/api/preview", {"photo": photo, "style": style})
        self._found.previews.append(time.perf_counter() - began)
        if data[:3] != b"\xff\xd8\xff":
            raise ValueError("a preview that is no JPEG")

    def paint(self, photo: str, style: str) -> None:
        """Look after the painting; a new one where there is none or it is finished."""
        if self._job:
            job = json.loads(self.ask("GET", f"/api/jobs/{self._job}"))
            if job["state"] in ("queued", "painting"):
                return
            if job["state"] != "done":
                raise ValueError(f"a painting is {job['state']}: {job['note']}")
            self._found.pictures += 1
            self._found.epochs += job["progress"]["epoch"]
            self.ask("GET", f"/api/jobs/{self._job}/picture?full=1")
        order = {"photo": photo, "style": style, "options": {"max_long_edge": self._edge}}
        self._job = json.loads(self.ask("POST", "/api/jobs", order))["id"]


@contextlib.contextmanager
def studio(folder: Path, temporary: Path) -> Iterator[tuple[int, str]]:
    """(process id, address) of a studio."""
    command = [sys.executable, "-m", "nstyle", "studio", "--port", "0", "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(temporary)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            print(line, end="", flush=True)
            if address := re.search(r"open at (http://\S+)/;", line):
                break
        else:
            raise SystemExit("the studio did not open")
        errors = process.stderr
        threading.Thread(target=lambda: sys.stderr.writelines(errors), daemon=True).start()
        yield process.pid, address[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(LONGEST)


def memory(pid: int) -> int:
    """Bytes that a process and its children hold for themselves alone."""
    total = 0
    with contextlib.suppress(OSError, ValueError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total = sum(int(size) for size in re.findall(r"Private_\w+:\s+(\d+) kB", rollup)) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(memory(int(child)) for child in (task / "children").read_text().split())
    return total


def report(found: Found, left: list[str]) -> int:
    """Print all; the exit code."""
    bad = bool(found.errors or left or not found.previews)
    if len(found.previews) >= 10:
        tenths = statistics.quantiles(found.previews, n=10)
        print(
            f"{len(found.previews)} previews: half within {tenths[4]:.2f} s, 9 of 10 within "
            f"{tenths[8]:.2f} s, all within {max(found.previews):.2f} s"
        )
        bad |= tenths[8] > SOON
    print(f"{found.pictures} pictures painted, {found.epochs} epochs")
    half = len(found.memory) // 2
    parts = {"first": found.memory[:half], "second": found.memory[half:]}
    largest = {name: max(size for _, size in part) for name, part in parts.items() if part}
    for name, size in largest.items():
        print(f"memory, {name} half: at most {size / 2**20:.0f} MB")
    bad |= "first" in largest and largest["second"] > GROWTH * largest["first"]
    for told, count in found.refused.items():
        print(f"limit told {count} times: {told}")
    for told, count in found.errors.items():
        print(f"ERROR {count} times: {told}")
    print(f"left in the temporary folder: {', '.join(left) or 'nothing'}")
    return int(bad)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--painting", type=int, default=3, help="how many of them paint")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two previews")
    parser.add_argument("--long-edge", type=int, default=512, help="of the paintings, in pixels")
    words = parser.parse_args()
    found = Found()
    with tempfile.TemporaryDirectory() as place:
        temporary = Path(place, "tmp")
        temporary.mkdir()
        with studio(Path(place, "studio"), temporary) as (pid, address):
            users = [User(number, address, words, found) for number in range(words.users)]
            began = time.monotonic()
            for user in users:
                user.start()
            while any(user.is_alive() for user in users):
                found.memory.append((time.monotonic() - began, memory(pid)))
                time.sleep(1)
        found.errors.update("a user was lost" for user in users if not user.stayed)
        left = sorted(str(path.relative_to(temporary)) for path in temporary.rglob("*"))
        left += [path.name for path in Path(place, "studio").iterdir() if path.name != "people"]
    return report(found, left)


if __name__ == "__main__":
    sys.exit(main())
