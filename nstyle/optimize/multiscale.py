"""Paints at growing sizes: objective, optimiser, loop, finished picture. Loads MXNet."""

from __future__ import annotations

import inspect
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nstyle.errors import DivergedError
from nstyle.images import filters
from nstyle.images.picture import Picture
from nstyle.images.sizes import Size
from nstyle.losses.normalization import NORMALIZATIONS
from nstyle.networks import preprocessing
from nstyle.optimize import problem
from nstyle.optimize.checkpoint import RunState, Saver, check_fits
from nstyle.optimize.context import PaintContext
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.planning import memory
from nstyle.optimize.planning.eta import TimeEstimate
from nstyle.optimize.planning.plan import Budget, stops
from nstyle.optimize.postprocess import finished, with_kept
from nstyle.optimize.problem import PaintSetup
from nstyle.optimize.records import Result, Step
from nstyle.optimize.solver import loop, optimizers
from nstyle.options.consistency import RATES
from nstyle.options.options import Options
from nstyle.system import locations
from nstyle.system.backend import device as find_device
from nstyle.system.interrupts import Interruption

log = logging.getLogger("nstyle")

# (setup, inputs of one size) -> an Objective, or what keeps its contract; see problem.build.
Build = Callable[[PaintSetup, Inputs], Any]


def paint(
    inputs: Inputs,
    options: Options,
    *,
    listeners: Sequence[loop.Listener] = (),
    metadata: Mapping[str, Any] | None = None,
    saver: Saver | None = None,
    begun: RunState | None = None,
    context: PaintContext | None = None,
    budget: Budget = Budget(),  # noqa: B008, it is frozen
    build: Build | None = None,
) -> Result:
    """As api.paint; a DivergedError has advice, and the last good picture as `result`.

    metadata: for the result's files.
    """
    began = time.perf_counter() - (sum(step.seconds for step in begun.history) if begun else 0.0)
    setup = set_up(inputs, options, context, budget)
    ctrl_c = Interruption()
    painting = Painting(inputs, setup, [*listeners, ctrl_c], saver, begun, build)

    def result(watch: loop.LoopState) -> Result:
        seconds = time.perf_counter() - began
        model = setup.extractor.loaded.model
        facts = {**(metadata or {}), "model": model}
        picture = painting.finished(watch.x)
        return Result(picture, watch.history, watch.stopped, seconds, model, facts)

    try:
        with ctrl_c:
            watch = painting.run()
        return result(watch)
    except DivergedError as error:
        lower = min(RATES[options.optimizer], options.lr / 10)
        advice = f"the learning rate --lr {options.lr:g} is too high; try {lower:g}"
        better = DivergedError(f"{error}: {advice}")
        better.result = result(error.watch)  # type: ignore[attr-defined]
        # Its arrays are on a device and cannot be pickled; Dask pickles causes, too.
        del error.watch  # type: ignore[attr-defined]
        raise better from error


def set_up(
    inputs: Inputs,
    options: Options,
    context: PaintContext | None = None,
    budget: Budget = Budget(),  # noqa: B008, it is frozen
) -> PaintSetup:
    """As problem.set_up, but refuses what memory is not enough for, and logs what runs."""
    device = find_device(options.gpu)
    setup = problem.set_up(inputs, options, device, context, budget)
    room = f"; needs about {memory.shown(setup.plan.check_memory())}"
    loaded, size = setup.extractor.loaded, inputs.photo.size
    auto = options.model == "auto" and options.weights is None
    built_in = auto and loaded.model == locations.DEFAULT
    model = f"{loaded.model} (built in; vgg19 is not installed)" if built_in else loaded.model
    tiling = setup.plan.tiling(size)
    parts = f", {tiling}" if tiling else ""
    log.info("painting %dx%d with %s on %s%s%s", *size, model, device, parts, room)
    log.debug("weights: %s, made for %s pooling", inputs.weights, loaded.pooling)
    filters.prepare(options.denoiser, options.remove_noise)
    return setup


