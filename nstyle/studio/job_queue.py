"""Paintings one after another: who waits, who is painted, how far; each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import threading
import time
from typing import Any

from nstyle.studio import job_process
from nstyle.studio.jobs import Job
from nstyle.studio.options import Settings
from nstyle.studio.requests import Refused
from nstyle.system import processes

log = logging.getLogger("nstyle")

PER_PERSON = 5  # paintings that one browser may have waiting
AT_ONCE = "at once"


class Painter:
    """One painting at a time; all others wait in the order they came."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._changed = threading.Condition(threading.RLock())
        self._waiting: list[Job] = []
        self._job: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._progress: dict[str, Any] = {}
        self._longest = 0.0  # seconds between two of its words so far
        self._wish = ""  # why the present painting shall end
        self._closing = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> None:
        """Start to work."""
        self._thread.start()

    def add(self, job: Job) -> None:
        """Let a job wait for its turn. Raises Refused where too many wait, or it does already."""
        with self._changed:
            if self.find(job.id):
                raise Refused("this painting waits or is being painted already", 409)
            self.check_room(job.owner)
            job.change("queued", progress=None)
            self._waiting.append(job)
            self._changed.notify_all()

    def check_room(self, owner: str) -> None:
        """Raises Refused where too many wait."""
        with self._changed:
            mine = sum(job.owner == owner for job in self._waiting)
            if len(self._waiting) >= self._settings.queue and (self._job or self._waiting):
                raise Refused(f"{len(self._waiting)} paintings wait already; try again later", 429)
            if mine >= PER_PERSON:
                raise Refused(f"{mine} paintings of yours wait already; let one finish first", 429)

    def find(self, id: str) -> Job | None:
        """The job, if it waits or is painted: this object knows it better than its file."""
        with self._changed:
            jobs = [*self._waiting, self._job]
            return next((job for job in jobs if job and job.id == id), None)

    def describe(self, job: Job) -> dict[str, Any]:
        """The job as JSON, with its place in the queue (1 = next) and its progress."""
        with self._changed:
            job = self.find(job.id) or job
            facts = job.as_json()
            if job in self._waiting:
                facts["place"] = self._waiting.index(job) + 1
            if self._job is job and self._progress:
                facts["progress"] = dict(self._progress)
            return facts

    def counts(self) -> dict[str, int]:
        """Number of jobs that are painted or wait."""
        with self._changed:
            return {"painting": int(self._job is not None), "waiting": len(self._waiting)}

    def stop(self, job: Job, wish: str = "stopped") -> None:
        """End a painting, keeping what is there, or take it out of the queue."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.change("stopped", "taken out of the queue")
            elif self._job is job:
                self._end(wish)

    def drop(self, job: Job) -> None:
        """End a painting at once, for its job is deleted."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
            elif self._job is job:
                self._end(AT_ONCE)
                self._changed.wait_for(lambda: self._job is not job, timeout=job_process.GRACE)

    def _end(self, wish: str) -> None:
        """Tell the process, now or as soon as it is there."""
        self._wish, process = wish, self._process
        if process is None:
            return
        if wish == AT_ONCE:
            process.kill()
            return
        with contextlib.suppress(OSError, ValueError):  # it may have ended
            assert process.stdin is not None
            process.stdin.write(json.dumps({"stop": wish}) + "\n")
            process.stdin.flush()
        threading.Thread(target=self._kill_later, args=(process,), daemon=True).start()

    def _kill_later(self, process: subprocess.Popen[str]) -> None:
        """Kill a process that does not stop by itself."""
        try:
            process.wait(job_process.patience(self._longest))
        except subprocess.TimeoutExpired:
            process.kill()

    def close(self) -> None:
        """Interrupt what is painted, so that it can be gone on with."""
        with self._changed:
            self._closing = True
            for job in self._waiting:
                job.change("interrupted", "the studio was closed before its turn came")
            self._waiting.clear()
            if self._job is not None:
                self.stop(self._job, "interrupted")
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(job_process.patience(self._longest) + 5)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                self._job, self._progress, self._wish = self._waiting.pop(0), {}, ""
                self._longest = 0.0
            try:
                self._paint(self._job)
            except Exception:
                log.exception("a bug in the studio's queue, or a full disk")
                with contextlib.suppress(OSError):
                    self._job.change("failed", "the server's terminal says why")
            with self._changed:
                self._job, self._process = None, None
                self._changed.notify_all()

    def _paint(self, job: Job) -> None:
        """One job, from its process' first word to its last."""
        began = time.monotonic()
        seconds = self._settings.minutes * 60
        job.change("painting", progress=None)
        with self._changed:
            self._process = process = processes.start(
                job_process.__name__, [str(job.folder), str(seconds)]
            )
            if self._wish:
                self._end(self._wish)
        overdue = threading.Timer(seconds, self._kill_later, [process])
        overdue.daemon = True
        overdue.start()
        end: dict[str, Any] = {}
        heard = time.monotonic()
        first = 0.0  # when the first epoch was over: loading tells nothing of the speed
        assert process.stdout is not None
        for line in process.stdout:
            record = json.loads(line)
            if "ended" in record:
                end = record
            else:
                now = time.monotonic()
                first = first or now
                with self._changed:
                    self._longest, heard = max(self._longest, now - heard), now
                    self._progress = {**record, "seconds": now - first}
        overdue.cancel()
        processes.end(process)
        with self._changed:
            self._finish(job, end, time.monotonic() - began)

    def _finish(self, job: Job, end: dict[str, Any], seconds: float) -> None:
        """The state a job ends in."""
        minutes = self._settings.minutes
        # One that is gone without a word was killed, or out of memory.
        how = end.get("ended", "time" if seconds > minutes * 60 else "interrupted")
        notes = {
            "time": f"stopped after {minutes:g} minutes, the longest a painting may take here",
            "interrupted": "interrupted",
            "stopped": "stopped by you",
        }
        state, note = "stopped" if how == "time" else how, end.get("note") or notes.get(how, "")
        job.change(state, note, seconds=seconds, progress=self._progress or None)
