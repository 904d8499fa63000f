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
from nstyle.losses.normalization import Normalization
from nstyle.networks import preprocessing
from nstyle.optimize import problem
from nstyle.optimize.checkpoint import RunState, Saver
from nstyle.optimize.context import PaintContext
from nstyle.optimize.inputs import Inputs
from nstyle.optimize.planning import memory, plan
from nstyle.optimize.planning.eta import TimeEstimate
from nstyle.optimize.planning.plan import Budget
from nstyle.optimize.postprocess import finished, with_kept
from nstyle.optimize.problem import PaintSetup, PaintTask
from nstyle.optimize.records import Result, Step
from nstyle.optimize.solver import loop, optimizers
from nstyle.options.consistency import RATES
from nstyle.options.options import Options
from nstyle.system import locations
from nstyle.system.backend import device as find_device
from nstyle.system.interrupts import Interruption

log = logging.getLogger("nstyle")

Build = Callable[[PaintSetup, Inputs], PaintTask]  # see problem.build


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
    """As api.paint. A DivergedError has advice, and the last good picture as `result`."""
    began = time.perf_counter() - (sum(step.seconds for step in begun.history) if begun else 0.0)
    setup = set_up(inputs, options, context, budget)
    ctrl_c = Interruption()
    painting = Painting(inputs, options, setup, [*listeners, ctrl_c], saver, begun, build)

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
    room = ""
    if device.device_type == "cpu":
        need = plan.check_memory(inputs, options, setup.plan)
        room = f"; needs about {memory.shown(need)}"
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
        options: Options,
        setup: PaintSetup,
        listeners: Sequence[loop.Listener],
        saver: Saver | None = None,
        begun: RunState | None = None,
        build: Build | None = None,
    ) -> None:
        self._whole, self._options, self._setup = inputs, options, setup
        self._listeners = listeners
        self._build = build or problem.build
        self._saver, self._begun = saver, begun
        self._forecast = TimeEstimate(setup.plan.limits, options.stop_eps)
        for step in begun.history if begun else ():
            self._forecast.after(step.scale, step.eps, step.seconds)
        self._scale, self._inputs = 0, inputs
        self._task: Any = None  # the PaintTask of the present size

    def run(self) -> loop.LoopState:
        """All sizes, one after another; the last one's watch. Raises DivergedError."""
        watch, painted = None, 0
        for scale, (size, limit) in enumerate(self._setup.plan.limits, 1):
            if self._begun and scale < self._begun.scale:
                continue
            finished = self._inputs
            try:
                watch, painted = self._paint_at(scale, size, limit, watch), scale
            except KeyboardInterrupt:  # between two sizes; within one the solver sees to it
                if watch is None:
                    raise
                watch.stopped, self._inputs = "interrupted", finished
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
            last.objective = None  # holds the smaller one's memory, as self._task does
        inputs = self._whole.at(size, options.resize)
        self._task = None  # frees the smaller one's memory before the larger is made
        self._task = task = self._build(self._setup, inputs)
        self._inputs, self._scale = inputs, scale
        x, standing = self._begin(last, size)
        return loop.solve(
            minimiser(options, task.normalization, 3 * math.prod(size), self._bounds()),
            task.objective,
            x,
            describe=self._describe,
            listeners=self._listeners,
            stop_eps=options.stop_eps,
            max_epochs=limit,
            saver=partial(self._save, scale),
            **standing,
        )

    def _begin(self, last: loop.LoopState | None, size: Size) -> tuple[Any, dict[str, Any]]:
        """(the array to go on from, what else loop.solve is told of what has been done)."""
        load, begun = self._task.objective.load, self._begun
        if last is None and begun is not None:
            facts = {name: getattr(begun, name) for name in ("history", "before", "stopped")}
            state = optimizers.converted(begun.state, load)
            return load(begun.x), {**facts, "state": state, "good": load(begun.good)}
        if last is None:
            picture, standing = start_values(self._inputs, self._task, self._options), {}
        else:
            picture = preprocessing.resized(on_host(last.x), *size)
            state = optimizers.converted(
                optimizers.carried(last.state),
                lambda array: load(preprocessing.resized(on_host(array), *size, overshoots=False)),
            )
            standing = {"history": last.history, "state": state}
        kept = self._inputs.kept
        picture = picture if kept is None else with_kept(picture, self._task.photo, kept)
        return load(picture), standing

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
        low, high = preprocessing.limits(self._task.convention, self._options.pixel_range)
        return self._task.objective.load(low), self._task.objective.load(high)

    def _describe(self, epoch: int, loss: float, eps: float, seconds: float, x: Any) -> Step:
        where = (self._scale, *self._inputs.photo.size)
        terms, read = getattr(loss, "terms", {}), partial(self.finished, x)
        left = self._forecast.after(self._scale, eps, seconds)
        return Step(
            epoch, *where, loss, terms, eps, seconds, read, left, sent=getattr(loss, "sent", 0)
        )

    def finished(self, x: Any) -> Picture:
        """The array as a picture of the final size, noise removed, 16 bits."""
        options, convention = self._options, self._setup.extractor.convention
        values = preprocessing.to_floats(on_host(x), convention, options.pixel_range)
        values = filters.DENOISERS[options.denoiser](values, options.remove_noise)
        return finished(values, self._inputs, options, self._whole.final_size)


def on_host(x: Any) -> np.ndarray:
    """A device's array as numpy's."""
    return np.asarray(x.asnumpy())


def minimiser(
    options: Options, scales: Normalization, values: int, bounds: optimizers.Bounds | None = None
) -> Callable[..., Any]:
    """The optimiser with those knobs turned that it has; values: numbers in the picture."""
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
        "rescale": gain * values * scales.per_value or 1.0,
        "backoff": options.backoff,
        "evaluations": options.evaluations,
        "schedule": optimizers.steps(options.lr_sched_delay, options.lr_sched_factor),
        "bounds": bounds,
    }
    method = optimizers.OPTIMIZERS[options.optimizer]
    known = inspect.signature(method).parameters
    return partial(method, **{name: knobs[name] for name in knobs if name in known})


def start_values(inputs: Inputs, task: PaintTask, options: Options) -> np.ndarray:
    """Start of the optimisation, float32 (1, 3, H, W)."""
    if inputs.start is not None:
        return preprocessing.to_array(inputs.start, task.convention, options.pixel_range)
    share, photo = options.init.noise or 0.0, task.photo
    if not share and not inputs.texture:
        return photo
    limit = options.noise_range
    noise = np.random.default_rng(options.seed).uniform(-limit, limit, photo.shape)
    # The photo of a texture is one colour.
    mixed = noise + photo if inputs.texture else share * noise + (1 - share) * photo
    return mixed.astype(np.float32)
