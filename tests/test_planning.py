"""What is known of a run before it begins, and refused before any work."""

from __future__ import annotations

import re

import pytest
import tiny

from nstyle import memory, problem
from nstyle.errors import OptionError
from nstyle.transfer import stylize

PHOTO, PAINTING = tiny.picture(1, (300, 200)), tiny.picture(2, (128, 128))


@pytest.fixture
def nothing_is_built(monkeypatch) -> None:
    """Fails a test that compiles the network."""

    def build(*_args: object, **_knobs: object) -> None:
        raise AssertionError("heavy work was begun")

    monkeypatch.setattr(problem, "build", build)


def refusal(monkeypatch, weights_file: str, free: int, **options: object) -> str:
    """The error where so many bytes are free."""
    monkeypatch.setattr(memory, "available", lambda: free)
    with pytest.raises(OptionError) as caught:
        stylize(PHOTO, PAINTING, weights=weights_file, gpu=-1, enlarge=True, **options)
    return str(caught.value)


def test_what_will_not_fit_is_refused_with_the_long_edge_that_will(
    monkeypatch, weights_file, nothing_is_built
):
    said = refusal(monkeypatch, weights_file, 10**9, max_long_edge=5000)
    found = re.fullmatch(
        r"--max-long-edge: 5000x3333 needs about ([\d.]+) GB of memory, 1\.0 GB are free; "
        r"--max-long-edge (\d+0) would fit",
        said,
    )
    assert found, said
    assert float(found[1]) > 1
    assert 500 < int(found[2]) < 5000


def test_who_gave_a_size_is_told_a_size(monkeypatch, weights_file, nothing_is_built):
    said = refusal(monkeypatch, weights_file, 10**9, size="5000x")
    assert said.startswith("--size: 5000x3333 needs")
    found = re.search(r"; --size (\d+)x(\d+) would fit$", said)
    assert found, said
    assert int(found[1]) / int(found[2]) == pytest.approx(1.5, rel=0.01)


def test_where_nothing_fits_no_edge_is_named(monkeypatch, weights_file, nothing_is_built):
    said = refusal(monkeypatch, weights_file, 1000)
    assert said.endswith("no size fits; free some memory")


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_the_edge_that_would_fit_fits(monkeypatch, weights_file, nothing_is_built, optimizer):
    said = refusal(monkeypatch, weights_file, 10**9, max_long_edge=5000, optimizer=optimizer)
    edge = int(said.split()[-3])
    with pytest.raises(AssertionError, match="heavy work"):
        stylize(
            PHOTO, PAINTING, weights=weights_file, gpu=-1, enlarge=True, optimizer=optimizer,
            max_long_edge=edge,
        )  # fmt: skip


def test_lbfgs_needs_more(monkeypatch, weights_file, nothing_is_built):
    edges = [
        int(
            refusal(monkeypatch, weights_file, 10**9, max_long_edge=5000, optimizer=name).split()[
                -3
            ]
        )
        for name in ("sgd", "lbfgs")
    ]
    assert edges[1] < 0.9 * edges[0]


def test_one_line_says_what_a_run_will_take(monkeypatch, weights_file, caplog):
    monkeypatch.setattr(memory, "available", lambda: None)  # where nobody knows, all is painted
    with caplog.at_level("INFO", "nstyle"):
        stylize(PHOTO, PAINTING, weights=weights_file, gpu=-1, max_long_edge=32, max_num_epochs=1)
    lines = [line for line in caplog.messages if line.startswith("painting 32x21 with vgg19")]
    assert len(lines) == 1
    assert re.search(r" on cpu\(0\); needs about \d+\.\d+ GB$", lines[0])
