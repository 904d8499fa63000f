"""The batch itself: what is left to do is given out; what comes back is written and noted down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nstyle.batch import jobs
from nstyle.batch.checksums import FileChecksums, PlannedJob, circumstances, digest_of
from nstyle.batch.manifest import DONE, REFUSED, TO_DO, Manifest
from nstyle.batch.tasks import Answer, BrokenOff, Pool, Task
from nstyle.system.files import atomic_write, sweep_beside
from nstyle.system.interrupts import Postponement


@dataclass(frozen=True)
class Finished:
    """A job that is over. number: how many are; left: seconds for the others, about."""

    planned: PlannedJob
    answer: Answer
    number: int
    left: float


class Batch:
    """All jobs of a batch, and where each stands before it begins."""

    def __init__(self, plans: Sequence[PlannedJob], contents: FileChecksums, folder: str) -> None:
        self.folder, self._contents = folder, contents
        self.ledger = Manifest(folder)
        by_standing: dict[str, list[PlannedJob]] = {DONE: [], REFUSED: [], TO_DO: []}
        for planned in plans:
            by_standing[self.ledger.standing(planned)].append(planned)
        self.done, self.refused, self.to_do = by_standing.values()

    def __len__(self) -> int:
        return len(self.done) + len(self.refused) + len(self.to_do)

    def begin(self) -> None:
        """Refuse what cannot be done, and be the one who writes. Raises what nstyle refuses."""
        from nstyle.images import image_file  # here, because it loads numpy

        jobs.check([planned.job for planned in self.to_do])
        places = [os.path.join(self.folder, planned.job.output) for planned in self.to_do]
        kinds = {(os.path.dirname(place), os.path.splitext(place)[1]): place for place in places}
        for place in kinds.values():
            image_file.check_destination(place)
            sweep_beside(place)
        self.ledger.begin()

    def run(
        self, pool: Pool, task: Callable[[PlannedJob], Task], tell: Callable[[Finished], Any]
    ) -> None:
        """Do what there is to do, after begin().

        Ctrl-C ends it between two jobs, none of which is half written. Raises BrokenOff where
        results can no longer be written, or the pool is gone.
        """
        began = time.monotonic()
        tasks = ((planned, task(planned)) for planned in self.to_do)
        for number, (planned, answer) in enumerate(pool.answers(tasks), 1):
            with Postponement() as interrupted:
                answer = self._deliver(planned, answer)
                left = (time.monotonic() - began) / number * (len(self.to_do) - number)
                tell(Finished(planned, answer, number, left))
            if interrupted():
                raise KeyboardInterrupt

    def _deliver(self, planned: PlannedJob, answer: Answer) -> Answer:
        """Write the result and its line; the answer as it is noted. Raises BrokenOff."""
        for facts in planned.facts["inputs"].values():
            if self._contents.changed(facts["file"]):
                error = f"{facts['file']}: was changed while the batch ran; start it again"
                answer = Answer(error=error, seconds=answer.seconds)
                break
        place = os.path.join(self.folder, planned.job.output)
        record: dict[str, Any] = {
            "output": planned.job.output,
            "key": planned.key,
            **planned.facts,
            "result": None,
            "seconds": round(answer.seconds, 3),
            "warnings": answer.warnings,
            "error": answer.error,
            "refused": circumstances(planned.job) if answer.refused else None,
        }
        try:
            if answer.error is None:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                atomic_write(place, lambda file: file.write(answer.data))
                facts = {"sha256": digest_of(place), "bytes": len(answer.data), **answer.facts}
                record["result"] = facts
            self.ledger.add(record)
        except OSError as error:
            raise BrokenOff(f"{place}: cannot be written ({error.strerror})") from error
        return answer
