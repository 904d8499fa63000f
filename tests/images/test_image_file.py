"""Reading, refusing, resizing and writing pictures; every file is made here."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import struct
import subprocess
import sys
import types
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from nstyle.errors import ImageError, NStyleError, OptionError
from nstyle.images import codecs, image_file
from nstyle.images.image_file import Picture

ALL = ("a.jpg", "a.jpeg", "a.png", "a.webp", "a.tif", "a.tiff")
FOUR = ("a.jpg", "a.png", "a.webp", "a.tiff")


@pytest.fixture(autouse=True)
def no_warnings_leak():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def ramp(height=24, width=32, dtype=np.uint8):
    """A smooth colour picture HxWx3 that survives lossy formats."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[0:height, 0:width]
    planes = [y / (height - 1), x / (width - 1), (x + y) / (height + width - 2)]
    return np.rint(np.stack(planes, axis=2) * top).astype(dtype)


def half_clear(height=24, width=32, dtype=np.uint8):
    alpha = np.full((height, width), np.iinfo(dtype).max, dtype)
    alpha[:, : width // 2] = 0
    alpha[0] = np.iinfo(dtype).max // 2
    return alpha


def difference(one, two):
    return np.abs(one.astype(np.int64) - two.astype(np.int64)).max()


def refusal(call, *args, **kwargs):
    """The message of the ImageError that `call` raises: always one line, always ours."""
    with pytest.raises(ImageError) as caught:
        call(*args, **kwargs)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


def cms_profile(name):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def s15(value):
    return struct.pack(">i", round(value * 65536))


def matrix_profile(gamma=1.0, space=b"RGB ", swap=False):
    """A small ICC v2 profile: sRGB's colours (red and green exchanged with `swap`), any gamma."""
    xyz = {b"rXYZ": (0.4361, 0.2225, 0.0139), b"gXYZ": (0.3851, 0.7169, 0.0971)}
    if swap:
        xyz = {b"rXYZ": xyz[b"gXYZ"], b"gXYZ": xyz[b"rXYZ"]}
    xyz[b"bXYZ"] = (0.1431, 0.0606, 0.7141)
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    name = b"odd profile\0"
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78)}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + s15(0.9642) + s15(1) + s15(0.8249)
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags.update({tag: b"XYZ " + bytes(4) + b"".join(map(s15, v)) for tag, v in xyz.items()})
        tags.update(dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"lcms", 0x02100000, b"mntr",
                         space, b"XYZ ", b"acsp")  # fmt: skip
    header += bytes(68 - len(header)) + s15(0.9642) + s15(1) + s15(0.8249)
    return header + bytes(128 - len(header)) + table + body


def saved(path, pil, **extras):
    pil.save(path, **extras)
    return path


