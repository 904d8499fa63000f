"""Which pictures a VGG wants: its first kernel tells where it is a published one, else the names.

Caffe's VGG is found under every program's names, in both orders of channels; names alone mislead.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from nstyle.networks.preprocessing import CAFFE, CAFFE_BGR, TORCHVISION, Preprocessing, in_bgr
from nstyle.networks.weights.formats.archive import refusal, shown
from nstyle.system.locations import PRETRAINED

log = logging.getLogger("nstyle")

CONVENTIONS = {each.name: each for each in (CAFFE, CAFFE_BGR, TORCHVISION)}
# A filter of each published conv1_1, as (channel, row, column): no other filter there, nor any in
# the other order of channels, comes as near to it as LIKENESS, a cosine.
LIKENESS = 0.99
FILTERS = (
    (CAFFE, """-.1727 -.1704 -.1544 -.1876 -.1776 -.1744 -.1660 -.1667 -.1570
                .0209  .0473  .0419  .0310  .0658  .0463  .0317  .0547  .0423
                .1173  .1621  .1357  .1484  .2023  .1617  .1293  .1716  .1387"""),  # VGG-16
    (CAFFE, """-.0842 -.0788 -.1158 -.0797 -.0624 -.1340 -.0781 -.0709 -.1149
                .0336  .0526 -.0066  .0568  .0885 -.0070  .0388  .0603 -.0058
                .0956  .1336  .0647  .1337  .1851  .0800  .1008  .1414  .0660"""),  # VGG-19
    (TORCHVISION, """-.5537  .1427  .5290 -.5831  .3566  .7657 -.6902 -.0480  .4841
                .1755  .0099 -.0814  .0441 -.0703 -.2604  .1324 -.1728 -.1323
                .3130 -.1659 -.4275  .4752 -.0827 -.4870  .6320  .0193 -.2775"""),  # VGG-16
    (TORCHVISION, """-.0535 -.0493 -.0679  .0153  .0451  .0021  .0362  .0200  .0199
                .0170  .0554 -.0062  .1417  .2271  .1376  .1200  .2003  .0921
               -.0449  .0127 -.0145  .0597  .1396  .0541 -.0010  .0583 -.0297"""),  # VGG-19
)  # fmt: skip
# Times the published filter. Gatys' VGG has Caffe's filters divided by their mean activations;
# more than that is for pictures of another range.
SCALES = {CAFFE.name: (1e-4, 10.0), TORCHVISION.name: (0.5, 2.0)}
FOLDED = 0.015, 0.02  # torchvision's over its deviations, as distill writes it: for 0..255
WAYS_OUT = f"say which pictures it wants with --weights-convention ({', '.join(CONVENTIONS)})"


def choose(
    path: str, kernel: np.ndarray, by_names: Preprocessing | None, asked: str = "auto"
) -> Preprocessing:
    """The convention of a file, logged unless it is the package's own.

    kernel: the first, (out, 3, 3, 3). by_names: what its names say; None: nothing.
    asked: a name of CONVENTIONS, or "auto". Raises WeightsError where only asking can tell.
    """
    found, scale = published(kernel)
    if asked != "auto":
        if found and found.name != asked:
            log.warning("%s: its first kernel is that of %s", shown(path), found.name)
        chosen, why = CONVENTIONS[asked], "as --weights-convention says"
    elif found:
        low, high = SCALES[found.name.removesuffix("-bgr")]
        if not low <= scale <= high:
            reason = f"its first kernel is that of {found.name}, but {scale:.3g} times as large"
            raise refusal(path, f"{reason}; {WAYS_OUT}")
        chosen, why = found, "as its first kernel tells"
    elif by_names is None:
        reason = "its first kernel is none that is known, and its names do not tell"
        raise refusal(path, f"{reason}; {WAYS_OUT}")
    else:
        chosen = by_names
        why = "as its names tell; if its colours come out wrong, give --weights-convention"
    if PRETRAINED not in Path(path).resolve().parents:
        log.info("%s: wants pictures in %s, %s", shown(path), chosen, why)
    return chosen


def published(kernel: np.ndarray) -> tuple[Preprocessing | None, float]:
    """(convention, scale) of a first kernel (out, 3, 3, 3) that holds a published filter."""
    rows = kernel.reshape(len(kernel), -1).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    for convention, text in FILTERS:
        values = np.array(text.split(), np.float64).reshape(3, 9)
        for known, in_order in ((convention, values), (in_bgr(convention), values[::-1])):
            length = np.linalg.norm(in_order)
            likeness = rows @ in_order.ravel() / np.maximum(lengths * length, 1e-30)
            best = int(likeness.argmax())
            if likeness[best] > LIKENESS:
                scale = float(lengths[best] / length)
                if convention is TORCHVISION and FOLDED[0] < scale < FOLDED[1]:
                    known = CAFFE if known is TORCHVISION else CAFFE_BGR
                return known, scale
    return None, 1.0
