"""HLG and PQ films come at the range of BT.709, as people know them."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from nstyle.video import decode, hdr, source

av = pytest.importorskip("av")


def grey(value: float) -> np.ndarray:
    return np.full((1, 1, 3), value, np.float32)


@pytest.mark.parametrize(
    ("transfer", "signal", "light"),
    [  # ITU-R BT.2408: white paper, and an 18 % grey card
        (hdr.HLG, 0.75, 203), (hdr.HLG, 0.38, 26), (hdr.PQ, 0.58, 203), (hdr.PQ, 0.38, 26),
        (hdr.HLG, 1.0, 1000), (hdr.PQ, 1.0, 10000), (hdr.HLG, 0.0, 0), (hdr.PQ, 0.0, 0),
    ],
)  # fmt: skip
def test_signals_are_the_light_that_the_standards_say(transfer, signal, light):
    found = (hdr.from_hlg if transfer == hdr.HLG else hdr.from_pq)(grey(signal))
    np.testing.assert_allclose(found, light, rtol=0.03, atol=0.1)


@pytest.mark.parametrize("transfer", hdr.NAMES)
def test_grey_stays_grey_and_brighter_stays_brighter(transfer):
    values = np.repeat(np.linspace(0, 1, 64, dtype=np.float32).reshape(1, -1, 1), 3, axis=2)
    mapped = hdr.tone_mapped(values, transfer)
    assert mapped.min() >= 0 and mapped.max() <= 1
    assert np.ptp(mapped, axis=2).max() < 0.01
    steps = np.diff(mapped[0, :, 0])
    assert (steps >= 0).all() and (steps[:48] > 0).all()
    # What is dark, here a fifth of white, is shown with the same light.
    dark = {hdr.HLG: 0.448, hdr.PQ: 0.42}[transfer]
    light = (hdr.from_hlg if transfer == hdr.HLG else hdr.from_pq)(grey(dark)) / hdr.WHITE
    assert 0.15 < light[0, 0, 0] < 0.25
    expected = light[0, 0, 0] ** (1 / hdr.GAMMA)
    np.testing.assert_allclose(hdr.tone_mapped(grey(dark), transfer), expected, atol=0.01)


def test_bright_red_stays_red():
    mapped = hdr.tone_mapped(np.array([[[0.9, 0.3, 0.3]]], np.float32), hdr.HLG)
    red, green, blue = mapped[0, 0]
    assert red > 0.85 and max(green, blue) < 0.45


def test_an_hdr_film_is_read_and_told_of(tmp_path, caplog):
    path = str(tmp_path / "hlg.mp4")
    with av.open(path, "w") as out:
        stream = out.add_stream("libx265", rate=24, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = hdr.HLG, 9, 9
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 191, np.uint8), "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    with caplog.at_level(logging.INFO, "nstyle"):
        clip = source.look(path)
    assert "is HDR (HLG)" in caplog.text
    (shown,) = decode.frames(clip, [1])
    expected = 255 * hdr.tone_mapped(grey(191 / 255), hdr.HLG)[0, 0, 0]  # white paper: 233
    assert 225 < expected < 240
    assert np.abs(shown.astype(float) - expected).max() < 8
