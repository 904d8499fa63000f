"""Stopping and going on: what a run leaves in its checkpoint, and who may go on with it.

Knows neither MXNet nor how a picture is painted; see `system.checkpoint_file` for the file.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nstyle import __version__
from nstyle.errors import CheckpointError, OptionError
from nstyle.optimize.records import REASONS, Step
from nstyle.optimize.solver.optimizers import STATES
from nstyle.options.field import absolute, build, shown, with_absolute_paths
from nstyle.options.options import Options, shaping
from nstyle.options.output import OutputOptions
from nstyle.options.parse import flag
from nstyle.system import checkpoint_file, checksums, runtime
from nstyle.system.checkpoint_path import aside, hint, same

log = logging.getLogger("nstyle")

KIND = "a run"
# Options that no longer exist -> the value at which they had no effect.
GONE = {"average": 0.0, "border": 0, "epsilon": 1e-8, "rescale_method": "bicubic"}
SCALARS = {...: (str, float, bool, None)}
STEP = {
    **dict.fromkeys(("epoch", "scale", "width", "height"), checkpoint_file.count),
    **dict.fromkeys(("loss", "eps", "seconds"), float),
    "terms": {...: float},
}
FORM = {  # of a checkpoint's facts
    "order": {
        "pictures": lambda found: (
            "style_image" in found and checkpoint_file.agrees(found, {...: (str, [str])})
        ),
        "options": SCALARS,
        "delivery": SCALARS,
        "preset": (str, None),
    },
    "inputs": {...: str},
    "state": {...: float},
    "saved": {
        "scale": checkpoint_file.count,
        "before": checkpoint_file.count,
        "stopped": tuple(["", "interrupted", *REASONS]),
        "history": [STEP],
    },
}
# What fields of `inputs.Inputs` are called in a refusal.
NAMES = {
    "styles": "painting",
    "shares": "blend of the paintings",
    "regions": "content or style mask",
    "keep": "keep mask",
    "chroma": "photo",
    "start": "picture of --init",
    "weights": "weights file",
}


@dataclass(frozen=True)
class RunState:
    """State of a painting, on the host.

    scale: which size, from 1; before: epochs of smaller sizes; stopped: why this size is finished,
    or ""; history: all steps; x, good: see loop.LoopState, float32 (1, 3, H, W); state: the
    optimiser's, numbers and arrays.
    """

    scale: int
    before: int
    stopped: str
    history: Sequence[Step]
    x: np.ndarray
    good: np.ndarray
    state: Mapping[str, Any]


@dataclass(frozen=True)
class RunRequest:
    """The request: pictures' paths by the names of their flags, options, preset."""

    pictures: Mapping[str, Any]  # a path, or several
    options: Options
    delivery: OutputOptions
    preset: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Full values; paths from the root, so that a run goes on from any folder.

        The number of threads, too, where none was given: it decides how sums are rounded.
        """
        options = with_absolute_paths(self.options)
        options["threads"] = self.options.threads or runtime.usable_cores()
        if self.options.init.noise is None:
            options["init"] = absolute(self.options.init)
        ways = with_absolute_paths(self.delivery)
        ways.update(output=absolute(self.delivery.path), output_dir=None, resume=None)
        pictures = {name: absolute(paths) for name, paths in self.pictures.items()}
        return {"pictures": pictures, "options": options, "delivery": ways, "preset": self.preset}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's file as it was read. inputs: see checksums.of()."""

    path: str
    version: str
    order: RunRequest
    inputs: Mapping[str, str]
    saved: RunState


