"""Files <-> `Picture`: reading, refusing and writing pictures; nothing of networks."""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from nstyle.errors import ImageError
from nstyle.images import codecs
from nstyle.images.picture import Picture, from_array
from nstyle.system import extras
from nstyle.system.files import atomic_write, check_place, opened

log = logging.getLogger("nstyle")

MIN_EDGE = 16
EXTENSIONS: Mapping[str, str] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"
}  # fmt: skip
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_pillow_lock = threading.RLock()


def read(source: Any, *, max_pixels: int = 200_000_000) -> Picture:
    """The upright sRGB picture in a file, a pillow image, or an array; a Picture is handed back.

    A file is a path, an open file that gives bytes, or its bytes. Arrays are HxW, HxWx2 (grey,
    alpha), HxWx3 or HxWx4; uint8, uint16, bool, or floats in 0..1. Of an animation the first frame
    is read. Raises ImageError, one line with what is wrong and what to do, also when an edge is
    under MIN_EDGE or there are more than `max_pixels` pixels.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        with _open_file(path) as file:
            return _read_file(file, path, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read_file(io.BytesIO(source), "the given picture", max_pixels)
    if hasattr(source, "read"):
        data = source.read()
        if isinstance(data, str):
            raise ImageError("the given file: gives text; open it with mode 'rb'")
        return _read_file(io.BytesIO(data), "the given file", max_pixels)
    if isinstance(source, Image.Image):
        _check_size(source.size, "the given picture", max_pixels)
        with _quiet_pillow():
            return _decode(source, "the given picture", fresh=False)
    picture = from_array(source) if isinstance(source, np.ndarray) else source
    if not isinstance(picture, Picture):
        kind = type(source).__name__
        raise ImageError(
            f"a picture is a path, a file, bytes, a pillow image or a numpy array, not a {kind}"
        )
    _check_size(picture.size, "the given picture", max_pixels)
    return picture


def _read_file(file: BinaryIO, name: str, max_pixels: int) -> Picture:
    with _quiet_pillow():
        image = _identify(file, name)
        _check_size(image.size, _shown(name), max_pixels)
        # Phones put a second picture, of depth or brightness, into a JPEG.
        if getattr(image, "is_animated", False) and image.format != "MPO":
            log.info("%s: holds several pictures; the first is taken", _shown(name))
        return _decode(image, _shown(name), fresh=True)


def _open_file(path: str) -> BinaryIO:
    """The opened file at `path`, seekable; raises ImageError naming what is there instead."""
    name = _shown(path)
    try:
        mode = os.stat(path).st_mode
        what = "a folder" if stat.S_ISDIR(mode) else "a device" if stat.S_ISCHR(mode) else None
        file: BinaryIO | None = None if what else opened(path)
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError(f"{name}: no such file{_nearest_file(path)}") from None
    except PermissionError as error:
        raise ImageError(f"{name}: you may not read it; change its permissions") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: cannot be opened ({_reason(error)})") from error
    if file is None:
        raise ImageError(f"{name}: is {what}; give the path of a picture file")
    try:
        empty = not file.read(1)
        file.seek(0)
    except OSError as error:  # a disk or a network at fault
        file.close()
        raise ImageError(f"{name}: cannot be read ({_reason(error)})") from error
    if empty:
        file.close()
        raise ImageError(f"{name}: the file is empty; copy or download it again")
    return file


def _nearest_file(path: str) -> str:
    folder, name = os.path.split(path)
    try:
        by_lower = {each.lower(): each for each in os.listdir(folder or ".")}
    except OSError:
        return f" (there is no folder {_shown(folder)})"
    near = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f"; did you mean {_shown(os.path.join(folder, by_lower[near[0]]))}?" if near else ""


@contextlib.contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Lift pillow's limit of pixels, silence its warnings, refuse truncated files.

    All are global in the process, hence the lock; GluonCV makes pillow accept truncated files.
    """
    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        tolerant, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            ImageFile.LOAD_TRUNCATED_IMAGES = tolerant


def _identify(file: BinaryIO, path: str) -> Image.Image:
    """The pillow image with only its header read; raises ImageError if it is no picture."""
    name = _shown(path)
    Image.init()
    # EPS would run Ghostscript, a program, on a file from anywhere.
    kinds = [kind for kind in Image.OPEN if kind != "EPS"]
    try:
        return Image.open(file, formats=kinds)
    except UnidentifiedImageError:
        file.seek(0)
        start = file.read(12)
        is_heif = start[4:8] == b"ftyp" and start[8:12] in HEIF_BRANDS
        if not is_heif and not path.lower().endswith((".heic", ".heif")):
            raise ImageError(
                f"{name}: not a picture, or damaged at its start; "
                "JPEG, PNG, WEBP, TIFF, GIF, BMP and HEIC can be read"
            ) from None
    except Exception as error:  # broken bytes make pillow raise nearly anything
        raise ImageError(f"{name}: damaged or truncated ({_reason(error)})") from error
    return _identify_heif(file, name)


