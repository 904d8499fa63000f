"""Where all parts meet: network, targets, executor, optimiser, loop. Loads MXNet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from nstyle import denoise, layers, losses, networks, optimizers, pixels, solver, weights
from nstyle.backend import device as find_device
from nstyle.backend import nd
from nstyle.balance import NORMALIZATIONS, Layer, Normalization
from nstyle.errors import DivergedError
from nstyle.executor import Executor, Features, Term
from nstyle.inputs import Inputs
from nstyle.options import Options
from nstyle.picture import Picture
from nstyle.pixels import Convention
from nstyle.records import Result, Step
from nstyle.syntax import noise_share, parse_layers

log = logging.getLogger("nstyle")


def paint(
    inputs: Inputs,
    options: Options,
    *,
    listeners: Sequence[solver.Listener] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Result:
    """Paint the photo in the style; see transfer.stylize."""
    began = time.perf_counter()
    device = find_device(options.gpu)
    network, loaded = load_network(inputs, options, device)
    say_what_runs(inputs, loaded, options, device)
    photo = pixels.to_array(inputs.photo, loaded.convention, options.pixel_range)
    style = pixels.to_array(inputs.style, loaded.convention, options.pixel_range)
    normalization = NORMALIZATIONS[options.normalization]
    features = Features(network, photo.shape, device=device)
    terms = build_terms(network, features, photo, style, options, device)
    executor = Executor(features, terms, device=device)
    finish = partial(
        finished,
        read=executor.read,
        alpha=inputs.photo.alpha,
        convention=loaded.convention,
        options=options,
    )

    def describe(epoch: int, loss: float, eps: float, seconds: float, x: Any) -> Step:
        width, height = inputs.photo.size
        read = partial(finish, x)
        return Step(epoch, 1, width, height, loss, executor.terms, eps, seconds, read)

    def result(watch: solver.Watch) -> Result:
        seconds = time.perf_counter() - began
        picture = finish(watch.x)
        about = {**(metadata or {}), "model": loaded.model}
        return Result(picture, watch.history, watch.stopped, seconds, loaded.model, about)

    try:
        watch = solver.solve(
            minimiser(options, normalization, photo.size),
            executor,
            executor.load(start_values(inputs, photo, loaded.convention, options)),
            describe=describe,
            listeners=listeners,
            stop_eps=options.stop_eps,
            max_epochs=options.max_num_epochs,
        )
    except DivergedError as error:
        raise diverged(error, options, result) from error
    return result(watch)


def load_network(
    inputs: Inputs, options: Options, device: Any
) -> tuple[networks.TappedVGG, weights.Weights]:
    """The network cut at the deepest layer, with its weights. Raises WeightsError, OptionError."""
    wanted = [
        *parse_layers(options.content_layers, "content_layers"),
        *parse_layers(options.style_layers, "style_layers"),
    ]
    file = weights.read(inputs.weights, inputs.model)
    blocks = layers.BLOCKS[file.family]
    layers.check_taps(wanted, layers.taps(blocks), file.family)
    ordered = [name for name in layers.taps(blocks) if name in wanted]
    loaded = weights.select(file, layers.needed_convolutions(ordered, blocks))
    pooling = loaded.pooling if options.pooling == "auto" else options.pooling
    network = networks.build(
        blocks,
        loaded.arrays,
        ordered,
        pooling=pooling,
        padding=loaded.padding,
        border=min(options.border, *(edge - 1 for edge in inputs.photo.size + inputs.style.size)),
        device=device,
    )
    return network, loaded


def say_what_runs(inputs: Inputs, loaded: weights.Weights, options: Options, device: Any) -> None:
    """One line, so that nobody wonders which network painted, and why."""
    width, height = inputs.photo.size
    chosen = options.model == "auto" and options.weights is None
    why = " (built in; vgg19 is not installed)" if chosen and loaded.model == "vgg19-slim" else ""
    log.info("painting %dx%d with %s%s on %s", width, height, loaded.model, why, device)
    log.debug("weights: %s, made for %s pooling", inputs.weights, loaded.pooling)


def build_terms(
    network: networks.TappedVGG,
    features: Features,
    photo: np.ndarray,
    style: np.ndarray,
    options: Options,
    device: Any,
) -> list[Term]:
    """The summands of the loss, with their targets taken from photo and style."""
    scales = NORMALIZATIONS[options.normalization]
    taps = Features(network, style.shape, device=device, gradient=False).forward(
        nd.array(style, ctx=device)
    )
    terms = []
    style_weights = layer_weights(options.style_layers, scales)
    grams = {name: losses.gram(taps[name]) for name in style_weights}
    taps = features.forward(nd.array(photo, ctx=device))
    for name, share in layer_weights(options.content_layers, scales).items():
        target = taps[name].copy()
        scale = scales.content(layer_facts(taps[name], target))
        terms.append(Term("content", name, options.content_weight * share * scale, target))
    for name, share in style_weights.items():
        scale = scales.style(layer_facts(taps[name], grams[name]))
        terms.append(Term("style", name, options.style_weight * share * scale, grams[name]))
    if options.tv_weight:
        terms.append(Term("tv", "", options.tv_weight * scales.tv(photo.size)))
    return terms


def layer_weights(text: str, scales: Normalization) -> dict[str, float]:
    """Layers with weights, divided by their sum where the recipe says so."""
    chosen = parse_layers(text, "layers")
    total = sum(chosen.values()) if scales.share_layers else 1.0
    return {name: weight / total for name, weight in chosen.items()}


def layer_facts(tap: Any, target: Any) -> Layer:
    """What a normalisation may ask about a layer. tap: (1, C, h, w)."""
    energy = float(nd.square(target).sum().asscalar())
    return Layer(tap.shape[1], tap.shape[2] * tap.shape[3], energy)


def minimiser(options: Options, scales: Normalization, values: int) -> Callable[..., Any]:
    """The optimiser with its knobs turned; values: how many numbers the picture has."""
    limits = [options.clip_gradient, options.step_limit / options.lr]
    clip = min((limit for limit in limits if limit), default=0.0)
    return partial(
        optimizers.sgd,
        rate=options.lr,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
        clip=clip,
        rescale=scales.rescale(values),
        backoff=options.backoff,
        schedule=optimizers.steps(options.lr_sched_delay, options.lr_sched_factor),
    )


def start_values(
    inputs: Inputs, photo: np.ndarray, convention: Convention, options: Options
) -> np.ndarray:
    """Where the optimisation begins, float32 (1, 3, H, W)."""
    if inputs.start is not None:
        return pixels.to_array(inputs.start, convention, options.pixel_range)
    share = noise_share(options.init) or 0.0
    if not share:
        return photo
    limit = options.noise_range
    noise = np.random.default_rng(options.seed).uniform(-limit, limit, photo.shape)
    return (share * noise + (1 - share) * photo).astype(np.float32)


def finished(
    x: Any,
    *,
    read: Callable[[Any], np.ndarray],
    alpha: np.ndarray | None,
    convention: Convention,
    options: Options,
) -> Picture:
    """The array as a picture, noise removed, with the photo's transparency; 16 bits."""
    values = pixels.to_floats(read(x), convention, options.pixel_range)
    values = denoise.DENOISERS[options.denoiser](values, options.remove_noise)
    return Picture.from_floats(values, alpha)


def diverged(
    error: DivergedError, options: Options, result: Callable[[solver.Watch], Result]
) -> DivergedError:
    """The same error with advice, and the last good picture as its attribute `result`."""
    better = DivergedError(f"{error}: the learning rate --lr {options.lr:g} is too high; try 0.1")
    better.result = result(error.watch)  # type: ignore[attr-defined]
    return better
