"""Reading, refusing, resizing and writing pictures; every file is made here."""

from __future__ import annotations

import errno
import io
import logging
import os
import random
import struct
import subprocess
import sys
import types
import warnings
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from skimage.transform import resize as skimage_resize

from nstyle.errors import ImageError, OptionError
from nstyle.images import codecs, image_file
from nstyle.images.picture import Picture, resize
from nstyle.system import extras, files

ALL = ("a.jpg", "a.jpeg", "a.png", "a.webp", "a.tif", "a.tiff")
FOUR = ("a.jpg", "a.png", "a.webp", "a.tiff")
# What turns a picture so that EXIF's orientations from 2 on turn it back.
UNDO = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_90 TRANSVERSE ROTATE_270"


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
    assert message and "\n" not in message
    return message


def cms_profile(name):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def exchanged(data, one, other):
    """The bytes with what is `one` and `other` in each other's place."""
    return other.join(part.replace(other, one) for part in data.split(one))


# sRGB under another name; with red and green in each other's place; for grey, with gamma 1.
ODD = cms_profile("sRGB").replace("sRGB".encode("utf-16-be"), "some".encode("utf-16-be"))
SWAPPED = exchanged(ODD, b"rXYZ", b"gXYZ")
GREY = ODD.replace(b"RGB XYZ", b"GRAYXYZ").replace(b"rTRC", b"kTRC")
GREY = GREY.replace(struct.pack(">i", round(2.4 * 65536)), struct.pack(">i", 65536))


def saved(path, pil, **extras):
    pil.save(path, **extras)
    return path


def failing(error):
    """A function that fails as the system would."""

    def fail(*_, **__):
        raise OSError(error, os.strerror(error))

    return fail


def png_bytes(width, height, depth, kind, rows, *chunks):
    """A PNG by hand, for what pillow cannot write."""

    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


# Picture


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


@pytest.mark.parametrize("bits", [8, 16])
def test_floats_and_back_and_to_8_bits_for_pillow(bits):
    picture = Picture(ramp(dtype=f"uint{bits}"), half_clear(dtype=f"uint{bits}"))
    floats = picture.floats()
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (0, 1)
    back = Picture.from_floats(floats, picture.alpha, bits)
    assert np.array_equal(back.pixels, picture.pixels)
    assert np.array_equal(back.alpha, picture.alpha)
    assert (Picture(picture.pixels).to_pil().mode, picture.to_pil().mode) == ("RGB", "RGBA")
    assert difference(np.asarray(picture.to_pil()), np.dstack([ramp(), half_clear()])) <= 1


def test_from_floats_rounds_and_clips_and_refuses_nan():
    array = np.full((2, 2, 3), 0.5, np.float32)
    array[0, 0], array[1, 1] = -3, np.inf
    for bits, middle in ((8, 128), (16, 32768)):
        pixels = Picture.from_floats(array, bits=bits).pixels
        assert pixels[0, 0, 0] == 0
        assert pixels[0, 1, 0] in (middle, middle - 1)
        assert pixels[1, 1, 0] == 2**bits - 1
    assert Picture.from_floats(array, np.ones((2, 2)), 8).alpha.min() == 255
    assert "NaN" in refusal(Picture.from_floats, np.full((2, 2, 3), np.nan))


def test_depths_convert_exactly():
    eight, sixteen = np.arange(256, dtype=np.uint8), np.arange(65536, dtype=np.uint16)
    assert np.array_equal(codecs.rescale(codecs.rescale(eight, 16), 8), eight)
    assert np.array_equal(codecs.rescale(sixteen, 8), np.rint(sixteen / 257))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("height", [1, 255, 256, 257, 600])
def test_floats_are_rounded_strip_by_strip(bits, height):
    array = np.random.default_rng(height).uniform(-0.1, 1.1, (height, 3, 3)).astype(np.float32)
    expected = np.rint(np.clip(array.astype(np.float64), 0, 1) * (2**bits - 1))
    rounded = codecs.rescale(array, bits)
    assert rounded.dtype.itemsize * 8 == bits
    assert np.abs(rounded - expected).max() <= (0 if bits == 16 else 1)


