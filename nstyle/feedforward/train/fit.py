"""A style fitted to one painting: some dozens of steps on the numbers that were predicted for it.

Loads MXNet. Only the normalisations learn (Dumoulin et al., arXiv:1610.07629, section 4), from the
painting's own Gram matrices, on the sample photos, so that the result is the same for all photos.
It is kept in the cache folder.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from nstyle.errors import CheckpointError
from nstyle.feedforward.any_style import AnyStyle
from nstyle.feedforward.train.loop import Training
from nstyle.feedforward.train.objectives import OneStyleSamples
from nstyle.feedforward.train.perceptual_loss import PerceptualLoss
from nstyle.images import image_file
from nstyle.images.picture import Picture
from nstyle.networks.training.data import Crops
from nstyle.optimize import inputs
from nstyle.optimize.extractor import load_network
from nstyle.options.options import Options
from nstyle.system import checkpoint_file, checksums, locations
from nstyle.system.backend import gluon

log = logging.getLogger("nstyle")

KIND = "fitted style"
PHOTOS = ("coffee.jpg", "astronaut.jpg", "chelsea.jpg", "rocket.jpg")
CROP, BATCH, RATE, RISE = 256, 1, 0.02, 4
LOSS: dict[str, Any] = {"content_layers": "relu3_3", "content_weight": 30.0, "tv_weight": 0.03}


class LearningStyle(gluon.HybridBlock):
    """An image network that stays as it is, with a style that learns from `style`, (K,), on."""

    def __init__(self, image: Any, style: Any) -> None:
        super().__init__()
        image.collect_params().setattr("grad_req", "null")
        self.image = image
        with self.name_scope():
            self.style = self.params.get("style", shape=style.shape)
        self.style.initialize(ctx=style.context)
        self.style.set_data(style)

    def hybrid_forward(self, F: Any, x: Any, style: Any) -> Any:
        """(1, 3, H, W) -> the same."""
        return self.image(x, style)


def fitted(network: AnyStyle, file: str, style: Picture, seconds: float, options: Options) -> Any:
    """The numbers of a style for a painting, from the cache or fitted for so many seconds.

    file: the network's path.
    """
    name = checksums.of_value((checksums.of_file(file), style, seconds))
    path = locations.cache_folder() / "styles" / f"{name[:32]}.npz"
    found = read(path)
    if found is None:
        found, _ = fit(network, style, seconds, options)
        write(path, found)
    return network.array(found)


def fit(
    network: AnyStyle, style: Picture, seconds: float, options: Options
) -> tuple[np.ndarray, list[float]]:
    """Train the numbers for so many seconds: float32 (K,), and the losses of all steps."""
    began, options = time.monotonic(), dataclasses.replace(options, **LOSS)
    blank = Picture(np.zeros((CROP, CROP, 3), np.uint8))
    gathered = inputs.gather(blank, style, options, size=(CROP, CROP))
    extractor = load_network(gathered, options, network.device)
    photos = [image_file.read(locations.sample(name)).pixels for name in PHOTOS]
    crops = Crops(photos, CROP, 1, 0, extractor.convention)
    lessons = OneStyleSamples(PerceptualLoss(extractor, gathered, options), crops, seed=0)
    learning = LearningStyle(network.body, network.look_at(style))
    training, losses = Training(learning, lessons, rate=RATE, batch=BATCH, rise=RISE), []
    while (spent := time.monotonic() - began) < seconds:
        losses.append(training.advance(spent / seconds)["loss"])
    log.info("fitted to the painting: %d steps, loss %.3f", training.step, training.loss)
    return training.average()["style"], losses


def read(path: Path) -> np.ndarray | None:
    """What was kept, or None."""
    if not os.path.isfile(path):
        return None
    try:
        return checkpoint_file.read(str(path), KIND, {})[1]["values"]["style"]
    except CheckpointError as error:
        log.warning("%s; fitted anew", error)
        return None


def write(path: Path, style: np.ndarray) -> None:
    """Keep it; where that cannot be, the next call fits anew."""
    try:
        os.makedirs(path.parent, exist_ok=True)
        checkpoint_file.write(str(path), KIND, {}, {"values": {"style": style}})
    except OSError as error:
        log.warning("%s: cannot be written (%s)", path, error.strerror or error)
