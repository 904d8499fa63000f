"""`nstyle batch`: many photos in many styles, by several processes or a Dask cluster."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from nstyle.batch import jobs
from nstyle.batch.checksums import FileChecksums, planned
from nstyle.batch.options import Settings
from nstyle.batch.run import Batch
from nstyle.batch.tasks import BrokenOff, of_job
from nstyle.cli.console import FAILED, INTERRUPTED, OK, configure_logging, say
from nstyle.cli.flags import add_fields, add_options, split_options, typed_for, typed_pictures
from nstyle.options import presets
from nstyle.options.field import build
from nstyle.options.output import OutputOptions

if TYPE_CHECKING:
    from nstyle.batch.run import Finished
    from nstyle.batch.tasks import Pool

OUTPUT_DIR = "output"
WAYS = ("output_dir", "quiet", "verbose")


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `batch`."""
    several = {
        "--content-image": "photos: files, folders, patterns; without any, textures",
        "--style-image": "paintings, the same; each gives a result of its own for every photo",
        "--style-mask": "one for each painting, see nstyle run",
    }
    for name, text in several.items():
        parser.add_argument(name, nargs="+", action="extend", metavar="FILE", help=text)
    for name in ("--content-mask", "--keep-mask"):
        parser.add_argument(name, metavar="FILE", help="of every photo, see nstyle run")
    add_fields(parser, Settings)
    add_fields(parser, OutputOptions, WAYS, {"output_dir": OUTPUT_DIR})
    add_options(parser)


def work(args: argparse.Namespace) -> int:
    """Do what is missing or changed; the exit code. Raises what nstyle refuses."""
    typed, ways = split_options(args, ways=WAYS)
    delivery = build(OutputOptions, {"output_dir": OUTPUT_DIR, **ways})
    settings, folder = typed_for(Settings, args), str(delivery.output_dir)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    presets.resolve(typed, args.preset)  # logs what a preset runs on: once is enough
    configure_logging(quiet=True, verbose=delivery.verbose)
    request = jobs.JobRequest(typed_pictures(args), typed, args.preset, settings.name)
    every = jobs.of_file(settings.jobs, request) if settings.jobs else jobs.of_words(request)
    jobs.check_places(every, folder, args.content_image or ())
    contents = FileChecksums()
    batch = Batch([planned(job, contents) for job in every], contents, folder)
    configure_logging(quiet=delivery.quiet, verbose=delivery.verbose)
    if batch.to_do:
        batch.begin()
    for each in batch.refused:
        why = batch.ledger.error(each)
        say(f"error: {each.job.output}: {why} (as before; it has not changed)")
    teller = BatchReporter(batch, quiet=delivery.quiet)
    code = carry_out(batch, settings, teller) if batch.to_do else OK
    teller.sum_up()
    return code or (FAILED if teller.failed else OK)


def carry_out(batch: Batch, settings: Settings, teller: BatchReporter) -> int:
    """Paint; the exit code but for jobs that failed. Raises what nstyle refuses."""
    try:
        with contextlib.closing(batch.ledger):
            pool, threads, share = make_pool(batch, settings, teller)
            with contextlib.closing(pool):
                batch.run(pool, lambda each: of_job(each.job, threads, share), teller)
    except BrokenOff as error:
        say(f"error: {error}; what is finished is kept, the same command goes on")
        return FAILED
    except KeyboardInterrupt:
        say("interrupted; what is finished is kept, the same command goes on")
        return INTERRUPTED
    return OK


def make_pool(
    batch: Batch, settings: Settings, teller: BatchReporter
) -> tuple[Pool, int | None, int | None]:
    """(what paints, threads and bytes of each worker or None for its own). Raises BackendError."""
    from nstyle.batch.workers import arrange
    from nstyle.optimize.planning import memory
    from nstyle.system import runtime

    to_do = [each.job for each in batch.to_do]
    count, share = None, None  # of processes: elsewhere
    threads = to_do[0].options.threads
    if settings.dask is None or settings.local is not None:
        free, wanted = memory.available(), settings.local or settings.workers
        count, threads = arrange(to_do, wanted, threads, runtime.usable_cores(), free)
        share = None if free is None else max(1, free // count - memory.BASE)
    if settings.dask is None:
        from nstyle.batch.local import Processes

        assert count is not None
        teller.tell(f"{len(to_do)} to do, {count} at a time; threads for each: {threads}")
        return Processes(count, settings.attempts), threads, share
    from nstyle.batch.cluster import Cluster

    pool = Cluster(settings.dask, count, settings.attempts)
    teller.tell(f"{len(to_do)} to do by Dask, {settings.dask}")
    if pool.dashboard:
        teller.tell(f"its dashboard: {pool.dashboard}")
    return pool, threads, share


class BatchReporter:
    """Says how the batch goes, a line for each job, and counts."""

    def __init__(self, batch: Batch, *, quiet: bool) -> None:
        self._batch, self._quiet = batch, quiet
        self._painted, self._lost = 0, 0

    @property
    def failed(self) -> int:
        """Jobs without a result."""
        return self._lost + len(self._batch.refused)

    def tell(self, line: str) -> None:
        """Unless it shall be quiet."""
        if not self._quiet:
            say(line)

    def __call__(self, finished: Finished) -> None:
        """A job is over."""
        from nstyle.optimize.callbacks.progress import time_left

        answer, name = finished.answer, finished.planned.job.output
        for _, line in answer.notes:
            say(f"{name}: {line}")
        where = f"{finished.number} of {len(self._batch.to_do)}: "
        if answer.error is not None:
            self._lost += 1
            say(f"{'' if self._quiet else where}error: {name}: {answer.error}")
            return
        self._painted += 1
        left = f", {time_left(finished.left)}" if finished.left else ""
        epochs = f"{answer.facts['epochs']} epochs in {answer.seconds:.1f} s"
        self.tell(f"{where}{name}: {epochs}{left}")

    def sum_up(self) -> None:
        """The last line."""
        batch = self._batch
        done = f", {len(batch.done)} were there" if batch.done else ""
        failed = f", {self.failed} failed" if self.failed else ""
        line = f"{self._painted} painted{done}{failed} ({batch.ledger.path})"
        if batch.done and not batch.to_do and not self.failed:
            line = f"nothing to do, all {len(batch)} results are there"
        self.tell(f"{batch.folder}: {line}")