# Reading arrays


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_arrays_of_whole_numbers_are_copied(dtype, channels):
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
    array[:] = np.iinfo(native).max
    expected = rgb if channels > 2 else np.repeat(rgb[..., :1], 3, axis=2)
    assert picture.pixels.dtype == native
    assert np.array_equal(picture.pixels, expected)
    if channels in (2, 4):
        assert np.array_equal(picture.alpha, alpha)
    else:
        assert picture.alpha is None
    assert image_file.read(np.dstack([rgb, np.full_like(alpha, array.max())])).alpha is None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_arrays_become_16_bit_and_bools_8(dtype):
    picture = image_file.read((ramp() / 255).astype(dtype))
    assert picture.pixels.dtype == np.uint16
    assert difference(picture.pixels, ramp().astype(np.uint16) * 257) <= 16
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


def test_bytes_and_open_files_are_read_as_the_file_itself(tmp_path):
    path = tmp_path / "a.png"
    image_file.write(Picture(ramp()), path)
    for source in (path.read_bytes(), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(image_file.read(source).pixels, ramp())
    with path.open("rb") as file:
        np.testing.assert_array_equal(image_file.read(file).pixels, ramp())
    assert "not a picture" in refusal(image_file.read, b"a.png")
    with open(__file__, encoding="utf-8") as text:
        assert "mode 'rb'" in refusal(image_file.read, text)


@pytest.mark.parametrize("source", [None, 3, [[1, 2]]])
def test_other_sources_are_refused_and_a_picture_is_handed_back(source):
    assert type(source).__name__ in refusal(image_file.read, source)
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
    picture = image_file.read(as_path(saved(tmp_path / "a.png", Image.fromarray(ramp()))))
    assert picture.alpha is None and picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, ramp())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "deep.tiff"])
def test_exif_orientation(tmp_path, orientation, name):
    stored = Image.fromarray(ramp())
    if orientation > 1:
        stored = stored.transpose(Image.Transpose[UNDO.split()[orientation - 2]])
    path = tmp_path / name
    if name == "deep.tiff":
        tags, deep = [(274, "H", 1, orientation, True)], np.asarray(stored).astype(np.uint16) * 257
        tifffile.imwrite(path, deep, photometric="rgb", extratags=tags)
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        lossless = {"lossless": True} if name == "a.webp" else {}
        saved(path, stored, exif=exif, quality=100, **lossless)
    picture = image_file.read(path)
    assert picture.size == (32, 24)
    assert difference(codecs.rescale(picture.pixels, 8), ramp()) <= (12 if "jpg" in name else 0)


