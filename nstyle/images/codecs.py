"""Converts between pillow images (modes, profiles, tags) and sRGB arrays and bytes.

Knows neither paths nor `Picture`. A broken file may raise anything; `image_file` turns that into
one message.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

EXIF, ORIENTATION, USER_COMMENT, DESCRIPTION = 0x8769, 0x0112, 0x9286, 270
MARK = "nstyle: "
MAX_EDGE = {"JPEG": 65500, "WEBP": 16383}
MAX_TEXT = {"JPEG": 65_000, "WEBP": 65_000}
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
# Plain numbers, as the names in pillow changed between 9.5 and 10.
BLACK_POINT_COMPENSATION: Any = 0x2000
RELATIVE_COLORIMETRIC: Any = 1
TURNS = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: np.rot90(array, 1),
}
Planes = tuple[np.ndarray, "np.ndarray | None"]
ROWS = 256  # of a picture that are float64 at a time

logger = logging.getLogger(__name__)


def rescale(array: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers of another depth, or floats clipped to 0..1, as uint8 or uint16, rounded."""
    if array.dtype == np.bool_ or array.dtype.kind == "f":
        result = np.empty(array.shape, f"uint{bits}")
        for top in range(0, len(array), ROWS):
            values = np.clip(array[top : top + ROWS], 0, 1)
            values = values.astype(np.float64 if bits == 16 else np.float32)
            result[top : top + ROWS] = np.rint(values * (2**bits - 1))
        return result
    if array.dtype.itemsize * 8 == bits:
        return np.ascontiguousarray(array, dtype=f"uint{bits}")
    if bits == 16:
        return array.astype(np.uint16) * np.uint16(257)
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def decode(image: Image.Image, *, fresh: bool) -> Planes:
    """Upright sRGB pixels HxWx3 and alpha HxW (None where all is opaque), uint8 or uint16.

    `fresh`: nobody has changed the image since its file was opened, so the file may be read again.
    Raises whatever pillow does on damaged data, ValueError on values that are not numbers.
    """
    profile = _profile(image)
    planes = None if profile or not fresh else _deep_tiff(image)
    if planes is not None:
        orientation = image.tag_v2.get(ORIENTATION, 1)  # type: ignore[attr-defined]
    else:
        image.load()
        planes = _planes(image, profile)
        orientation = 1  # pillow turns TIFF itself while loading, but 9.5 does not say so
        if not hasattr(image, "tag_v2"):
            with contextlib.suppress(Exception):  # damaged EXIF, but the picture is still good
                orientation = image.getexif().get(ORIENTATION, 1)  # a PNG may end with it
    pixels, alpha = planes
    turn = TURNS.get(orientation, lambda array: array)
    if alpha is not None:
        opaque = alpha.min() == np.iinfo(alpha.dtype).max
        alpha = None if opaque else np.ascontiguousarray(turn(alpha))
    return np.ascontiguousarray(turn(pixels)), alpha