def read(path: str) -> Checkpoint:
    """Read the checkpoint of a run. Raises CheckpointError."""
    try:
        facts, arrays = checkpoint_file.read(path, KIND, {"version": str})
    except CheckpointError as error:
        advice = hint(path) if str(error).endswith(checkpoint_file.ABSENT) else ""
        raise CheckpointError(f"--resume {error}{advice}") from error
    try:
        checkpoint_file.check_form(facts, FORM)
        order, saved = facts["order"], facts["saved"]
        known = {n: v for n, v in order["options"].items() if GONE.get(n, ...) != v}
        options, delivery = build(Options, known), build(OutputOptions, order["delivery"])
        request = RunRequest(order["pictures"], options, delivery, order["preset"])
        history = [Step(**step) for step in saved.pop("history")]
        state = {**facts["state"], **arrays.get("state", {})}
        x, good = (arrays["picture"][name] for name in ("x", "good"))
        run = RunState(**saved, history=history, x=x, good=good, state=state)
        check_state(run)
        return Checkpoint(path, facts["version"], request, facts["inputs"], run)
    except (KeyError, TypeError, ValueError, OptionError) as error:
        raise CheckpointError(
            f"--resume {path}: this version of nstyle cannot go on with it ({error}); use "
            f"{checkpoint_file.shown(facts['version'])} that wrote it"
        ) from error


def check_state(run: RunState) -> None:
    """Raises ValueError for pictures, arrays or steps that belong to no run."""
    arrays = {name: value for name, value in run.state.items() if isinstance(value, np.ndarray)}
    arrays.update(x=run.x, good=run.good)
    single = all(array.dtype == np.float32 for array in arrays.values())
    like_x = checkpoint_file.finite(arrays, dict.fromkeys(arrays, run.x.shape))
    if not (single and like_x and run.x.ndim == 4 and run.x.shape[:2] == (1, 3)):
        raise ValueError("its arrays are not those of a picture")
    epochs = [step.epoch for step in run.history]
    if epochs != [*range(1, len(epochs) + 1)] or run.before > len(epochs):
        raise ValueError("its epochs are not those of a run")


def check_fits(begun: RunState, sizes: Sequence[tuple[int, int]], optimizer: str) -> None:
    """Raises CheckpointError for a state of another optimiser or a picture of another size."""
    numbers, arrays = STATES[optimizer]
    kinds = {**dict.fromkeys(numbers, False), **dict.fromkeys(arrays, True)}
    found = {name: isinstance(value, np.ndarray) for name, value in begun.state.items()}
    width, height = sizes[begun.scale - 1] if 0 < begun.scale <= len(sizes) else (0, 0)
    if begun.x.shape[2:] != (height, width) or (begun.state and found != kinds):
        what = "the checkpoint's picture or state is none of such a run"
        raise CheckpointError(f"--resume: {what}; begin a new run")


def again(
    begun: Checkpoint,
    pictures: Mapping[str, Any],
    typed: Mapping[str, Any],
    ways: Mapping[str, Any],
    preset: str | None,
) -> RunRequest:
    """The checkpoint's order with what was typed beside --resume.

    typed, ways: for Options and OutputOptions. Raises OptionError for what would shape another
    picture, CheckpointError where a remembered picture is gone.
    """
    order, label = begun.order, f"--resume {begun.path}"
    if preset is not None and preset != order.preset:
        raise OptionError(f"{label}: {differs('--preset', order.preset, preset)}")
    chosen = build(Options, {**dataclasses.asdict(order.options), **typed})
    was, now = shaping(order.options), shaping(chosen)
    for entry in dataclasses.fields(Options):
        if was.get(entry.name) != now.get(entry.name):
            both = was.get(entry.name), now.get(entry.name)
            raise OptionError(f"{label}: {differs(shown(entry), *both)}")
    for name, paths in order.pictures.items():
        for path in [paths] if isinstance(paths, str) else paths:
            if name not in pictures and not (path.startswith("#") or os.path.exists(path)):
                hint = f"tell where it is now with {flag(name)}"
                raise CheckpointError(f"{label}: {path} is not there any more; {hint}")
    delivery = build(OutputOptions, {**dataclasses.asdict(order.delivery), **ways})
    return RunRequest({**order.pictures, **pictures}, chosen, delivery, order.preset)