def test_broken_exif_does_not_matter(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert image_file.read(path).size == (32, 24)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_kept_with_the_colours_below_it(mode):
    pil = Image.fromarray(ramp()).convert("L" if mode == "LA" else "RGB")
    pil = pil.quantize(16) if mode == "PA" else pil
    expected = np.asarray(pil.convert("RGB"))
    pil = pil.convert(mode)
    pil.putalpha(Image.fromarray(half_clear()))
    assert pil.mode == mode
    picture = image_file.read(pil)
    assert np.array_equal(picture.pixels, expected)
    assert np.array_equal(picture.alpha, half_clear())


@pytest.mark.parametrize("extension", ["png", "gif"])
def test_palette_with_transparency(tmp_path, extension):
    pil = Image.new("P", (20, 20), 1)
    pil.putpalette([255, 0, 0, 0, 255, 0])
    pil.paste(0, (0, 0, 10, 20))
    picture = image_file.read(saved(tmp_path / f"a.{extension}", pil, transparency=0))
    assert picture.pixels[5, [5, 15]].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert picture.alpha[5, [5, 15]].tolist() == [0, 255]


def test_colour_key_and_opaque_alpha_of_a_png(tmp_path):
    pil = Image.new("RGB", (20, 20), (1, 2, 3))
    pil.paste((9, 9, 9), (0, 0, 10, 20))
    picture = image_file.read(saved(tmp_path / "a.png", pil, transparency=(9, 9, 9)))
    assert picture.alpha[5, [5, 15]].tolist() == [0, 255]
    assert image_file.read(saved(tmp_path / "a.png", pil.convert("RGBA"))).alpha is None


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
    tifffile.imwrite(tmp_path / "a.tiff", np.full_like(array, np.nan))
    assert "not numbers" in refusal(image_file.read, tmp_path / "a.tiff")


def test_mode_i():
    grey = ramp(dtype=np.uint16)[..., 0].astype(np.int32)
    assert np.array_equal(image_file.read(Image.fromarray(grey)).pixels[..., 2], grey)
    assert image_file.read(Image.fromarray(grey * 1000)).pixels.max() == 65535


def test_16_bit_grey_key_and_rgb_of_a_png(tmp_path):
    row = struct.pack(">20H", *range(1000, 1020))
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(20, 20, 16, 0, [row] * 20, (b"tRNS", struct.pack(">H", 1003))))
    assert image_file.read(path).alpha[4, [3, 4]].tolist() == [0, 65535]
    path.write_bytes(png_bytes(32, 24, 16, 2, [row.tobytes() for row in ramp(dtype=">u2")]))
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


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tiff"])
def test_first_frame_of_an_animation(tmp_path, name, caplog):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    path = saved(tmp_path / name, frames[0], save_all=True, append_images=frames[1:])
    with caplog.at_level(logging.INFO, "nstyle"):
        pixel = image_file.read(path).pixels[9, 9]
    assert pixel[0] > 240 and pixel[2] < 15
    said = f"{path}: holds several pictures; the first is taken"
    assert [record.getMessage() for record in caplog.records] == [said]
    caplog.clear()
    image_file.read(saved(tmp_path / f"one-{name}", frames[0]))
    assert not caplog.records


# Colour profiles


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "webp"])
def test_rgb_profile_is_converted(tmp_path, extension):
    pil = Image.new("RGB", (20, 20), (200, 50, 100))
    path = saved(tmp_path / f"a.{extension}", pil, icc_profile=SWAPPED)
    assert difference(image_file.read(path).pixels[9, 9], np.array([50, 200, 100])) < 10


def test_profile_of_a_palette_of_alpha_and_of_a_deep_tiff(tmp_path):
    profile = SWAPPED
    pil = Image.new("RGB", (20, 20), (200, 50, 100))
    clear = pil.convert("RGBA")
    clear.putalpha(77)
    saved(tmp_path / "a.png", clear, icc_profile=profile)
    saved(tmp_path / "b.png", pil.quantize(4), icc_profile=profile)
    deep = np.asarray(pil).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "c.tiff", deep, photometric="rgb", iccprofile=profile)
    pictures = [image_file.read(path) for path in sorted(tmp_path.iterdir())]
    assert [picture.pixels[9, 9, 1] > 190 for picture in pictures] == [True] * 3
    assert set(pictures[0].alpha.flat) == {77}


@pytest.mark.parametrize("deep", [False, True])
def test_grey_profile_is_converted(tmp_path, deep):
    grey = np.full((20, 20), 55 * 257, np.uint16) if deep else np.full((20, 20), 55, np.uint8)
    path = saved(tmp_path / "a.png", Image.fromarray(grey), icc_profile=GREY)
    linear = (55 / 255 + 0.055) / 1.055
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert abs(int(image_file.read(path).pixels[9, 9, 0]) - expected) < 3


@pytest.mark.parametrize("profile", [b"nonsense", bytes(200), GREY, ODD[:300]])
def test_broken_or_unfit_profile_is_ignored_and_srgb_changes_nothing(tmp_path, profile, caplog):
    for data in (cms_profile("sRGB"), codecs.srgb_profile(), profile):
        assert caplog.text == ""
        path = saved(tmp_path / "a.png", Image.fromarray(ramp()), icc_profile=data)
        assert np.array_equal(image_file.read(path).pixels, ramp())
    assert "ignored" in caplog.text


