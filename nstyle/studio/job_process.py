"""The process that paints one job: `python -m nstyle.studio.job_process FOLDER SECONDS`.

It tells the server of every epoch, and stops, keeping what is there, at a word of the server, when
the server is gone, or when its time is over.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nstyle.errors import DivergedError, NStyleError
from nstyle.studio.jobs import Job
from nstyle.studio.requests import without_folders
from nstyle.studio.worker import jpeg
from nstyle.system import processes
from nstyle.system.files import atomic_write

log = logging.getLogger("nstyle")

NICENESS = 19  # previews go first
SHOWN = 1280  # px, long edge of the picture on the page
SHOWN_EVERY = 0.4  # seconds
CHECKPOINT_EPOCHS = 10
GRACE = 30.0  # seconds to hear of a stop, save and leave
EPOCHS = 10  # so many of the longest so far, where that is more: a next scale's are longer


def patience(longest: float) -> float:
    """Seconds from a stop to a kill, since it is heard at an epoch's end. longest: so far."""
    return max(GRACE, EPOCHS * longest)


class JobListener:
    """The listener: progress to the server, the newest picture to disk, stops when told to."""

    def __init__(self, job: Job, say: Callable[[Mapping[str, Any]], None], seconds: float) -> None:
        self._job, self._say, self._end = job, say, time.monotonic() + seconds
        self._shown, self._pictures = 0.0, 0
        self._heard, self._longest = time.monotonic(), 0.0  # of epochs, in seconds
        self.wish = ""  # why to stop

    def obey(self) -> None:
        """In a thread: stop at the server's word, and when it is gone."""
        for request in processes.requests():
            self.wish = self.wish or request["stop"]
        self.wish = self.wish or "interrupted"
        time.sleep(patience(self._longest))
        os._exit(1)

    def __call__(self, step: Any) -> None:
        """Raises KeyboardInterrupt where somebody wishes an end."""
        now = time.monotonic()
        self._heard, self._longest = now, max(self._longest, now - self._heard)
        if now - self._shown >= SHOWN_EVERY:
            self.show(step.picture())
            self._shown = now
        facts = {"epoch": step.epoch, "eps": step.eps, "left": step.left}
        self._say({**facts, "size": [step.width, step.height], "pictures": self._pictures})
        if now > self._end:
            self.wish = self.wish or "time"
        if self.wish:
            raise KeyboardInterrupt  # as Ctrl-C does: leaves a checkpoint, keeps the picture

    def show(self, picture: Any) -> None:
        """The picture for the page."""
        from nstyle.optimize.callbacks.report.html import shrunk

        data = jpeg(shrunk(picture.to_pil(), SHOWN))
        atomic_write(self._job.now, lambda file: file.write(data))
        self._pictures += 1


def paint(job: Job, easel: JobListener) -> Any:
    """The result. Raises what nstyle refuses."""
    facts = job.facts
    if facts["one_pass"]:
        from nstyle.feedforward.apply import Instant

        one = {"network": facts.get("network"), "strength": facts["strength"]}
        painter = Instant(facts.get("ready"), **one, **facts["typed"])
        return painter.paint(painter.gather(str(job.folder / "photo")))
    from nstyle import api
    from nstyle.optimize import checkpoint
    from nstyle.options import presets
    from nstyle.options.output import OutputOptions

    preset, photo, style = facts["preset"], str(job.folder / "photo"), str(job.folder / "style")
    pictures = {"content_image": photo, "style_image": [style]}
    if job.checkpoint.exists():
        begun = checkpoint.read(str(job.checkpoint))
        order = checkpoint.again(begun, pictures, {}, {}, preset)
    else:
        begun, delivery = None, OutputOptions(output=str(job.result))
        options = presets.resolve(facts["typed"], preset)
        order = checkpoint.RunRequest(pictures, options, delivery, preset)
    saver = checkpoint.Saver(str(job.checkpoint), CHECKPOINT_EPOCHS, order, begun)
    return api.run(
        photo, [style], order.options, listeners=[easel], preset=order.preset, saver=saver
    )


def deliver(job: Job, easel: JobListener, result: Any) -> dict[str, Any]:
    """Write the picture; what the server is told."""
    easel.show(result.picture)
    result.save(job.result)
    ended = {"epochs": result.epochs, "seconds": result.seconds, "size": list(result.picture.size)}
    if result.stopped != "interrupted":
        job.checkpoint.unlink(missing_ok=True)
        return {"ended": "done", "note": result.why, **ended}
    return {"ended": easel.wish or "interrupted", "note": "", **ended}


def work(job: Job, easel: JobListener) -> dict[str, Any]:
    """Paint and deliver; what the server is told at the end."""
    try:
        return deliver(job, easel, paint(job, easel))
    except DivergedError as error:
        deliver(job, easel, error.result)  # type: ignore[attr-defined]
        return {"ended": "failed", "note": str(error)}
    except NStyleError as error:
        note = str(error).replace(f"{job.folder}{os.sep}", "")
        return {"ended": "failed", "note": without_folders(note, job.facts.values())}
    except KeyboardInterrupt:  # before the first epoch
        return {"ended": easel.wish or "interrupted", "note": ""}
    except Exception:
        log.exception("a bug while painting %s", job.folder)
        return {"ended": "failed", "note": "a bug in nstyle; the server's terminal has more"}


def main(folder: str, seconds: str) -> None:
    """Paint, and say how it went."""
    import fcntl

    os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:
        group.write(str(NICENESS))  # Linux shares the CPU between sessions first
    say = processes.speaker()
    # Until this process ends: the painter of a server that was killed may still be saving.
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
    job = Job(Path(folder), "", json.loads(Path(folder, "job.json").read_text(encoding="utf-8")))
    easel = JobListener(job, say, float(seconds))
    threading.Thread(target=easel.obey, daemon=True).start()
    say(work(job, easel))


if __name__ == "__main__":
    main(*sys.argv[1:])
