"""Checkpoint files: the same out as in, and whatever else is refused with its reason."""

from __future__ import annotations

import gc
import hashlib
import json
import math
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nstyle.errors import CheckpointError
from nstyle.system import checkpoint_file

CHANCE = np.random.default_rng(4)
FACTS: dict[str, Any] = {
    "step": 7,
    "losses": [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -0.0, 1.0],
    "words": {"name": 'quote " and ümlaut', "none": None, "yes": True},
}
GROUPS = {
    "picture": {"x": CHANCE.normal(0, 50, (1, 3, 8, 9)).astype(np.float32)},
    "state": {
        "velocity": np.array([np.nan, np.inf, -0.0, 1e-45], np.float32),
        "a|b": np.arange(6.0).reshape(2, 3)[:, ::2],
    },
}


@pytest.fixture
def written(tmp_path) -> Path:
    """A good checkpoint."""
    path = tmp_path / "a.ckpt.npz"
    checkpoint_file.write(str(path), "a test", FACTS, GROUPS)
    return path


def refusal(path: Path | str, kind: str = "a test") -> str:
    """Why a file is not read, one line that begins with its name."""
    with pytest.raises(CheckpointError) as caught:
        checkpoint_file.read(str(path), kind, {})
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_what_goes_in_comes_out_to_the_last_bit_and_gives_the_same_npz(written, tmp_path):
    facts, groups = checkpoint_file.read(str(written), "a test", {})
    assert repr({name: facts[name] for name in FACTS}) == repr(FACTS)
    assert groups.keys() == GROUPS.keys()
    for group, arrays in GROUPS.items():
        assert groups[group].keys() == arrays.keys()
        for name, array in arrays.items():
            back = groups[group][name]
            assert (back.dtype, back.shape) == (array.dtype, array.shape)
            assert back.tobytes() == array.tobytes()
    checkpoint_file.write(str(tmp_path / "b.npz"), "a test", FACTS, GROUPS)
    assert (tmp_path / "b.npz").read_bytes() == written.read_bytes()
    with np.load(written, allow_pickle=False) as members:
        assert json.loads(members[checkpoint_file.FACTS].tobytes()) == facts


def test_neither_reading_nor_writing_loads_mxnet(written, in_a_fresh_process):
    code = "from nstyle.system import checkpoint_file as c\n"
    code += f"facts, groups = c.read({str(written)!r}, 'a test', {{}})\n"
    code += f"c.write({str(written)!r}, 'a test', facts, groups)\n"
    assert in_a_fresh_process(code + "print(json.dumps('mxnet' in sys.modules))") is False