def test_cmyk_profile_is_used(monkeypatch):
    """No CMYK profile is at hand: look at what littlecms is asked for."""
    modes = []
    fake = types.SimpleNamespace(profile=types.SimpleNamespace(xcolor_space="CMYK"))
    monkeypatch.setattr(codecs, "_profile", lambda image: fake)
    monkeypatch.setattr(ImageCms, "buildTransform", lambda *args: modes.append(args[2:4]))
    monkeypatch.setattr(ImageCms, "applyTransform", lambda image, _: Image.new("RGB", image.size))
    assert image_file.read(Image.new("CMYK", (20, 20))).pixels.max() == 0
    assert modes == [("CMYK", "RGB")]


# Refusals


def test_no_such_file(tmp_path, monkeypatch):
    saved(tmp_path / "Portrait.PNG", Image.fromarray(ramp()))
    message = refusal(image_file.read, tmp_path / "portrat.png")
    assert message.startswith(f"{tmp_path}/portrat.png: no such file")
    assert message.endswith("did you mean " + str(tmp_path / "Portrait.PNG") + "?")
    assert "mean" not in refusal(image_file.read, tmp_path / "zzzzzz")
    assert "there is no folder" in refusal(image_file.read, tmp_path / "none" / "a.png")
    assert "no such file" in refusal(image_file.read, tmp_path / "Portrait.PNG" / "a.png")
    assert "no such file" in refusal(image_file.read, "")
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe; nothing came" in refusal(image_file.read, tmp_path / "pipe")


def test_odd_paths_stay_on_one_line(tmp_path):
    refusal(image_file.read, str(tmp_path / "two\nlines.png"))
    refusal(image_file.read, "null\0byte.png")
    refusal(image_file.read, "x" * 5000)
    refusal(image_file.check_destination, str(tmp_path / "two\nlines.xyz"))
    refusal(image_file.check_destination, str(tmp_path / "null\0byte.png"))
    refusal(image_file.check_destination, str(tmp_path / ("x" * 300 + ".png")))


def test_what_is_no_picture(tmp_path):
    assert "folder" in refusal(image_file.read, tmp_path)
    assert "device" in refusal(image_file.read, os.devnull)
    (tmp_path / "a.png").touch()
    assert "empty" in refusal(image_file.read, tmp_path / "a.png")
    (tmp_path / "a.jpg").write_text("hello, I am a text\n" * 50)
    saved(tmp_path / "a.eps", Image.fromarray(ramp()))  # would run a program
    for name in ("a.jpg", "a.eps"):
        assert "not a picture" in refusal(image_file.read, tmp_path / name)


def test_pipe_is_read(tmp_path):
    data = saved(tmp_path / "a.png", Image.fromarray(ramp())).read_bytes()
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    try:
        assert np.array_equal(image_file.read(f"/dev/fd/{reader}").pixels, ramp())
    finally:
        os.close(reader)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "a.bmp"])
def test_truncated(tmp_path, name):
    path = saved(tmp_path / name, Image.fromarray(ramp(200, 200)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = refusal(image_file.read, path)
    assert message.startswith(f"{path}: ")
    assert "damaged" in message


@pytest.mark.parametrize(
    ("error", "text"), [(errno.EACCES, "permissions"), (errno.EIO, "Input/output error")]
)
def test_errors_of_the_system(tmp_path, monkeypatch, error, text):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()))
    monkeypatch.setattr(os, "open", failing(error))
    assert text in refusal(image_file.read, path)


@pytest.mark.parametrize("size", [(15, 40), (40, 15), (1, 1)])
def test_too_small(tmp_path, size):
    path = saved(tmp_path / "a.png", Image.new("RGB", size))
    for source in (path, Image.new("RGB", size)):
        message = refusal(image_file.read, source)
        assert f"{size[0]}x{size[1]}" in message and "16" in message
    assert image_file.read(Image.new("RGB", (16, 16))).size == (16, 16)


