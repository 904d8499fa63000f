"""A studio for tests: a real server in a process of its own, and a client without a browser."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHECKOUT = Path(__file__).parents[1]
LONGEST = 180  # seconds that anything may take
ANNE, BERT = "a" * 32, "b" * 48

needs_gradio = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None,
    reason="Gradio is not installed (pip install '.[studio]', Python 3.10 or later)",
)


def picture(seed: int = 1, size: tuple[int, int] = (96, 72), kind: str = "PNG") -> bytes:
    """Soft colours as a file."""
    values = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


@dataclass
class Answer:
    """Status, body, and headers in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        return self.json["error"]


@dataclass
class Atelier:
    """A running studio."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    temporary: Path
    lines: list[str]

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = ANNE, **headers: str
    ) -> Answer:
        """One request; a body that is no bytes is sent as JSON."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, headers={k.replace("_", "-"): v for k, v in headers.items()},
            method=method,
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=LONGEST) as answer:
                return Answer(answer.status, answer.read(), dict(answer.headers.items()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers.items()))
        except urllib.error.URLError as error:
            if not isinstance(error.reason, BrokenPipeError):
                raise
            return self.ask(method, path, body, token, **headers)  # closed before all was sent

    def upload(self, data: bytes, name: str = "picture.png", token: str = ANNE) -> Answer:
        """A picture."""
        return self.ask("POST", f"/api/pictures?name={urllib.request.quote(name)}", data, token)

    def paint(self, token: str = ANNE, **options: Any) -> Answer:
        """A job: two small uploads."""
        photo, style = (self.upload(picture(seed), f"{seed}.png", token).json for seed in (1, 2))
        order = {"photo": photo["id"], "style": style["id"], "options": options}
        return self.ask("POST", "/api/jobs", order, token)

    def wait(self, id: str, until: Callable[[dict[str, Any]], Any], token: str = ANNE) -> Any:
        """The job, once that is so."""
        end = time.monotonic() + LONGEST
        while True:
            job = self.ask("GET", f"/api/jobs/{id}", token=token).json
            if until(job):
                return job
            assert time.monotonic() < end, f"it did not come: {job}\n{''.join(self.lines)}"
            time.sleep(0.1)  # each answer takes its time from the painting

    def job_folder(self, id: str) -> Path:
        """Where a job lies."""
        (found,) = self.folder.glob(f"people/*/jobs/{id}")
        return found

    def children(self) -> list[int]:
        """Its worker processes."""
        path = Path(f"/proc/{self.process.pid}/task")
        lists = []
        for task in path.iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                lists.append((task / "children").read_text().split())
        return [int(pid) for pids in lists for pid in pids]

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(LONGEST)

    def close(self) -> None:
        """As Ctrl-C would."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LONGEST)


@contextlib.contextmanager
def opened(folder: Path, *words: str) -> Iterator[Atelier]:
    """A studio with its pictures in a folder, and a temporary folder of its own beside it."""
    temporary = folder.with_name(f"{folder.name}-tmp")
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "nstyle", "studio", "--port", "0", "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [*command, *words], stderr=subprocess.PIPE, text=True, env=environment, cwd=folder.parent
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line)
            found = re.search(r"open at (http://\S+)/;", line)
            if found:
                break
        assert found, "".join(lines)
        errors = process.stderr
        threading.Thread(target=lambda: lines.extend(errors), daemon=True).start()
        atelier = Atelier(process, found[1], folder, temporary, lines)
        answers(atelier)
        yield atelier
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def answers(atelier: Atelier) -> None:
    """Wait until it does."""
    end = time.monotonic() + LONGEST
    while True:
        try:
            assert atelier.ask("GET", "/healthz", token=None).json["ok"]
            return
        except OSError:
            assert time.monotonic() < end and atelier.process.poll() is None, atelier.lines
            time.sleep(0.05)