def test_a_disk_that_gets_full_within_the_file_is_one_error_and_nothing_else(written, monkeypatch):
    resource = pytest.importorskip("resource")
    before, complaints = written.read_bytes(), []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = {"picture": {"x": np.zeros((1, 3, 200, 300), np.float32)}}
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            checkpoint_file.write(str(written), "a test", {}, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    gc.collect()
    assert complaints == []
    assert written.read_bytes() == before
    assert os.listdir(written.parent) == [written.name]


# ---- refusals ----


def test_damage_of_any_byte_is_refused(written):
    data = written.read_bytes()
    places = {0, 29, 30, 45, len(data) - 1, len(data) - 64, len(data) - 65, len(data) - 66}
    places |= set(CHANCE.integers(0, len(data), 150).tolist())
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(CHANCE.integers(8))
        written.write_bytes(damaged)
        text = refusal(written)
        known = ("is damaged or cut short (its checksum is wrong)", "is no checkpoint of nstyle")
        assert text.startswith(f"{written}: ") and text.endswith(known), place


def test_a_file_cut_short_anywhere_or_with_more_at_its_end_is_refused(written):
    data = written.read_bytes()
    for length in {0, 1, 30, 46, 47, 60, 100, 111, len(data) // 2, len(data) - 64, len(data) - 1}:
        written.write_bytes(data[:length])
        assert "is damaged or cut short" in refusal(written) or length < 47
    written.write_bytes(data + b"\0")
    assert "is damaged" in refusal(written)


def test_what_is_no_checkpoint_is_refused_as_such(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    (tmp_path / "words.npz").write_text("these are words" * 20)
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("other.npz", "words.npz", "empty.npz"):
        assert refusal(tmp_path / name) == f"{tmp_path / name}: is no checkpoint of nstyle"


def test_absent_files_and_folders_are_refused(tmp_path):
    assert refusal(tmp_path / "none.npz") == f"{tmp_path / 'none.npz'}: no such file"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read (Is a directory)"
    assert refusal("") == "'': no such file"
    assert refusal("a\nb") == "'a\\nb': no such file"


def test_another_kind_or_format_is_refused_with_both(written, monkeypatch):
    text = refusal(written, "another test")
    assert text == f"{written}: is a checkpoint of a test, not of another test"
    monkeypatch.setattr(checkpoint_file, "FORMAT", 7)
    assert refusal(written) == (
        f"{written}: has format 1, this version of nstyle reads 7; use the version that wrote it"
    )


def test_nothing_is_unpickled_even_where_the_checksum_is_right(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "evil.ckpt.npz"
    evil = np.array([Evil()], dtype=object)
    honest = np.lib.format.write_array
    monkeypatch.setattr(np.lib.format, "write_array", lambda file, array, **_: honest(file, array))
    checkpoint_file.write(str(path), "a test", {}, {"picture": {"x": evil}})
    assert refusal(path) == f"{path}: is no checkpoint that nstyle wrote"
    assert not (tmp_path / "harm").exists()


def sealed(path: Path, *members: tuple[str, bytes], **knobs: Any) -> Path:
    """A file of these members, after its facts, with a right checksum."""
    facts = b'{"format": 1, "kind": "a test"}'
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = bytes(checkpoint_file.CHECKSUM_LENGTH)
        named = [(f"{checkpoint_file.FACTS}.npy", npy(len(facts), "|u1", facts)), *members]
        for name, data in dict(named).items():
            archive.writestr(name, data, **knobs)
    seal(path)
    return path


def seal(path: Path) -> None:
    data = path.read_bytes()[: -checkpoint_file.CHECKSUM_LENGTH]
    path.write_bytes(data + hashlib.sha256(data).hexdigest().encode())


def npy(size: int, dtype: str, data: bytes, shape: str = "({},)") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape.format(size)}}}".encode()
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + data


FACTS_NAME = f"{checkpoint_file.FACTS}.npy"
ODD_MEMBERS: dict[str, tuple[str, bytes]] = {
    "no array": ("a|b.npy", b"words"),
    "no npy": ("a|b", npy(1, "<f4", bytes(4))),
    "objects": ("a|b.npy", npy(1, "|O", bytes(8))),
    "text": ("a|b.npy", npy(1, "<U1", bytes(4))),
    "a terabyte": ("a|b.npy", npy(2**38, "<f4", bytes(4))),
    "large items": ("a|b.npy", npy(1, "|V40000000", bytes(4))),
    "negative": ("a|b.npy", npy(-1, "<f4", bytes(4))),
    "deep facts": (FACTS_NAME, npy(200_000, "|u1", b"[" * 200_000)),
    "facts of a list": (FACTS_NAME, npy(2, "|u1", b"[]")),
    "many digits": (FACTS_NAME, npy(5015, "|u1", b'{"format": 1, "a": ' + b"1" * 4995 + b"}")),
}


@pytest.mark.parametrize("case", ODD_MEMBERS)
def test_odd_members_under_a_right_checksum_are_refused(tmp_path, case):
    path = sealed(tmp_path / "a.npz", ODD_MEMBERS[case])
    assert refusal(path) == f"{path}: is no checkpoint that nstyle wrote"


def test_packed_and_encrypted_members_are_refused_and_the_same_plain_is_read(tmp_path):
    member = ("a|b.npy", npy(1, "<f4", bytes(4)))
    path = sealed(tmp_path / "a.npz", member)
    assert checkpoint_file.read(str(path), "a test", {})[1]["a"]["b"] == [0]
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    seal(path)
    assert "is no checkpoint that nstyle wrote" in refusal(path)
    packed = sealed(tmp_path / "b.npz", member, compress_type=zipfile.ZIP_DEFLATED)
    assert "is no checkpoint that nstyle wrote" in refusal(packed)


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (int, [0, -1], [True, 1.0, "1", None, 10**400]),
        (float, [0, 0.5, math.inf], [True, math.nan, "1", 10**400]),
        (checkpoint_file.count, [0, 7], [-1, 0.5, None]),
        ((str, None), ["", None], [0, []]),
        ([int], [[], [1]], [[1, "a"], {}, "ab"]),
        ({"a": int}, [{"a": 1}, {"a": 1, "b": 2}], [{}, {"a": ""}, [], None]),
        ({...: str}, [{}, {"x": "y"}], [{"x": 1}, []]),
        (("eps", ""), ["eps", ""], ["x", 0]),
    ],
)
def test_facts_have_forms(written, form, good, bad):
    assert all(checkpoint_file.agrees(value, form) for value in good)
    assert not any(checkpoint_file.agrees(value, form) for value in bad)


def test_a_fact_of_another_form_is_named(written):
    checkpoint_file.read(str(written), "a test", {"step": int, "words": {"yes": True}})
    for form in ({"step": str}, {"stop": int}):
        with pytest.raises(CheckpointError) as caught:
            checkpoint_file.read(str(written), "a test", form)
        (name,) = form
        assert f"that nstyle wrote (its {name} is not as it should be)" in str(caught.value)


# ---- logs ----


def lines(*epochs: int) -> bytes:
    return b"".join(b'{"epoch": %d, "loss": 0.5}\n' % epoch for epoch in epochs)


@pytest.mark.parametrize(
    ("end", "last", "kept"),
    [
        (b"", 3, (1, 2, 3)),
        (b"", 9, (1, 2, 3, 4, 5)),
        (b"", 0, ()),
        (b'{"stopped": "eps"}\n', 5, (1, 2, 3, 4, 5)),
        (b'{"epoch": 6, "lo', 9, (1, 2, 3, 4, 5)),
        (b'{"epoch": 6}', 9, (1, 2, 3, 4, 5)),
    ],
)
def test_a_log_is_cut_back_to_its_checkpoint(tmp_path, end, last, kept):
    (tmp_path / "log").write_bytes(lines(1, 2, 3, 4, 5) + end)
    assert checkpoint_file.log_until(str(tmp_path / "log"), "epoch", last) == lines(*kept)


@pytest.mark.parametrize(
    "text", ["my diary\n", "my diary", "{}\n{}\n", "[1]\n[2]\n", '{"epoch": "x"}\n',
             '{"epoch": 1}\n\n{}\n', "3\n"]
)  # fmt: skip
def test_what_is_no_log_is_an_error(tmp_path, text):
    (tmp_path / "log").write_text(text)
    with pytest.raises(ValueError, match="log"):
        checkpoint_file.log_until(str(tmp_path / "log"), "epoch", 5)