def test_too_many_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # only ours counts
    pil = Image.new("RGB", (20, 30))
    path = saved(tmp_path / "a.gif", pil)
    for source in (path, pil, np.asarray(pil), Picture(np.asarray(pil))):
        message = refusal(image_file.read, source, max_pixels=599)
        assert all(word in message for word in ("20x30", "600", "599", "--max-pixels"))
        assert image_file.read(source, max_pixels=600).size == (20, 30)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_header_is_checked_before_decoding(tmp_path):
    """A bomb: 60000 x 60000 pixels in a hundred bytes."""
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(60000, 60000, 8, 2, [b""]))  # decoding it would say "truncated"
    assert "--max-pixels" in refusal(image_file.read, path)


def test_heic_without_its_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic = b"\0\0\0\x18ftypheic" + bytes(100)
    for name, data in (("a.heic", b"anything" * 9), ("a.HEIF", heic), ("a.jpg", heic)):
        (tmp_path / name).write_bytes(data)
        assert extras.advice("heif") in refusal(image_file.read, tmp_path / name)


def test_heic_with_its_library(tmp_path, monkeypatch):
    """The real library is optional, so a stand-in registers an opener, or one that fails."""
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    Image.init()
    for name in ("OPEN", "ID"):
        monkeypatch.setattr(Image, name, getattr(Image, name).copy())
    for accepted in (False, True):

        def register(accepted=accepted):
            Image.OPEN.pop("HEIF", None)
            Image.register_open("HEIF", lambda *_: Image.fromarray(ramp()), lambda _: accepted)

        fake = types.SimpleNamespace(register_heif_opener=register)
        monkeypatch.setitem(sys.modules, "pillow_heif", fake)
        if accepted:
            assert np.array_equal(image_file.read(path).pixels, ramp())
        else:
            assert "damaged" in refusal(image_file.read, path)


def small_files(folder):
    """One small file of every kind that is often met."""
    pil = Image.fromarray(ramp())
    profile = ODD
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
    read_small = partial(image_file.read, max_pixels=10**6)
    for path in small_files(tmp_path):
        original = path.read_bytes()
        for _ in range(60):
            path.write_bytes(damage(original, rng))
            for call in (read_small, image_file.read_metadata):
                try:
                    result = call(path)
                except ImageError as error:
                    assert "\n" not in str(error)
                else:
                    assert result is None or isinstance(result, (Picture, dict))
    captured = capfd.readouterr()
    assert captured.out == ""
    # libtiff, in C, speaks past Python; nobody else may.
    assert "Warning" not in captured.err and "Traceback" not in captured.err


# Writing


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_write_and_read(tmp_path, name, dtype):
    picture = Picture(ramp(dtype=dtype), half_clear(dtype=dtype))
    image_file.write(picture, tmp_path / name)
    back = image_file.read(tmp_path / name)
    bits = 16 if name.endswith(("tif", "tiff")) else 8
    assert back.pixels.dtype == f"uint{bits}"
    limit = {"a.jpg": 12, "a.jpeg": 12, "a.webp": 20}.get(name, 0)
    expected = codecs.rescale(picture.pixels, bits)
    if name.endswith(("jpg", "jpeg")):
        assert back.alpha is None
        assert difference(back.pixels[4:, 20:], expected[4:, 20:]) <= limit
    else:
        assert difference(back.pixels, expected) <= limit
        assert np.array_equal(codecs.rescale(back.alpha, 8), codecs.rescale(picture.alpha, 8))


