"""A run killed by SIGKILL in its first size, and again in its second, ends in the same bytes."""

from __future__ import annotations

import kill
import numpy as np
import pytest
from PIL import Image

WORDS = [*kill.USUAL, "--max-long-edge", "64", "--max-num-epochs", "40", "--stop-eps", "0"]


def test_a_run_that_is_killed_twice_ends_in_the_same_bytes(tmp_path, weights_file):
    words = [*WORDS, "--scales", "2", "--optimizer", "lbfgs", "--weights", weights_file]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    kill.finish(kill.start(whole, words))
    for epoch in (7, 31):
        before = kill.epochs_in(cut)
        assert kill.kill_after(cut, kill.go_on(cut, words), epoch, 0.0, before)
        kill.check_after_kill(cut)
        assert epoch <= kill.epochs_in(cut) < 40
        assert (cut / kill.CHECKPOINT).exists() and not (cut / kill.OUTPUT).exists()
    kill.finish(kill.start(cut, kill.go_on(cut, words)))
    kill.check_same(cut, kill.outcome(whole))


def an_outcome(folder):
    """As of a finished run of two epochs."""
    folder.mkdir()
    (folder / kill.OUTPUT).write_bytes(b"picture")
    lines = ['{"epoch": 1, "loss": 3.0, "seconds": 1}', '{"epoch": 2, "loss": 2.0, "seconds": 9}']
    lines += ['{"stopped": "eps", "epochs": 2}']
    (folder / kill.TRACE).write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (kill.OUTPUT, "another"),
        (".nstyle-1-ab.tmp", "half"),
        (kill.TRACE, '{"epoch": 1, "loss": 3.0}\n{"stopped": "eps", "epochs": 2}\n'),
    ],
)
def test_the_comparison_sees_what_differs(tmp_path, name, text):
    whole, found = an_outcome(tmp_path / "whole"), an_outcome(tmp_path / "found")
    kill.check_same(found, kill.outcome(whole))
    (found / name).write_text(text)
    with pytest.raises(AssertionError):
        kill.check_same(found, kill.outcome(whole))


def test_lost_epochs_and_half_written_files_are_seen(tmp_path):
    steps = [f'{{"epoch": {epoch}}}\n' for epoch in range(1, kill.EVERY + 2)]
    (tmp_path / kill.TRACE).write_text("".join(steps[:-1]))
    kill.check_after_kill(tmp_path)
    (tmp_path / kill.TRACE).write_text("".join(steps))
    with pytest.raises(AssertionError, match="4 epochs are lost"):
        kill.check_after_kill(tmp_path)
    picture = tmp_path / "out.png"
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(picture)
    kill.check_after_kill(tmp_path)
    picture.write_bytes(picture.read_bytes()[:60])
    with pytest.raises(OSError):
        kill.check_after_kill(tmp_path)