def png_bytes(width, height, depth, kind, rows, *chunks):
    """A PNG by hand, for what pillow cannot write."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [chunk(b"IHDR", head), *(chunk(*each) for each in chunks), chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


# Picture


def test_picture_knows_its_size():
    picture = Picture(ramp(24, 32))
    assert (picture.width, picture.height, picture.size) == (32, 24, (32, 24))


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((20, 20), np.uint8), None),
        (np.zeros((20, 20, 4), np.uint8), None),
        (np.zeros((20, 20, 3), np.float32), None),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21), np.uint8)),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint16)),
    ],
)
def test_picture_refuses_other_arrays(pixels, alpha):
    assert "must be" in refusal(Picture, pixels, alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_to_pil_is_8_bit(dtype):
    assert Picture(ramp(dtype=dtype)).to_pil().mode == "RGB"
    pil = Picture(ramp(dtype=dtype), half_clear(dtype=dtype)).to_pil()
    assert pil.mode == "RGBA"
    assert difference(np.asarray(pil)[..., :3], ramp()) <= 1
    assert difference(np.asarray(pil)[..., 3], half_clear()) <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_floats_and_back(bits):
    picture = Picture(ramp(dtype=f"uint{bits}"), half_clear(dtype=f"uint{bits}"))
    floats = picture.floats()
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (0, 1)
    back = Picture.from_floats(floats, picture.alpha, bits)
    assert np.array_equal(back.pixels, picture.pixels)
    assert np.array_equal(back.alpha, picture.alpha)


def test_from_floats_rounds_and_clips():
    array = np.full((2, 2, 3), 0.5, np.float32)
    array[0, 0], array[1, 1] = -3, np.inf
    for bits, middle in ((8, 128), (16, 32768)):
        pixels = Picture.from_floats(array, bits=bits).pixels
        assert pixels[0, 0, 0] == 0
        assert pixels[0, 1, 0] in (middle, middle - 1)
        assert pixels[1, 1, 0] == 2**bits - 1
    assert Picture.from_floats(array).pixels.dtype == np.uint16
    assert Picture.from_floats(array, np.ones((2, 2)), 8).alpha.min() == 255


def test_from_floats_refuses_nan():
    assert "NaN" in refusal(Picture.from_floats, np.full((2, 2, 3), np.nan))


def test_depths_convert_exactly():
    eight = np.arange(256, dtype=np.uint8)
    sixteen = np.arange(65536, dtype=np.uint16)
    assert np.array_equal(codecs.rescale(codecs.rescale(eight, 16), 8), eight)
    expected = np.rint(sixteen / 257)
    assert np.array_equal(codecs.rescale(sixteen, 8), expected)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("height", [1, 255, 256, 257, 600])
def test_floats_are_rounded_strip_by_strip(bits, height):
    array = np.random.default_rng(height).uniform(-0.1, 1.1, (height, 3, 3)).astype(np.float32)
    expected = np.rint(np.clip(array.astype(np.float64), 0, 1) * (2**bits - 1))
    found = codecs.rescale(array, bits)
    assert found.dtype.itemsize * 8 == bits
    assert np.abs(found - expected).max() <= (0 if bits == 16 else 1)


# Reading arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_arrays_of_whole_numbers(dtype, channels):
    native = np.dtype(dtype).newbyteorder("=")
    rgb, alpha = ramp(dtype=native), half_clear(dtype=native)
    array = {
        0: rgb[..., 0],
        1: rgb[..., :1],
        2: np.dstack([rgb[..., 0], alpha]),
        3: rgb,
        4: np.dstack([rgb, alpha]),
    }[channels].astype(dtype)
    picture = image_file.read(array)
    expected = rgb if channels > 2 else np.repeat(rgb[..., :1], 3, axis=2)
    assert picture.pixels.dtype == native
    assert np.array_equal(picture.pixels, expected)
    if channels in (2, 4):
        assert np.array_equal(picture.alpha, alpha)
    else:
        assert picture.alpha is None


def test_array_is_copied_and_opaque_alpha_dropped():
    array = np.dstack([ramp(), np.full((24, 32), 255, np.uint8)])
    picture = image_file.read(array)
    array[:] = 0
    assert picture.alpha is None
    assert np.array_equal(picture.pixels, ramp())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_become_16_bit(dtype):
    picture = image_file.read((ramp() / 255).astype(dtype))
    assert picture.pixels.dtype == np.uint16
    assert difference(picture.pixels, ramp().astype(np.uint16) * 257) <= 16


def test_bool_array():
    array = ramp()[..., 0] > 99
    assert np.array_equal(image_file.read(array).pixels[..., 1], array * np.uint8(255))


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((20, 20), np.int64), "int64"),
        (np.zeros((20, 20), np.complex64), "complex64"),
        (np.zeros((20, 20), "U1"), "U1"),
        (np.zeros((3, 20, 20), np.uint8), "(3, 20, 20)"),
        (np.zeros((1, 20, 20, 3), np.uint8), "(1, 20, 20, 3)"),
        (np.zeros(20, np.uint8), "(20,)"),
        (np.zeros((0, 0, 3)), "(0, 0, 3)"),
        (np.full((20, 20), 255.0), "255..255"),
        (np.full((20, 20), -0.5), "-0.5"),
        (np.full((20, 20), np.nan), "nan"),
        (np.full((20, 20), np.inf), "inf"),
        (np.zeros((20, 15, 3), np.uint8), "15x20"),
    ],
)
def test_other_arrays_are_refused(array, word):
    assert word in refusal(image_file.read, array)


@pytest.mark.parametrize("source", [None, 3, b"a.png", [[1, 2]]])
def test_other_sources_are_refused(source):
    assert type(source).__name__ in refusal(image_file.read, source)


def test_a_picture_is_handed_back():
    picture = Picture(ramp())
    assert image_file.read(picture) is picture


def test_pillow_image_is_read_as_it_is_now(tmp_path):
    path = tmp_path / "a.tiff"
    image_file.write(Picture(ramp()), path)
    with Image.open(path) as pil:
        pil.load()
        pil.paste((9, 8, 7), (0, 0, 32, 24))
        assert image_file.read(pil).pixels[3, 3].tolist() == [9, 8, 7]


# Reading files


@pytest.mark.parametrize("as_path", [str, os.fspath, lambda path: path])
def test_paths(tmp_path, as_path):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()))
    picture = image_file.read(as_path(path))
    assert picture.alpha is None
    assert picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, ramp())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "deep.tiff"])
def test_exif_orientation(tmp_path, orientation, name):
    # Stored so that turning it as EXIF demands gives `ramp()` again.
    undo = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    back = codecs.TURNS.get(undo.get(orientation), lambda array: array)
    stored = np.ascontiguousarray(back(ramp()))
    path = tmp_path / name
    if name == "deep.tiff":
        tags = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, stored.astype(np.uint16) * 257, photometric="rgb", extratags=tags)
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        lossless = {"lossless": True} if name == "a.webp" else {}
        saved(path, Image.fromarray(stored), exif=exif, quality=100, **lossless)
    picture = image_file.read(path)
    assert picture.size == (32, 24)
    assert difference(codecs.rescale(picture.pixels, 8), ramp()) <= (12 if "jpg" in name else 0)


def test_turns_agree_with_pillow():
    flips = Image.Transpose
    names = {
        2: flips.FLIP_LEFT_RIGHT,
        3: flips.ROTATE_180,
        4: flips.FLIP_TOP_BOTTOM,
        5: flips.TRANSPOSE,
        6: flips.ROTATE_270,
        7: flips.TRANSVERSE,
        8: flips.ROTATE_90,
    }
    for orientation, flip in names.items():
        expected = np.asarray(Image.fromarray(ramp()).transpose(flip))
        assert np.array_equal(codecs.TURNS[orientation](ramp()), expected)


def test_broken_exif_does_not_matter(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert image_file.read(path).size == (32, 24)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_kept_with_the_colours_below_it(mode):
    pil = Image.fromarray(ramp()).convert("L" if mode == "LA" else "RGB").convert("RGB")
    if mode == "PA":
        pil = pil.quantize(16)
        expected = np.asarray(pil.convert("RGB"))
        pil = pil.convert("PA")
        pil.putalpha(Image.fromarray(half_clear()))
    else:
        expected = np.asarray(pil)
        pil = pil.convert(mode)
        pil.putalpha(Image.fromarray(half_clear()))
    assert pil.mode == mode
    picture = image_file.read(pil)
    assert np.array_equal(picture.pixels, expected)
    assert np.array_equal(picture.alpha, half_clear())


def test_opaque_alpha_is_none(tmp_path):
    pil = Image.fromarray(ramp()).convert("RGBA")
    assert image_file.read(saved(tmp_path / "a.png", pil)).alpha is None


@pytest.mark.parametrize("extension", ["png", "gif"])
def test_palette_with_transparency(tmp_path, extension):
    pil = Image.new("P", (20, 20), 1)
    pil.putpalette([255, 0, 0, 0, 255, 0])
    pil.paste(0, (0, 0, 10, 20))
    picture = image_file.read(saved(tmp_path / f"a.{extension}", pil, transparency=0))
    assert picture.pixels[5, 5].tolist() == [255, 0, 0]
    assert picture.pixels[5, 15].tolist() == [0, 255, 0]
    assert (picture.alpha[5, 5], picture.alpha[5, 15]) == (0, 255)


def test_colour_key_of_a_png(tmp_path):
    pil = Image.new("RGB", (20, 20), (1, 2, 3))
    pil.paste((9, 9, 9), (0, 0, 10, 20))
    picture = image_file.read(saved(tmp_path / "a.png", pil, transparency=(9, 9, 9)))
    assert (picture.alpha[5, 5], picture.alpha[5, 15]) == (0, 255)


@pytest.mark.parametrize("mode", ["L", "P", "1", "YCbCr", "HSV", "CMYK", "LAB", "RGBX"])
def test_modes_of_pillow(mode):
    grey = Image.fromarray(ramp()).convert("L")
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        srgb = ImageCms.createProfile("sRGB")
        pil = ImageCms.profileToProfile(grey.convert("RGB"), srgb, lab, outputMode="LAB")
    elif mode == "P":
        pil = grey.quantize(64)
    else:
        pil = grey.convert("RGB").convert(mode)
    picture = image_file.read(pil)
    expected = np.asarray((pil if mode in ("P", "1") else grey).convert("RGB"))
    assert picture.alpha is None
    assert difference(picture.pixels, expected) <= 3


@pytest.mark.parametrize("name", ["a.jpg", "a.tiff"])
def test_cmyk_files_are_not_inverted(tmp_path, name):
    pil = Image.new("CMYK", (20, 20), (0, 255, 255, 0))
    pixel = image_file.read(saved(tmp_path / name, pil)).pixels[9, 9]
    assert pixel[0] > 200
    assert pixel[1:].max() < 60


@pytest.mark.parametrize("name", ["a.png", "a.tiff", "big.tiff", "zero.tiff", "a.pgm"])
def test_16_bit_grey_is_not_clipped(tmp_path, name):
    grey = ramp(dtype=np.uint16)[..., 1]
    path = tmp_path / name
    if name == "zero.tiff":
        tifffile.imwrite(path, 65535 - grey, photometric="miniswhite")
    elif name == "big.tiff":
        tifffile.imwrite(path, grey, byteorder=">", photometric="minisblack")
    elif name == "a.pgm":
        path.write_bytes(b"P5 32 24 65535\n" + grey.astype(">u2").tobytes())
    else:
        Image.fromarray(grey).save(path)
    picture = image_file.read(path)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("top", [1, 255, 65535, 1e6])
def test_float_tiff(tmp_path, top):
    array = (ramp()[..., 1] / 255 * top).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tiff", array)
    expected = ramp(dtype=np.uint16)[..., 1]
    assert difference(image_file.read(tmp_path / "a.tiff").pixels[..., 0], expected) <= 129


def test_float_tiff_with_nan_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", np.full((20, 20), np.nan, np.float32))
    assert "not numbers" in refusal(image_file.read, tmp_path / "a.tiff")


def test_mode_i():
    grey = ramp(dtype=np.uint16)[..., 0].astype(np.int32)
    assert np.array_equal(image_file.read(Image.fromarray(grey)).pixels[..., 2], grey)
    assert image_file.read(Image.fromarray(grey * 1000)).pixels.max() == 65535


def test_16_bit_grey_key(tmp_path):
    row = struct.pack(">20H", *range(1000, 1020))
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(20, 20, 16, 0, [row] * 20, (b"tRNS", struct.pack(">H", 1003))))
    alpha = image_file.read(path).alpha
    assert (alpha[4, 3], alpha[4, 4]) == (0, 65535)


def test_16_bit_rgb_png(tmp_path):
    rows = [row.astype(">u2").tobytes() for row in ramp(dtype=np.uint16)]
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(32, 24, 16, 2, rows))
    assert difference(codecs.rescale(image_file.read(path).pixels, 8), ramp()) <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize(
    "layout", [{}, {"rowsperstrip": 5}, {"compression": "zlib"}, {"tile": (16, 16)}]
)
def test_16_bit_rgb_tiff(tmp_path, order, alpha, layout):
    array = ramp(dtype=np.uint16)
    extras = {"extrasamples": ["unassalpha"]} if alpha else {}
    array = np.dstack([array, half_clear(dtype=np.uint16)]) if alpha else array
    tifffile.imwrite(
        tmp_path / "a.tiff", array, byteorder=order, photometric="rgb", **extras, **layout
    )
    picture = image_file.read(tmp_path / "a.tiff")
    if "tile" in layout:
        assert difference(codecs.rescale(picture.pixels, 8), ramp()) <= 1
    else:
        assert np.array_equal(picture.pixels, ramp(dtype=np.uint16))
    assert (picture.alpha is not None) == alpha


@pytest.mark.parametrize("order", "<>")
def test_16_bit_tiff_with_predictor(tmp_path, order):
    array = ramp(dtype=np.uint16)
    stored = np.diff(array, axis=1, prepend=np.zeros((24, 1, 3), np.uint16))
    path = tmp_path / "a.tiff"
    tags = [(65000, "H", 1, 2, True)]
    options = {"photometric": "rgb", "compression": "zlib", "extratags": tags}
    tifffile.imwrite(path, stored, byteorder=order, **options)
    # tifffile alone cannot write the predictor: put its tag in the place of a private one.
    private, predictor = (struct.pack(f"{order}HHI", tag, 3, 1) for tag in (65000, 317))
    assert path.read_bytes().count(private) == 1
    path.write_bytes(path.read_bytes().replace(private, predictor))
    assert np.array_equal(image_file.read(path).pixels, array)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.png", "a.webp", "a.tiff"):
        path = saved(tmp_path / name, frames[0], save_all=True, append_images=frames[1:])
        pixel = image_file.read(path).pixels[9, 9]
        assert pixel[0] > 240, name
        assert pixel[2] < 15, name


# Colour profiles


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "webp"])
def test_rgb_profile_is_converted(tmp_path, extension):
    pil = Image.new("RGB", (20, 20), (200, 50, 100))
    path = saved(tmp_path / f"a.{extension}", pil, icc_profile=matrix_profile(2.2, swap=True))
    red, green, blue = image_file.read(path).pixels[9, 9].astype(int)
    assert abs(red - 50) < 10
    assert abs(green - 200) < 10
    assert abs(blue - 100) < 10


def test_profile_of_a_palette_and_of_alpha(tmp_path):
    profile = matrix_profile(2.2, swap=True)
    pil = Image.new("RGBA", (20, 20), (200, 50, 100, 77))
    picture = image_file.read(saved(tmp_path / "a.png", pil, icc_profile=profile))
    assert picture.pixels[9, 9, 1] > 190
    assert set(picture.alpha.flat) == {77}
    pil = Image.new("RGB", (20, 20), (200, 50, 100)).quantize(4)
    assert (
        image_file.read(saved(tmp_path / "b.png", pil, icc_profile=profile)).pixels[9, 9, 1] > 190
    )


@pytest.mark.parametrize("deep", [False, True])
def test_grey_profile_is_converted(tmp_path, deep):
    profile = matrix_profile(1.0, space=b"GRAY")
    grey = np.full((20, 20), 55 * 257, np.uint16) if deep else np.full((20, 20), 55, np.uint8)
    path = saved(tmp_path / "a.png", Image.fromarray(grey), icc_profile=profile)
    expected = 255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055)
    assert abs(int(image_file.read(path).pixels[9, 9, 0]) - expected) < 3


def test_16_bit_tiff_with_a_profile(tmp_path):
    array = np.full((20, 20, 3), (51400, 12850, 25700), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tiff", array, photometric="rgb", iccprofile=matrix_profile(2.2, swap=True)
    )
    assert image_file.read(tmp_path / "a.tiff").pixels[9, 9, 1] > 190


def test_srgb_profiles_change_nothing(tmp_path):
    for profile in (cms_profile("sRGB"), codecs.srgb_profile()):
        path = saved(tmp_path / "a.png", Image.fromarray(ramp()), icc_profile=profile)
        assert np.array_equal(image_file.read(path).pixels, ramp())


@pytest.mark.parametrize(
    "profile", [b"nonsense", bytes(200), matrix_profile(space=b"GRAY"), matrix_profile()[:300]]
)
def test_broken_or_unfit_profile_is_ignored(tmp_path, profile, caplog):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()), icc_profile=profile)
    assert np.array_equal(image_file.read(path).pixels, ramp())
    assert "ignored" in caplog.text


def test_cmyk_profile_is_used(monkeypatch):
    """No CMYK profile is at hand: look at what littlecms is asked for."""
    asked = []
    fake = types.SimpleNamespace(profile=types.SimpleNamespace(xcolor_space="CMYK"))
    monkeypatch.setattr(codecs, "_profile", lambda image: fake)
    monkeypatch.setattr(ImageCms, "buildTransform", lambda *args: asked.append(args[2:4]))
    monkeypatch.setattr(ImageCms, "applyTransform", lambda image, _: Image.new("RGB", image.size))
    assert image_file.read(Image.new("CMYK", (20, 20))).pixels.max() == 0
    assert asked == [("CMYK", "RGB")]


# Refusals


def test_no_such_file(tmp_path):
    saved(tmp_path / "Portrait.PNG", Image.fromarray(ramp()))
    message = refusal(image_file.read, tmp_path / "portrat.png")
    assert message.startswith(f"{tmp_path}/portrat.png: no such file")
    assert message.endswith("did you mean " + str(tmp_path / "Portrait.PNG") + "?")
    assert "mean" not in refusal(image_file.read, tmp_path / "zzzzzz")
    assert "there is no folder" in refusal(image_file.read, tmp_path / "none" / "a.png")
    assert "no such file" in refusal(image_file.read, tmp_path / "Portrait.PNG" / "a.png")
    assert "no such file" in refusal(image_file.read, "")


def test_odd_paths_stay_on_one_line(tmp_path):
    refusal(image_file.read, str(tmp_path / "two\nlines.png"))
    refusal(image_file.read, "null\0byte.png")
    refusal(image_file.read, "x" * 5000)
    refusal(image_file.check_destination, str(tmp_path / "two\nlines.xyz"))
    refusal(image_file.check_destination, str(tmp_path / "null\0byte.png"))
    refusal(image_file.check_destination, str(tmp_path / ("x" * 300 + ".png")))


def test_folder_device_and_empty(tmp_path):
    assert "folder" in refusal(image_file.read, tmp_path)
    assert "device" in refusal(image_file.read, os.devnull)
    (tmp_path / "a.png").touch()
    assert "empty" in refusal(image_file.read, tmp_path / "a.png")


def test_pipe_is_read(tmp_path):
    data = saved(tmp_path / "a.png", Image.fromarray(ramp())).read_bytes()
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    try:
        assert np.array_equal(image_file.read(f"/dev/fd/{reader}").pixels, ramp())
    finally:
        os.close(reader)


def test_not_a_picture(tmp_path):
    (tmp_path / "a.jpg").write_text("hello, I am a text\n" * 50)
    assert "not a picture" in refusal(image_file.read, tmp_path / "a.jpg")


def test_eps_is_not_run(tmp_path):
    saved(tmp_path / "a.eps", Image.fromarray(ramp()))
    assert "not a picture" in refusal(image_file.read, tmp_path / "a.eps")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "a.bmp"])
def test_truncated(tmp_path, name):
    path = saved(tmp_path / name, Image.fromarray(ramp(200, 200)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = refusal(image_file.read, path)
    assert message.startswith(f"{path}: ")
    assert "damaged" in message


def test_permission_denied(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()))

    def deny(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", deny)
    assert "permissions" in refusal(image_file.read, path)


def test_other_system_errors(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()))

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("builtins.open", fail)
    assert "Input/output error" in refusal(image_file.read, path)


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (1, 1)])
def test_too_small(tmp_path, size):
    path = saved(tmp_path / "a.png", Image.new("RGB", size))
    for source in (path, Image.new("RGB", size)):
        message = refusal(image_file.read, source)
        assert f"{size[0]}x{size[1]}" in message
        assert "16" in message


def test_smallest_allowed():
    assert image_file.read(Image.new("RGB", (16, 16))).size == (16, 16)


def test_too_many_pixels():
    pil = Image.new("RGB", (20, 30))
    for source in (pil, np.asarray(pil), image_file.read(pil)):
        message = refusal(image_file.read, source, max_pixels=599)
        for word in ("20x30", "600", "599", "--max-pixels"):
            assert word in message
        assert image_file.read(source, max_pixels=600).size == (20, 30)


def test_header_is_checked_before_decoding(tmp_path):
    """A bomb: 60000 x 60000 pixels in a hundred bytes."""
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(60000, 60000, 8, 2, [b""]))  # decoding it would say "truncated"
    assert "--max-pixels" in refusal(image_file.read, path)


def test_only_our_limit_counts(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.gif", Image.fromarray(ramp()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert image_file.read(path).size == (32, 24)
    refusal(image_file.read, path, max_pixels=50)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_heic_without_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    for name, data in (("a.heic", b"anything" * 9), ("a.HEIF", heic), ("a.jpg", heic)):
        (tmp_path / name).write_bytes(data)
        assert 'pip install "nstyle[heif]"' in refusal(image_file.read, tmp_path / name)


def test_heic_with_its_library(tmp_path, monkeypatch):
    """The real library is optional, so a stand-in registers an opener, or one that fails."""
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    Image.init()
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))

    def install(accepted):
        def register():
            Image.register_open("HEIF", lambda *_: Image.fromarray(ramp()), lambda _: accepted)

        fake = types.SimpleNamespace(register_heif_opener=register)
        monkeypatch.setitem(sys.modules, "pillow_heif", fake)
        Image.OPEN.pop("HEIF", None)

    install(accepted=False)
    assert "damaged" in refusal(image_file.read, path)
    install(accepted=True)
    assert np.array_equal(image_file.read(path).pixels, ramp())


def test_errors_are_of_the_family(tmp_path):
    with pytest.raises(NStyleError):
        image_file.read(tmp_path / "none.png")
    with pytest.raises(OSError, match="no such file"):
        image_file.read(tmp_path / "none.png")


def small_files(folder):
    """One small file of every kind that is often met."""
    pil = Image.fromarray(ramp())
    profile = matrix_profile(2.2)
    clear = pil.convert("RGBA")
    clear.putalpha(Image.fromarray(half_clear()))
    exif = Image.Exif()
    exif[0x0112] = 6
    saved(folder / "a.jpg", pil, icc_profile=profile, exif=exif)
    saved(folder / "cmyk.jpg", pil.convert("CMYK"))
    saved(folder / "a.png", clear, icc_profile=profile, exif=exif)
    saved(folder / "palette.png", pil.quantize(16), transparency=3)
    saved(folder / "a.webp", clear, exif=exif)
    saved(folder / "a.gif", pil.quantize(16), transparency=3)
    saved(folder / "a.bmp", pil)
    saved(folder / "a.tiff", pil, icc_profile=profile)
    saved(folder / "lzw.tiff", pil, compression="tiff_lzw")
    image_file.write(Picture(ramp(dtype=np.uint16)), folder / "deep.tiff", metadata={"a": 1})
    tifffile.imwrite(folder / "zip.tiff", ramp(dtype=np.uint16), photometric="rgb",
                     compression="zlib", rowsperstrip=7)  # fmt: skip
    return sorted(folder.iterdir())


def damage(data, rng):
    data = bytearray(data)
    if rng.random() < 0.3:
        return bytes(data[: rng.randrange(len(data))])
    # Most of what can go wrong is in the first bytes.
    reach = len(data) if rng.random() < 0.5 else min(len(data), 200)
    for _ in range(rng.choice((1, 1, 4, 20))):
        data[rng.randrange(reach)] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(data)


def test_damaged_files_give_a_picture_or_our_error(tmp_path, capfd):
    rng = random.Random(1)
    for path in small_files(tmp_path):
        original = path.read_bytes()
        for _ in range(60):
            path.write_bytes(damage(original, rng))
            for call in (
                lambda path: image_file.read(path, max_pixels=10**6),
                image_file.read_metadata,
            ):
                try:
                    result = call(path)
                except ImageError as error:
                    assert "\n" not in str(error)
                else:
                    assert result is None or isinstance(result, (Picture, dict))
    captured = capfd.readouterr()
    assert captured.out == ""
    # libtiff, in C, speaks past Python; nobody else may.
    assert "Warning" not in captured.err
    assert "Traceback" not in captured.err


# Writing


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_write_and_read(tmp_path, name, dtype):
    picture = Picture(ramp(dtype=dtype), half_clear(dtype=dtype))
    image_file.write(picture, tmp_path / name)
    back = image_file.read(tmp_path / name)
    deep = name.endswith(("tif", "tiff"))
    assert back.pixels.dtype == (np.uint16 if deep else np.uint8)
    expected = codecs.rescale(picture.pixels, 16 if deep else 8)
    limit = 0 if deep or name == "a.png" else 12
    seen = half_clear() > 0  # webp loses colours where nothing is seen, but not elsewhere
    seen |= name != "a.webp"
    assert difference(back.pixels[seen], expected[seen]) <= limit
    if name.endswith(("jpg", "jpeg")):
        assert back.alpha is None
    else:
        assert np.array_equal(codecs.rescale(back.alpha, 8), codecs.rescale(picture.alpha, 8))


def test_webp_keeps_colours_below_alpha(tmp_path):
    image_file.write(Picture(ramp(), half_clear()), tmp_path / "a.webp")
    assert difference(image_file.read(tmp_path / "a.webp").pixels, ramp()) <= 20


@pytest.mark.parametrize("alpha", [None, half_clear(dtype=np.uint16)])
def test_tiff_is_plain_16_bit_rgb(tmp_path, alpha):
    image_file.write(Picture(ramp(dtype=np.uint16), alpha), tmp_path / "a.tiff")
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        page = file.pages[0]
        assert page.dtype == np.uint16
        assert page.photometric.name == "RGB"
        assert [extra.name for extra in page.extrasamples] == (
            [] if alpha is None else ["UNASSALPHA"]
        )
        names = {tag.name for tag in page.tags}
        assert not names & {"Software", "DateTime", "DocumentName", "ImageDescription"}
        assert np.array_equal(page.asarray()[..., :3], ramp(dtype=np.uint16))


def test_jpeg_is_444_and_obeys_quality(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = {}
    for name in ("a.jpg", "a.webp"):
        for quality in (50, 95):
            image_file.write(Picture(noise), tmp_path / name, quality=quality)
            sizes[name, quality] = (tmp_path / name).stat().st_size
        image_file.write(Picture(noise), tmp_path / name)
        assert (tmp_path / name).stat().st_size == sizes[name, 95] > sizes[name, 50]
    with Image.open(tmp_path / "a.jpg") as pil:
        assert [layer[1:3] for layer in pil.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("name", FOUR)
def test_srgb_profile_is_embedded(tmp_path, name):
    image_file.write(Picture(ramp()), tmp_path / name)
    with Image.open(tmp_path / name) as pil:
        profile = pil.info["icc_profile"]
    assert profile == codecs.srgb_profile()
    assert "sRGB" in ImageCms.getProfileDescription(io.BytesIO(profile))


@pytest.mark.parametrize("name", FOUR)
def test_same_picture_same_bytes_at_any_time(tmp_path, name):
    written = []
    for folder in ("one", "two"):
        codecs.srgb_profile.cache_clear()
        image_file.write(Picture(ramp(), half_clear()), tmp_path / folder / name, metadata={"a": 1})
        written.append((tmp_path / folder / name).read_bytes())
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]


def test_profile_has_no_time_in_it():
    one, two = bytearray(cms_profile("sRGB")), codecs.srgb_profile()
    one[24:36] = two[24:36]
    assert one == two
    assert struct.unpack(">6H", two[24:36]) == (2000, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("name", ALL)
def test_metadata_comes_back(tmp_path, name):
    metadata = {"seed": 3, "name": 'Zürich "π" \n 🙂', "list": [1, 2.5, None], "deep": {"a": True}}
    image_file.write(Picture(ramp()), tmp_path / name, metadata=metadata)
    assert image_file.read_metadata(tmp_path / name) == metadata
    image_file.write(Picture(ramp()), tmp_path / name, metadata={})
    assert image_file.read_metadata(tmp_path / name) == {}
    image_file.write(Picture(ramp()), tmp_path / name)
    assert image_file.read_metadata(tmp_path / name) is None


def test_metadata_is_where_others_find_it(tmp_path):
    for name in FOUR:
        image_file.write(Picture(ramp()), tmp_path / name, metadata={"seed": 3})
    with Image.open(tmp_path / "a.png") as pil:
        assert json.loads(pil.text["nstyle"]) == {"seed": 3}
    for name in ("a.jpg", "a.webp"):
        with Image.open(tmp_path / name) as pil:
            exif = pil.getexif()
            assert dict(exif).keys() == {0x8769}
            assert exif.get_ifd(0x8769) == {0x9286: b'ASCII\0\0\0nstyle: {"seed": 3}'}
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        assert file.pages[0].description == 'nstyle: {"seed": 3}'


def test_foreign_metadata_is_none(tmp_path):
    pil = Image.fromarray(ramp())
    tifffile.imwrite(tmp_path / "a.tiff", ramp(), photometric="rgb")  # JSON of its own
    saved(tmp_path / "a.png", pil)
    chunks = PngInfo()
    chunks.add_text("nstyle", "[1, 2")
    saved(tmp_path / "b.png", pil, pnginfo=chunks)
    chunks = PngInfo()
    chunks.add_text("nstyle", "[1, 2]")
    saved(tmp_path / "c.png", pil, pnginfo=chunks)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"ASCII\0\0\0holiday"}
    saved(tmp_path / "a.jpg", pil, exif=exif)
    saved(tmp_path / "a.gif", pil)
    for path in tmp_path.iterdir():
        assert image_file.read_metadata(path) is None
    assert "no such file" in refusal(image_file.read_metadata, tmp_path / "z.png")


def test_too_much_metadata(tmp_path):
    metadata = {"long": "x" * 70000}
    for name in ("a.jpg", "a.webp"):
        assert "too long" in refusal(
            image_file.write, Picture(ramp()), tmp_path / name, metadata=metadata
        )
    for name in ("a.png", "a.tiff"):
        image_file.write(Picture(ramp()), tmp_path / name, metadata=metadata)
        assert image_file.read_metadata(tmp_path / name) == metadata


@pytest.mark.parametrize(("name", "limit"), [("a.jpg", 65500), ("a.webp", 16383)])
def test_edges_a_format_cannot_hold(tmp_path, name, limit):
    message = refusal(
        image_file.write, Picture(np.zeros((16, limit + 1, 3), np.uint8)), tmp_path / name
    )
    assert str(limit) in message
    image_file.write(Picture(np.zeros((1, limit, 3), np.uint8)), tmp_path / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
def test_encode_gives_the_bytes_that_write_writes(tmp_path, name):
    picture = image_file.Picture(np.arange(16 * 20 * 3, dtype=np.uint16).reshape(16, 20, 3) * 60)
    image_file.write(picture, tmp_path / name, metadata={"a": 1}, quality=80)
    data = image_file.encode(picture, f"nowhere/{name}", metadata={"a": 1}, quality=80)
    assert data == (tmp_path / name).read_bytes()
    with pytest.raises(ImageError, match=r"the extension \.gif is unknown"):
        image_file.encode(picture, "a.gif")


def test_write_replaces_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = refusal(image_file.write, Picture(ramp()), path)
    assert message == f"{path}: cannot be written (No space left on device)"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]
    image_file.write(Picture(ramp()), path)
    assert image_file.read(path).size == (32, 24)
    assert os.listdir(tmp_path) == ["a.png"]


def test_write_refuses_metadata_that_is_no_json(tmp_path):
    with pytest.raises(TypeError):
        image_file.write(Picture(ramp()), tmp_path / "a.png", metadata={"a": object()})
    assert os.listdir(tmp_path) == []


# Destinations


@pytest.mark.parametrize("name", [*ALL, "A.JPG", "b.c.Tiff"])
def test_destination_makes_folders(tmp_path, name):
    image_file.check_destination(tmp_path / "new" / "deeper" / name)
    assert os.listdir(tmp_path / "new" / "deeper") == []


@pytest.mark.parametrize(
    ("name", "word"),
    [("a.jpgg", "mean .jpg"), ("a.bmp", ".bmp"), ("a", "no ext"), (".png", "no ext")],
)
def test_destination_with_another_extension(tmp_path, name, word):
    message = refusal(image_file.check_destination, tmp_path / "new" / name)
    assert word in message
    for extension in image_file.EXTENSIONS:
        assert extension in message
    assert os.listdir(tmp_path) == []


def test_destination_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    assert "folder" in refusal(image_file.check_destination, tmp_path / "folder.png")
    for place in ("file/a.png", "file/deeper/a.png"):
        assert "another place" in refusal(image_file.check_destination, tmp_path / place)
        assert "another place" in refusal(image_file.write, Picture(ramp()), tmp_path / place)


def test_destination_on_a_read_only_disk(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert "Read-only" in refusal(image_file.check_destination, tmp_path / "a.png")


def test_destination_in_this_folder_and_old_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(b"old")
    image_file.check_destination("a.png")
    assert (tmp_path / "a.png").read_bytes() == b"old"
    image_file.write(Picture(ramp()), "a.png")
    assert image_file.read("a.png").size == (32, 24)


# Resizing

METHODS = ["nearest", "bilinear", "bicubic", "lanczos", "bilinear-plain"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(64, 48), (16, 20)])
def test_resize(method, dtype, size):
    picture = Picture(ramp(48, 48, dtype), half_clear(48, 48, dtype))
    resized = image_file.resize(picture, *size, method=method)
    assert resized.size == size
    assert resized.alpha.shape == (size[1], size[0])
    assert resized.pixels.dtype == (np.uint16 if method == "bilinear-plain" else dtype)
    seen = codecs.rescale(resized.alpha, 8) > 99
    expected = ramp(size[1], size[0])  # corners stay, while resizing keeps edges: hence 20
    assert difference(codecs.rescale(resized.pixels, 8)[seen], expected[seen]) < 20
    assert image_file.resize(picture, 48, 48, method=method) is picture


@pytest.mark.parametrize("method", METHODS[:4])
def test_resize_is_that_of_pillow(method):
    # Little contrast, as pillow clips 8 bits also between its two passes.
    noise = np.random.default_rng(1).integers(90, 166, (40, 50, 3), np.uint8)
    expected = Image.fromarray(noise).resize((23, 61), Image.Resampling[method.upper()])
    ours = image_file.resize(Picture(noise), 23, 61, method=method).pixels
    assert difference(ours, np.asarray(expected)) <= 1


def test_plain_bilinear_is_that_of_skimage():
    from skimage.transform import resize

    noise = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    expected = resize(noise, (23, 61), order=1, mode="reflect", anti_aliasing=False)
    ours = image_file.resize(Picture(noise), 61, 23, method="bilinear-plain").pixels
    assert difference(ours, np.rint(expected * 65535)) <= 1


def test_resize_keeps_16_bits():
    small = np.linspace(1000, 1010, 32).round().astype(np.uint16)
    pixels = np.broadcast_to(small[None, :, None], (32, 32, 3))
    resized = image_file.resize(Picture(pixels), 64, 64, method="bicubic").pixels
    assert set(np.unique(resized)) == set(range(1000, 1011))


def test_resize_clips_overshoot():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    resized = image_file.resize(Picture(pixels), 65, 65).pixels
    assert resized[:, :30].max() < 60
    assert resized[:, 40:].min() > 200


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("size", [(20, 20), (90, 90)])
def test_unseen_colours_do_not_bleed(method, size):
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[:, :24] = (255, 0, 0)  # unseen
    pixels[:, 24:] = (0, 0, 255)
    alpha = np.zeros((48, 48), np.uint8)
    alpha[:, 24:] = 255
    resized = image_file.resize(Picture(pixels, alpha), *size, method=method)
    seen = resized.alpha / np.iinfo(resized.alpha.dtype).max > 0.05
    assert resized.pixels[seen][:, 0].max() <= resized.pixels.max() * 0.01
    assert resized.pixels[10, 0].tolist() == [resized.pixels.max(), 0, 0]


def test_resize_refuses():
    picture = Picture(ramp())
    with pytest.raises(OptionError, match="did you mean lanczos"):
        image_file.resize(picture, 20, 20, method="lancsoz")
    for size in ((0, 20), (20, -1)):
        with pytest.raises(OptionError, match="cannot be resized"):
            image_file.resize(picture, *size)


# The house


def test_import_is_cheap():
    code = (
        "import sys, numpy, nstyle.images.image_file;"
        "heavy = {'skimage', 'tifffile', 'pillow_heif', 'mxnet', 'scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=os.path.dirname(codecs.__file__) + "/../.."
    )