@pytest.mark.parametrize("alpha", [None, half_clear(dtype=np.uint16)])
def test_tiff_is_plain_16_bit_rgb(tmp_path, alpha):
    image_file.write(Picture(ramp(dtype=np.uint16), alpha), tmp_path / "a.tiff")
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        page = file.pages[0]
        assert (page.dtype, page.photometric.name) == (np.uint16, "RGB")
        extras = [extra.name for extra in page.extrasamples]
        assert extras == ([] if alpha is None else ["UNASSALPHA"])
        names = {tag.name for tag in page.tags}
        assert not names & {"Software", "DateTime", "DocumentName", "ImageDescription"}
        assert np.array_equal(page.asarray()[..., :3], ramp(dtype=np.uint16))


def test_jpeg_is_444_and_quality_is_obeyed(tmp_path):
    noise = Picture(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    for name in ("a.jpg", "a.webp"):
        small, large = (len(image_file.encode(noise, name, quality=q)) for q in (50, 95))
        assert len(image_file.encode(noise, name)) == large > small
    image_file.write(noise, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as pil:
        assert [layer[1:3] for layer in pil.layer] == [(1, 1)] * 3


@pytest.mark.parametrize("name", FOUR)
def test_an_srgb_profile_without_a_time_is_embedded(tmp_path, name):
    image_file.write(Picture(ramp()), tmp_path / name)
    with Image.open(tmp_path / name) as pil:
        profile = pil.info["icc_profile"]
    assert profile == codecs.srgb_profile()
    assert struct.unpack(">6H", profile[24:36]) == (2000, 1, 1, 0, 0, 0)
    usual = cms_profile("sRGB")
    assert usual[:24] + profile[24:36] + usual[36:] == profile


@pytest.mark.parametrize("name", ALL)
def test_metadata_comes_back(tmp_path, name):
    picture, path = Picture(ramp()), tmp_path / name
    with pytest.raises(TypeError):
        image_file.write(picture, path, metadata={"a": object()})
    assert os.listdir(tmp_path) == []
    full = {"seed": 3, "name": 'Zürich "π" \n 🙂', "list": [1, 2.5, None], "deep": {"a": True}}
    for metadata in (full, {}, None):
        image_file.write(picture, path, metadata=metadata)
        assert image_file.read_metadata(path) == metadata


def test_metadata_is_where_others_find_it(tmp_path):
    for name in FOUR:
        image_file.write(Picture(ramp()), tmp_path / name, metadata={"seed": 3})
    with Image.open(tmp_path / "a.png") as pil:
        assert pil.text["nstyle"] == '{"seed": 3}'
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
    for name, text in (("b.png", "[1, 2"), ("c.png", "[1, 2]")):
        chunks = PngInfo()
        chunks.add_text("nstyle", text)
        saved(tmp_path / name, pil, pnginfo=chunks)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"ASCII\0\0\0holiday"}
    saved(tmp_path / "a.jpg", pil, exif=exif)
    saved(tmp_path / "a.gif", pil)
    for path in tmp_path.iterdir():
        assert image_file.read_metadata(path) is None
    assert "no such file" in refusal(image_file.read_metadata, tmp_path / "z.png")


def test_too_much_metadata(tmp_path):
    metadata, picture = {"long": "x" * 70000}, Picture(ramp())
    for name in ("a.jpg", "a.webp"):
        message = refusal(image_file.write, picture, tmp_path / name, metadata=metadata)
        assert "too long" in message
    for name in ("a.png", "a.tiff"):
        image_file.write(picture, tmp_path / name, metadata=metadata)
        assert image_file.read_metadata(tmp_path / name) == metadata


@pytest.mark.parametrize(("name", "limit"), [("a.jpg", 65500), ("a.webp", 16383)])
def test_edges_a_format_cannot_hold(tmp_path, name, limit):
    large = Picture(np.zeros((16, limit + 1, 3), np.uint8))
    assert str(limit) in refusal(image_file.write, large, tmp_path / name)
    image_file.write(Picture(np.zeros((1, limit, 3), np.uint8)), tmp_path / name)


@pytest.mark.parametrize("name", FOUR)
def test_the_same_picture_gives_the_same_bytes_wherever_it_goes(tmp_path, name):
    picture = Picture(ramp(dtype=np.uint16), half_clear(dtype=np.uint16))
    image_file.write(picture, tmp_path / name, metadata={"a": 1}, quality=80)
    codecs.srgb_profile.cache_clear()
    data = image_file.encode(picture, f"nowhere/{name}", metadata={"a": 1}, quality=80)
    assert data == (tmp_path / name).read_bytes()
    with pytest.raises(ImageError, match=r"the extension \.gif is unknown"):
        image_file.encode(picture, "a.gif")


def test_write_replaces_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(errno.ENOSPC))
        message = refusal(image_file.write, Picture(ramp()), path)
    assert message == f"{path}: cannot be written (No space left on device)"
    assert path.read_bytes() == b"old"
    image_file.write(Picture(ramp()), path)
    assert image_file.read(path).size == (32, 24)
    assert os.listdir(tmp_path) == ["a.png"]