def _planes(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Planes:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        grey, alpha = _deep_grey(image)
        if profile is None:
            return np.repeat(grey[..., None], 3, axis=2), alpha
        # ImageCms has no 16 bit pixels.
        colours = Image.fromarray(rescale(grey, 8))
        alpha = None if alpha is None else rescale(alpha, 8)
    else:
        colours, alpha = _split_alpha(image)
    return np.array(_to_srgb(colours, profile)), alpha


def _split_alpha(image: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """Colours without alpha, untouched where they are transparent, and alpha uint8 HxW."""
    if image.mode in ("LA", "La"):
        image = image.convert("LA")
        return image.getchannel("L"), np.array(image.getchannel("A"))
    if image.mode in ("P", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return image.convert("RGB"), np.array(image.getchannel("A"))
    return image, None


def _deep_grey(image: Image.Image) -> Planes:
    """Grey uint16 HxW from pillow's modes I;16, I and F, and alpha where one grey is the key."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not numbers")
    limits = (1, 255, 65535) if image.mode == "F" else (65535,)
    largest = values.max()
    top = next((limit for limit in limits if largest <= limit), largest)
    grey = rescale(values.astype(np.float64) / top, 16)
    if image.mode == "I;16" and getattr(image, "tag_v2", {}).get(262) == 0:
        grey = 65535 - grey  # pillow does not heed "white is zero" at this depth
    key = image.info.get("transparency")
    return grey, (rescale(values != key, 16) if isinstance(key, int) else None)


def _deep_tiff(image: Image.Image) -> Planes | None:
    """The full 16 bits of a plain RGB(A) TIFF, of which pillow keeps 8; None for other files."""
    tags: Any = getattr(image, "tag_v2", {})
    samples = len(tags.get(258, ()))
    expected = {258: (16,) * samples, 262: 2, 277: samples, 338: {3: (), 4: (2,)}.get(samples)}
    if any(tags.get(tag, ()) != value for tag, value in expected.items()):
        return None
    compression, predictor = tags.get(259, 1), tags.get(317, 1)
    if compression not in (1, 8, 32946) or predictor not in (1, 2) or tags.get(284, 1) != 1:
        return None
    if 273 not in tags or 279 not in tags or set(tags.get(339, (1,))) != {1}:
        return None
    height, width = tags[257], tags[256]
    size = height * width * samples * 2
    data = _strips(image, tags, size)
    if len(data) != size:
        return None
    order = ">" if tags.prefix[:1] == b"M" else "<"
    array = np.frombuffer(data, f"{order}u2").reshape(height, width, samples).astype(np.uint16)
    if predictor == 2:
        array = np.cumsum(array, axis=1, dtype=np.uint16)
    return array[..., :3], array[..., 3] if samples == 4 else None


def _strips(image: Image.Image, tags: Any, size: int) -> bytes:
    """The strips of a TIFF one after the other, at most `size` bytes; fewer when damaged."""
    file: Any = image.fp  # type: ignore[attr-defined]
    zipped = tags.get(259, 1) != 1
    data = bytearray()
    for offset, count in zip(tags[273], tags[279]):
        file.seek(offset)
        strip = file.read(min(count, size))
        try:
            room = size - len(data)
            data += zlib.decompressobj().decompress(strip, room) if zipped and room else strip
        except zlib.error:
            break
    return bytes(data)


@functools.cache
def srgb_profile() -> bytes:
    """The sRGB colour profile to embed: the same bytes whenever it is made."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # else the time of its making
    return bytes(data)


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The embedded colour profile, None when there is none, it is sRGB, or it is broken."""
    data = image.info.get("icc_profile")
    if not data or data == srgb_profile():
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile).strip()
    except Exception as error:  # noqa: BLE001 - littlecms tells of damage in several ways
        logger.warning("a broken colour profile is ignored: %s", error)
        return None
    is_srgb = name == "sRGB" or name.startswith(("sRGB IEC61966", "sRGB built-in"))
    return None if is_srgb else profile


def _to_srgb(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    """The RGB image as seen through `profile`; a profile for other colours is ignored."""
    mode = SPACES.get(profile.profile.xcolor_space.strip()) if profile else None
    if image.mode == "LAB" and mode != "LAB":
        profile, mode = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB"
    if profile is None:
        return image.convert("RGB")
    if mode != image.mode and (mode != "RGB" or image.mode == "CMYK"):
        logger.warning("a colour profile that does not fit a %s picture is ignored", image.mode)
        return image.convert("RGB")
    srgb = ImageCms.createProfile("sRGB")
    try:
        transform = ImageCms.buildTransform(
            profile, srgb, mode, "RGB", RELATIVE_COLORIMETRIC, BLACK_POINT_COMPENSATION
        )
        converted = ImageCms.applyTransform(image.convert(mode), transform)
        return converted or image.convert("RGB")
    except ImageCms.PyCMSError as error:
        logger.warning("a colour profile that cannot be used is ignored: %s", error)
        return image.convert("RGB")


def encode(
    kind: str, pixels: np.ndarray, alpha: np.ndarray | None, text: str | None, quality: int
) -> bytes:
    """The bytes of a JPEG, PNG, WEBP (8 bits) or TIFF (16 bits) file; JPEG lies on white."""
    if kind == "TIFF":
        return _encode_tiff(pixels, alpha, text)
    colours = rescale(pixels, 8)
    if alpha is not None and kind == "JPEG":
        colours = on_white(colours, alpha)
    elif alpha is not None:
        colours = np.dstack([colours, rescale(alpha, 8)])
    extras: dict[str, Any] = {"icc_profile": srgb_profile()}
    if kind == "PNG":
        extras["pnginfo"] = chunks = PngInfo()
        if text:
            chunks.add_text("nstyle", text)
    else:
        extras.update(quality=quality, **({"exif": _exif(MARK + text)} if text else {}))
        extras.update({"subsampling": 0} if kind == "JPEG" else {"exact": True})
    return saved(Image.fromarray(colours), kind, **extras)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours, uint8 HxWx3, as they look on white paper."""
    share = alpha[..., None] / np.float32(np.iinfo(alpha.dtype).max)
    return np.rint(colours * share + 255 * (1 - share)).astype(np.uint8)


def saved(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """The bytes of a file of this format, as pillow saves it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def _encode_tiff(pixels: np.ndarray, alpha: np.ndarray | None, text: str | None) -> bytes:
    import tifffile

    planes = rescale(pixels, 16)
    tags: dict[str, Any] = {"iccprofile": srgb_profile(), "metadata": None, "software": False}
    if alpha is not None:
        planes = np.dstack([planes, rescale(alpha, 16)])
        tags["extrasamples"] = ["unassalpha"]
    if text:
        tags["description"] = MARK + text
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, planes, byteorder="<", photometric="rgb", **tags)
    return buffer.getvalue()


def _exif(text: str) -> bytes:
    """An EXIF block whose only tag is the user comment; pillow's own differs by version."""
    comment = b"ASCII\0\0\0" + text.encode("ascii")
    first = struct.pack("<HHHLLL", 1, EXIF, 4, 1, 26, 0)
    second = struct.pack("<HHHLLL", 1, USER_COMMENT, 7, len(comment), 44, 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + first + second + comment


def read_text(image: Image.Image) -> str | None:
    """The text that `encode` put into an opened file, None when there is none of ours."""
    if "nstyle" in image.info:
        return str(image.info["nstyle"])
    text: Any = getattr(image, "tag_v2", {}).get(DESCRIPTION)
    if text is None:
        text = image.getexif().get_ifd(EXIF).get(USER_COMMENT, b"")
    if isinstance(text, bytes):
        text = text[8:].decode("ascii", "replace")
    return text[len(MARK) :] if str(text).startswith(MARK) else None
