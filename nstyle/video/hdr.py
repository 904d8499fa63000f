"""High dynamic range brought to what usual pictures hold: HLG and PQ (ITU-R BT.2100) to BT.709."""

from __future__ import annotations

import numpy as np

PQ, HLG = 16, 18  # transfer characteristics (ITU-T H.273, table 3)
NAMES = {PQ: "PQ", HLG: "HLG"}
WHITE = 203.0  # cd/m2 of white paper (ITU-R BT.2408)
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m2 of the display that HLG is mastered on
LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # BT.2020
KNEE = 0.5  # of white, above which light is compressed
GAMMA = 2.2  # of the display that the result is for
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)  # from BT.2020, linear (ITU-R BT.2087)


def tone_mapped(values: np.ndarray, transfer: int) -> np.ndarray:
    """BT.2020 in HLG or PQ, floats HxWx3 in 0..1 -> BT.709, the same, as a usual display wants it.

    Light up to half of white stays; what is brighter is compressed, without turning its hue.
    """
    light = (from_hlg if transfer == HLG else from_pq)(np.clip(values, 0, 1)) / WHITE
    brightest = np.maximum(light.max(axis=2, keepdims=True), 1e-6)
    light = (light * (compressed(brightest) / brightest)) @ TO_709.T
    return np.clip(light, 0, 1) ** (1 / GAMMA)


def compressed(light: np.ndarray) -> np.ndarray:
    """Any light, 1 is white -> below 1; smooth at KNEE."""
    room = 1 - KNEE
    above = KNEE + room * (1 - np.exp(-np.maximum(light - KNEE, 0) / room))
    return np.where(light <= KNEE, light, above)


def from_hlg(values: np.ndarray) -> np.ndarray:
    """Signal -> cd/m2 (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)
    luminance = np.maximum(scene @ LUMA, 1e-6)[..., None]
    return HLG_PEAK * luminance ** (HLG_GAMMA - 1) * scene


def from_pq(values: np.ndarray) -> np.ndarray:
    """Signal -> cd/m2 (ITU-R BT.2100, table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    root = values ** (1 / m2)
    return 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