def _identify_heif(file: BinaryIO, name: str) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise ImageError(f"{name}: to read HEIC run: {extras.advice('heif')}") from None
    pillow_heif.register_heif_opener()
    file.seek(0)
    try:
        return Image.open(file, formats=["HEIF"])
    except Exception as error:
        raise ImageError(f"{name}: damaged or truncated ({_reason(error)})") from error


def _check_size(size: tuple[int, int], name: str, max_pixels: int) -> None:
    width, height = size
    if min(size) < MIN_EDGE:
        raise ImageError(
            f"{name}: {width}x{height} pixels is too small; "
            f"width and height must be at least {MIN_EDGE}"
        )
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: {width}x{height} is {width * height} pixels, more than the {max_pixels} "
            "allowed; make it smaller or raise --max-pixels"
        )


def _decode(image: Image.Image, name: str, *, fresh: bool) -> Picture:
    try:
        return Picture(*codecs.decode(image, fresh=fresh))
    except Exception as error:  # broken bytes make pillow raise nearly anything
        message = f"{name}: damaged or truncated ({_reason(error)}); copy or download it again"
        raise ImageError(message) from error


def check_destination(
    path: str | os.PathLike[str], allowed: Mapping[str, str] = EXTENSIONS
) -> None:
    """Make sure before the work that a picture can be written to `path`; makes its folder.

    Leaves an old file as it is. Raises ImageError, also for an extension that is not allowed.
    """
    path = os.fsdecode(path)
    _format_of(path, allowed)
    if os.path.isdir(path):
        raise ImageError(f"{_shown(path)}: is a folder; give the path of a picture file")
    try:
        check_place(path)
    except (OSError, ValueError) as error:
        raise ImageError(f"{_unwritten(path, error)}; choose another place") from error


def _format_of(path: str, allowed: Mapping[str, str] = EXTENSIONS) -> str:
    """The name of the format that the extension of `path` stands for; pillow's, for pictures."""
    extension = os.path.splitext(path)[1].lower()
    if extension in allowed:
        return allowed[extension]
    near = difflib.get_close_matches(extension, allowed, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    problem = f"the extension {_shown(extension)} is unknown" if extension else "has no extension"
    raise ImageError(f"{_shown(path)}: {problem}, allowed are {' '.join(allowed)}{hint}")


def write(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, object] | None = None,
    quality: int = 95,
) -> None:
    """Write the picture in the format its extension names, wholly or not at all.

    TIFF has 16 bits per channel, the others 8; JPEG, which holds no alpha, is laid on white, with a
    note in the log. `quality` (1..100) is that of JPEG and WEBP. `metadata` must be what JSON can
    hold. The same picture gives the same bytes. Raises ImageError when it cannot be written.
    """
    check_destination(path)
    path = os.fsdecode(path)
    data = encode(picture, path, metadata=metadata, quality=quality)
    try:
        atomic_write(path, lambda file: file.write(data))
    except OSError as error:
        raise _unwritten(path, error) from error


def encode(
    picture: Picture,
    path: str,
    *,
    metadata: Mapping[str, object] | None = None,
    quality: int = 95,
) -> bytes:
    """The bytes that `write` puts into a file of this name. Raises ImageError, as `write`."""
    kind, name = _format_of(path), _shown(path)
    text = None if metadata is None else json.dumps(dict(metadata))
    if picture.alpha is not None and kind == "JPEG":
        log.warning("%s: JPEG holds no transparency; it is laid on white; .png keeps it", name)
    limit = codecs.MAX_EDGE.get(kind)
    if limit is not None and max(picture.size) > limit:
        raise ImageError(
            f"{name}: {kind} has at most {limit} pixels on an edge, not "
            f"{picture.width}x{picture.height}; write .png or .tiff"
        )
    if text is not None and len(text) > codecs.MAX_TEXT.get(kind, len(text)):
        raise ImageError(f"{name}: the metadata is too long for {kind}; write .png or .tiff")
    try:
        return codecs.encode(kind, picture.pixels, picture.alpha, text, quality)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: str, error: BaseException) -> ImageError:
    return ImageError(f"{_shown(path)}: cannot be written ({_reason(error)})")


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The metadata that `write` put into a file, None when there is none or it is foreign.

    Reads only the header. Raises ImageError when the file is no picture.
    """
    path = os.fsdecode(path)
    with _open_file(path) as file, _quiet_pillow():
        image = _identify(file, path)
        try:
            metadata = json.loads(codecs.read_text(image) or "null")
        except Exception:  # noqa: BLE001 - damaged tags make pillow raise nearly anything
            return None
    return metadata if isinstance(metadata, dict) else None


def _shown(path: str) -> str:
    """The path as it is typed, or quoted when it is empty or would break the line."""
    return path if path.isprintable() and path else repr(path)


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