class Painting:
    """One run: the same picture painted at growing sizes, each begun from the one before."""

    def __init__(
        self,
        inputs: Inputs,
        setup: PaintSetup,
        listeners: Sequence[loop.Listener],
        saver: Saver | None = None,
        begun: RunState | None = None,
        build: Build | None = None,
    ) -> None:
        self._whole, self._setup, self._options = inputs, setup, setup.options
        if begun:
            check_fits(begun, [size for size, _ in setup.plan.limits], setup.options.optimizer)
        self._listeners, self._saver, self._begun = listeners, saver, begun
        self._build = build or problem.build
        self._stops = stops(setup.options, len(setup.plan.limits))
        self._forecast = TimeEstimate(setup.plan.limits, self._stops)
        for step in begun.history if begun else ():
            self._forecast.after(step.scale, step.eps, step.seconds)
        # Of the present size.
        self._scale, self._inputs = 0, inputs
        self._objective: Any = None

    def run(self) -> loop.LoopState:
        """All sizes, one after another; the last one's watch. Raises DivergedError."""
        watch, painted = None, 0
        for scale, (size, limit) in enumerate(self._setup.plan.limits, 1):
            if self._begun and scale < self._begun.scale:
                continue
            smaller = self._inputs
            try:
                watch, painted = self._paint_at(scale, size, limit, watch), scale
            except KeyboardInterrupt:  # between two sizes; within one the solver sees to it
                if watch is None:
                    raise
                watch.stopped, self._inputs = "interrupted", smaller
            if watch.stopped in ("interrupted", "callback"):
                break
        assert watch is not None
        if watch.stopped == "interrupted":
            self._save(painted, watch, now=True)
        return watch

    def _paint_at(
        self, scale: int, size: Size, limit: int, last: loop.LoopState | None
    ) -> loop.LoopState:
        options = self._options
        if last is not None:
            last.objective = None  # holds the smaller one's memory, as self._objective does
        inputs = self._whole.at(size, options.resize)
        self._objective = None  # frees the smaller one's memory before the larger is made
        self._objective = self._build(self._setup, inputs)
        self._inputs, self._scale = inputs, scale
        x, progress = self._begin(last, size)
        watch = loop.LoopState(
            self._objective,
            x,
            describe=self._describe,
            listeners=self._listeners,
            stop_eps=self._stops[scale - 1],
            max_epochs=limit,
            saver=partial(self._save, scale),
            **progress,
        )
        return loop.solve(minimiser(options, 3 * math.prod(size), self._bounds()), watch)

    def _begin(self, last: loop.LoopState | None, size: Size) -> tuple[Any, dict[str, Any]]:
        """(the array to go on from, fields of loop.LoopState about what has been done)."""
        load, begun = self._objective.load, self._begun
        if last is None and begun is not None:
            return load(begun.x), {
                "history": list(begun.history),
                "before": begun.before,
                "stopped": begun.stopped,
                "state": optimizers.converted(begun.state, load),
                "good": load(begun.good),
            }
        if last is None:
            picture, progress = start_values(self._inputs, self._setup), {}
        else:
            picture = preprocessing.resized(on_host(last.x), *size)
            state = optimizers.converted(
                optimizers.carried(last.state),
                lambda array: load(preprocessing.resized(on_host(array), *size, overshoots=False)),
            )
            history = list(last.history)
            progress = {"history": history, "before": len(history), "state": state}
        kept = self._inputs.kept
        if kept is not None:
            picture = with_kept(picture, self._setup.array(self._inputs.photo), kept)
        return load(picture), progress

    def _save(self, scale: int, watch: loop.LoopState, *, now: bool = False) -> None:
        """Hand the saver what it may ask for; now: whatever the epoch."""
        mark = watch.mark

        def read() -> RunState:
            return RunState(
                scale,
                watch.before,
                "" if mark.stopped == "callback" else mark.stopped,
                watch.history[: mark.epochs],
                on_host(mark.x),
                on_host(mark.good),
                optimizers.converted(mark.state, on_host),
            )

        if self._saver:
            self._saver(mark.epochs, read, now=now)

    def _bounds(self) -> optimizers.Bounds | None:
        """The arrays for black and white, if the picture shall stay between them."""
        if not self._options.clamp:
            return None
        convention = self._setup.extractor.convention
        low, high = preprocessing.limits(convention, self._options.pixel_range)
        return self._objective.load(low), self._objective.load(high)

    def _describe(self, epoch: int, loss: float, eps: float, seconds: float, x: Any) -> Step:
        terms, sent = getattr(loss, "terms", {}), getattr(loss, "sent", 0)
        left = self._forecast.after(self._scale, eps, seconds)
        size = self._inputs.photo.size
        numbers = (epoch, self._scale, *size, float(loss), dict(terms), eps, seconds)
        return Step(*numbers, partial(self.finished, x), left, sent)

    def finished(self, x: Any) -> Picture:
        """The array as a picture of the final size, noise removed, 16 bits."""
        options, convention = self._options, self._setup.extractor.convention
        values = preprocessing.to_floats(on_host(x), convention, options.pixel_range)
        values = filters.DENOISERS[options.denoiser](values, options.remove_noise)
        return finished(values, self._inputs)


def on_host(x: Any) -> np.ndarray:
    """A device's array as numpy's."""
    return np.asarray(x.asnumpy())


def minimiser(
    options: Options, values: int, bounds: optimizers.Bounds | None = None
) -> Callable[..., Any]:
    """The optimiser with those knobs turned that it has; values: numbers in the picture."""
    per_value = NORMALIZATIONS[options.normalization].per_value
    first_order = options.optimizer in ("sgd", "nag")  # Adam's steps do not depend on the gradient
    step_limit = options.step_limit / options.lr if first_order else 0.0
    limits = filter(None, [options.clip_gradient, step_limit])
    # Where gradients are brought to grey levels, nag's small usual rate shall mean what sgd's does.
    gain = RATES["sgd"] / RATES["nag"] if options.optimizer == "nag" else 1.0
    knobs = {
        "rate": options.lr,
        "momentum": options.momentum,
        "weight_decay": options.weight_decay,
        "clip": min(limits, default=0.0),
        "rescale": gain * values * per_value or 1.0,
        "backoff": options.backoff,
        "evaluations": options.evaluations,
        "schedule": optimizers.steps(options.lr_sched_delay, options.lr_sched_factor),
        "bounds": bounds,
    }
    method = optimizers.OPTIMIZERS[options.optimizer]
    known = inspect.signature(method).parameters
    return partial(method, **{name: knobs[name] for name in knobs if name in known})


def start_values(inputs: Inputs, setup: PaintSetup) -> np.ndarray:
    """Start of the optimisation, float32 (1, 3, H, W)."""
    if inputs.start is not None:
        return setup.array(inputs.start)
    options, photo = setup.options, setup.array(inputs.photo)
    share = options.init.noise or 0.0
    if not share and not inputs.texture:
        return photo
    limit = options.noise_range
    noise = np.random.default_rng(options.seed).uniform(-limit, limit, photo.shape)
    # The photo of a texture is one colour.
    mixed = noise + photo if inputs.texture else share * noise + (1 - share) * photo
    return mixed.astype(np.float32)
