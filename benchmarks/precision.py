"""How far a picture painted in bfloat16 is from one in float32, beside what else moves a picture.

    python -m benchmarks.precision --sheet precision.jpg

Paints the sample photo in float32, in bfloat16, and again in float32 with a learning rate one
thousandth higher and with every value of the photo moved by one level at most. Mean absolute
differences from the first, of 255. A brushstroke that falls elsewhere is another picture as good.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from PIL import Image

import nstyle
from benchmarks import reporting
from nstyle.cli.flags import SAMPLE_PHOTO, SAMPLE_STYLE, sample
from nstyle.images import image_file

COLUMNS: list[reporting.Column] = [
    ("name", "picture", str),
    ("epochs", "epochs", str),
    ("difference", "difference of 255", reporting.general),
]


def moved(photo: np.ndarray) -> np.ndarray:
    """The photo with each value one level up or down, or as it was."""
    noise = np.random.default_rng(0).integers(-1, 2, photo.shape)
    return np.clip(photo.astype(int) + noise, 0, 255).astype(np.uint8)


def main() -> None:
    """The door."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sheet", metavar="FILE", help="float32 left, bfloat16 right")
    parser.add_argument("--long-edge", type=int, default=512)
    words = parser.parse_args()
    photo = np.asarray(image_file.read(sample(SAMPLE_PHOTO)).to_pil())
    runs: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
        "float32": (photo, {"precision": "float32"}),
        "bfloat16": (photo, {"precision": "bfloat16"}),
        "float32, lr 0.1001": (photo, {"precision": "float32", "lr": 0.1001}),
        "float32, photo +-1": (moved(photo), {"precision": "float32"}),
    }
    rows, pictures = [], {}
    for name, (content, options) in runs.items():
        result = nstyle.stylize(
            content, sample(SAMPLE_STYLE), max_long_edge=words.long_edge, gpu=-1, **options
        )
        pictures[name] = np.asarray(result.image)
        apart = np.abs(pictures[name].astype(float) - pictures["float32"]).mean()
        rows.append({"name": name, "epochs": result.epochs, "difference": float(apart)})
    print(reporting.table(rows, COLUMNS))
    if words.sheet:
        both = np.concatenate([pictures["float32"], pictures["bfloat16"]], axis=1)
        Image.fromarray(both).save(words.sheet, quality=85)


if __name__ == "__main__":
    main()