def differs(name: str, was: Any, now: Any) -> str:
    """The refusal of an option that shapes the picture."""
    was = "none" if was is None else was
    return f"{name} was {was} when the run began, not {now}; leave it out, or begin a new run"


class Saver:
    """Writes a run's checkpoint every so many epochs; a failure is said once and ends nothing.

    path: of the file; every: 0 = never; begun: the checkpoint that is gone on with.
    """

    def __init__(
        self, path: str, every: int, order: RunRequest, begun: Checkpoint | None = None
    ) -> None:
        self._path, self._every, self._order, self._begun = path, every, order, begun
        self._inputs: Mapping[str, str] = {}
        self._saved_epoch, self._failed = 0, False
        self._newest = begun.path if begun else ""

    @property
    def newest(self) -> str | None:
        """The file to go on with, or None where there is none."""
        return self._newest if os.path.exists(self._newest) else None

    def begin(self, inputs: Any) -> RunState | None:
        """Look at the inputs; what to go on with. Raises CheckpointError where they are others."""
        if not (self._begun or self._every):
            return None
        self._inputs, begun = checksums.of(inputs), self._begun
        if begun is None:
            return None
        for name in dict.fromkeys([*self._inputs, *begun.inputs]):
            if begun.inputs.get(name) != self._inputs.get(name):
                raise CheckpointError(
                    f"--resume {begun.path}: the {NAMES.get(name, name)} is not the one the run "
                    "began with; give the same, or begin a new run"
                )
        changes = [("nstyle", begun.version, __version__)]
        for name in ("threads", "gpu", "tile"):  # they may change rounding
            both = (getattr(order.options, name) for order in (begun.order, self._order))
            changes.append((flag(name), *both))
        for name, was, now in changes:
            if was != now:
                log.warning("the picture may differ a little: %s was %s, now %s", name, was, now)
        log.info("going on with %s after epoch %d", begun.path, len(begun.saved.history))
        return begun.saved

    def __call__(self, epoch: int, read: Callable[[], RunState], *, now: bool = False) -> None:
        """Write, if it is time to or `now`. read: asked only then."""
        due = self._every and (now or epoch % self._every == 0)
        if not due or epoch == self._saved_epoch:
            return
        try:
            self._make_way()
            self._write(read())
            self._saved_epoch, self._newest = epoch, self._path
        except OSError as error:  # a full disk now need not be one later
            if not self._failed:
                why = error.strerror or error
                log.warning("%s: cannot be written (%s); painting goes on", self._path, why)
            self._failed = True

    def _own(self) -> bool:
        """Whether the file at the path is of this run."""
        return bool(self._newest) and same(self._newest, self._path)

    def _make_way(self) -> None:
        """Move another run's checkpoint aside: it may be all that is left of hours."""
        if not self._own() and os.path.isfile(self._path):
            other = aside(self._path)
            os.replace(self._path, other)
            log.warning(
                "%s was another run's, and is now %s; --resume goes on with it", self._path, other
            )

    def _write(self, saved: RunState) -> None:
        arrays = {k: v for k, v in saved.state.items() if isinstance(v, np.ndarray)}
        facts = {
            "version": __version__,
            "order": self._order.as_json(),
            "inputs": self._inputs,
            "state": {k: v for k, v in saved.state.items() if k not in arrays},
            "saved": {
                **{name: getattr(saved, name) for name in ("scale", "before", "stopped")},
                "history": [step.as_json() for step in saved.history],
            },
        }
        picture = {"x": saved.x, "good": saved.good}
        checkpoint_file.write(self._path, KIND, facts, {"picture": picture, "state": arrays})

    def remove(self) -> None:
        """The run is finished: nobody goes on with its own file any more."""
        if self.newest and self._own():
            try:
                os.unlink(self._path)
            except OSError as error:
                log.warning("%s: cannot be removed (%s)", self._path, error.strerror)