# Destinations


@pytest.mark.parametrize("name", [*ALL, "A.JPG", "b.c.Tiff"])
def test_destination_makes_folders(tmp_path, monkeypatch, name):
    image_file.check_destination(tmp_path / "new" / "deeper" / name)
    assert os.listdir(tmp_path / "new" / "deeper") == []
    monkeypatch.chdir(tmp_path)
    image_file.write(Picture(ramp()), name)  # a name without a folder
    assert image_file.read(name).size == (32, 24)


@pytest.mark.parametrize(
    ("name", "word"),
    [("a.jpgg", "mean .jpg"), ("a.bmp", ".bmp"), ("a", "no ext"), (".png", "no ext")],
)
def test_destination_with_another_extension(tmp_path, name, word):
    message = refusal(image_file.check_destination, tmp_path / "new" / name)
    assert all(text in message for text in (word, *image_file.EXTENSIONS))
    assert os.listdir(tmp_path) == []


def test_destination_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    assert "folder" in refusal(image_file.check_destination, tmp_path / "folder.png")
    for place in ("file/a.png", "file/deeper/a.png"):
        assert "another place" in refusal(image_file.check_destination, tmp_path / place)
        assert "another place" in refusal(image_file.write, Picture(ramp()), tmp_path / place)
    monkeypatch.setattr("tempfile.TemporaryFile", failing(errno.EROFS))
    assert "Read-only" in refusal(image_file.check_destination, tmp_path / "a.png")


# Resizing

METHODS = ["nearest", "bilinear", "bicubic", "lanczos", "bilinear-plain"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(64, 48), (16, 20)])
def test_resize(method, dtype, size):
    picture = Picture(ramp(48, 48, dtype), half_clear(48, 48, dtype))
    resized = resize(picture, *size, method=method)
    assert resized.size == size
    assert resized.alpha.shape == (size[1], size[0])
    assert resized.pixels.dtype == (np.uint16 if method == "bilinear-plain" else dtype)
    seen = codecs.rescale(resized.alpha, 8) > 99
    expected = ramp(size[1], size[0])  # corners stay, while resizing keeps edges: hence 20
    assert difference(codecs.rescale(resized.pixels, 8)[seen], expected[seen]) < 20
    assert resize(picture, 48, 48, method=method) is picture


@pytest.mark.parametrize("method", METHODS)
def test_resize_is_that_of_pillow_or_skimage(method):
    # Little contrast, as pillow clips 8 bits also between its two passes.
    noise = np.random.default_rng(1).integers(90, 166, (40, 50, 3), np.uint8)
    ours = resize(Picture(noise), 23, 61, method=method).pixels
    if method == "bilinear-plain":
        expected = skimage_resize(noise, (61, 23), order=1, mode="reflect", anti_aliasing=False)
        expected = np.rint(expected * 65535)
    else:
        expected = Image.fromarray(noise).resize((23, 61), Image.Resampling[method.upper()])
    assert difference(ours, np.asarray(expected)) <= 1


