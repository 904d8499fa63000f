"""A process that paints one task after another: `python -m nstyle.batch.worker`.

Networks stay loaded, and looks of styles are kept. It writes no files: who asks does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from nstyle import api
from nstyle.batch.tasks import Answer, Task
from nstyle.errors import DivergedError, ImageError, NStyleError
from nstyle.images import image_file, regions
from nstyle.optimize import inputs
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning.plan import Budget
from nstyle.options.options import Options
from nstyle.system import processes

log = logging.getLogger("nstyle")


def answer(task: Task, context: PaintContext) -> Answer:
    """Paint; what is refused, and bugs, become the answer's error and cost this one job."""
    began = time.perf_counter()
    with gathered() as notes:
        outcome = painted_or_error(task, context)
    return replace(outcome, seconds=time.perf_counter() - began, notes=notes)


def painted_or_error(task: Task, context: PaintContext) -> Answer:
    """See answer; without seconds and notes."""
    try:
        return painted(task, context)
    except NStyleError as error:
        # A picture stays as bad as it is; memory, an option for one machine may not.
        return Answer(error=str(error), refused=isinstance(error, (ImageError, DivergedError)))
    except MemoryError:
        return Answer(error="takes more memory than there is; give a smaller --max-long-edge")
    except Exception as error:
        log.exception("a bug while painting %s", task["name"])
        return Answer(
            error=f"a bug in nstyle ({type(error).__name__}: {error}); the worker's log has more"
        )


@contextlib.contextmanager
def gathered() -> Iterator[list[tuple[str, str]]]:
    """Collects log records as (level, line); errors still go to stderr."""
    notes = []

    def gather(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        notes.append((record.levelname, record.getMessage()))
        return False

    log.addFilter(gather)
    try:
        yield notes
    finally:
        log.removeFilter(gather)


def painted(task: Task, context: PaintContext) -> Answer:
    """The result's file, and facts about it. Raises what nstyle refuses."""
    pictures, options = task["pictures"], Options(**task["options"])
    network = options if task["weights"] is None else replace(options, weights=task["weights"])
    masks = regions.given(pictures)
    photo, styles = pictures.get("content_image"), pictures["style_image"]
    read = inputs.gather(photo, styles, network, masks=masks)
    budget = Budget() if task["share"] is None else Budget(task["share"])
    result = api.paint(read, options, preset=task["preset"], context=context, budget=budget)
    width, height = result.picture.size
    facts = {"stopped": result.stopped, "epochs": result.epochs, "model": result.model}
    data = image_file.encode(result.picture, task["name"], metadata=result.metadata)
    return Answer(data, {"width": width, "height": height, **facts})


def main() -> None:
    """Answer until who asks ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides when to end
    say = processes.speaker()
    tasks: queue.Queue[Task] = queue.Queue()

    def listen() -> None:
        for task in processes.requests():
            tasks.put(task)
        os._exit(0)  # nobody waits for answers any more

    threading.Thread(target=listen, daemon=True).start()
    context = PaintContext()
    while True:
        say(answer(tasks.get(), context).as_json())


if __name__ == "__main__":
    main()
