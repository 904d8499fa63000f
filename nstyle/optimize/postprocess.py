"""From the painted values to the finished picture: what is kept, alpha, chroma, final size."""

from __future__ import annotations

import numpy as np

from nstyle.images import codecs
from nstyle.images.color import with_chroma_of
from nstyle.images.picture import Picture, resize
from nstyle.optimize.inputs import Inputs


def finished(values: np.ndarray, inputs: Inputs) -> Picture:
    """The picture, 16 bits. values: HxWx3 floats in 0..1 of the photo's size; they are used up."""
    kept, photo = inputs.kept, inputs.photo
    if kept is not None:
        for top in range(0, len(values), codecs.ROWS):
            rows = slice(top, top + codecs.ROWS)
            own = Picture(photo.pixels[rows]).floats()
            values[rows] = with_kept(values[rows], own, kept[rows, :, np.newaxis])
    picture = Picture.from_floats(values, photo.alpha)
    if inputs.chroma is not None:
        picture = with_chroma_of(picture, inputs.chroma)
    if inputs.final_size == picture.size:
        return picture
    return resize(picture, *inputs.final_size, method="bicubic")


def with_kept(x: np.ndarray, photo: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """x, float32, with the photo in its place where it is kept (0..1)."""
    return (x * (1 - kept) + photo * kept).astype(np.float32)