def test_resize_keeps_16_bits_and_clips_overshoot():
    small = np.linspace(1000, 1010, 32).round().astype(np.uint16)
    pixels = np.broadcast_to(small[None, :, None], (32, 32, 3))
    resized = resize(Picture(pixels), 64, 64, method="bicubic").pixels
    assert set(np.unique(resized)) == set(range(1000, 1011))
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, 16:] = 255
    resized = resize(Picture(pixels), 65, 65).pixels
    assert resized[:, :30].max() < 60 and resized[:, 40:].min() > 200


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("size", [(20, 20), (90, 90)])
def test_unseen_colours_do_not_bleed(method, size):
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[:, :24] = (255, 0, 0)  # unseen
    pixels[:, 24:] = (0, 0, 255)
    alpha = np.zeros((48, 48), np.uint8)
    alpha[:, 24:] = 255
    resized = resize(Picture(pixels, alpha), *size, method=method)
    seen = resized.alpha / np.iinfo(resized.alpha.dtype).max > 0.05
    assert resized.pixels[seen][:, 0].max() <= resized.pixels.max() * 0.01
    assert resized.pixels[10, 0].tolist() == [resized.pixels.max(), 0, 0]


def test_resize_refuses():
    picture = Picture(ramp())
    with pytest.raises(OptionError, match="did you mean lanczos"):
        resize(picture, 20, 20, method="lancsoz")
    for size in ((0, 20), (20, -1)):
        with pytest.raises(OptionError, match="cannot be resized"):
            resize(picture, *size)


# The house


def test_import_is_cheap():
    code = (
        "import sys, numpy, nstyle.images.image_file;"
        "heavy = {'skimage', 'tifffile', 'pillow_heif', 'mxnet', 'scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_jpeg_lies_on_white_and_says_so(tmp_path, caplog):
    pixels, alpha = np.full((32, 32, 3), 40, np.uint8), np.zeros((32, 32), np.uint8)
    alpha[:16], alpha[:, 16:] = 255, 128
    image_file.write(Picture(pixels, alpha), tmp_path / "a.jpg", quality=100)
    made = image_file.read(tmp_path / "a.jpg").pixels
    assert difference(made[2:14, 2:14], np.array(40)) <= 2
    assert difference(made[18:, 2:14], np.array(255)) <= 2
    assert difference(made[4:, 20:], np.array(round(40 * 128 / 255 + 127))) <= 2
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'a.jpg'}: JPEG holds no transparency; it is laid on white; .png keeps it"
    ]
    caplog.clear()
    image_file.write(Picture(pixels, alpha), tmp_path / "a.png")
    image_file.write(Picture(pixels), tmp_path / "b.jpg")
    assert not caplog.records


def test_a_disk_that_fails_is_told_in_one_line(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(ramp()))

    class Failing(io.BytesIO):
        """Gives so many bytes, then the disk's error."""

        def __init__(self, data, good):
            super().__init__(data)
            self.good = good

        def read(self, count=-1):
            if self.tell() >= self.good:
                raise OSError(5, "Input/output error")
            return super().read(count)

    for good in (0, 20, len(path.read_bytes()) - 40):
        monkeypatch.setattr(image_file, "opened", lambda _, g=good: Failing(path.read_bytes(), g))
        message = refusal(image_file.read, path)
        assert "Input/output error" in message and str(path) in message


def test_pictures_show_themselves_in_one_line():
    assert repr(Picture(ramp())) == "<Picture 32x24 uint8>"
    assert repr(Picture(ramp(), half_clear())) == "<Picture 32x24 uint8 with alpha>"


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_channel_at_a_time_gives_what_all_give(dtype, alpha):
    opaque = np.full((24, 32), np.iinfo(dtype).max, dtype) if alpha else None
    made = resize(Picture(ramp(dtype=dtype), opaque), 13, 17)
    whole = resize(Picture(ramp(dtype=dtype), half_clear(dtype=dtype)), 13, 17)
    assert difference(made.pixels[4:, 9:], whole.pixels[4:, 9:]) <= 1
