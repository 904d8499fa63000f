"""`nstyle batch`: from words to results, exit codes, what is said, a second start."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import tiny
from PIL import Image

from nstyle.batch import local, worker
from nstyle.batch.tasks import Answer
from nstyle.cli.main import main
from nstyle.optimize.context import PaintContext
from nstyle.optimize.planning import memory

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Two photos and one bad file, two styles; the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name, seed in (("photos/a", 1), ("photos/b", 2), ("s", 3), ("t", 4)):
        Image.fromarray(tiny.picture(seed, (48, 40))).save(f"{name}.png")
    return tmp_path


class Here:
    """Paints in this process; asked: the names of what it was asked for."""

    asked: ClassVar[list[str]] = []
    counts: ClassVar[list[tuple[int, int]]] = []
    place = PaintContext()

    def __init__(self, count: int, attempts: int) -> None:
        self.counts.append((count, attempts))

    def answers(self, tasks: Any) -> Any:
        logging.getLogger("nstyle").setLevel(logging.WARNING)  # as a worker's is
        for key, task in tasks:
            self.asked.append(task["name"])
            yield key, worker.answer({**task, "options": self.options(task)}, self.place)

    def options(self, task: Any) -> Any:
        return {**task["options"], "threads": None}  # this process has its own already

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def here(monkeypatch) -> type[Here]:
    """No processes."""
    monkeypatch.setattr(Here, "asked", [])
    monkeypatch.setattr(Here, "counts", [])
    monkeypatch.setattr(local, "Processes", Here)
    return Here


@pytest.fixture
def batch(folder, weights_file):
    def call(*words: str, content: Any = ("photos",), style: Any = ("s.png", "t.png")) -> int:
        given = ["--content-image", *content] if content else []
        for each in style:
            given += ["--style-image", each]
        usual = ["--weights", weights_file, "--max-num-epochs", "2", "--gpu", "-1"]
        return main(["batch", *given, *usual, "--output-dir", "out", *words])

    return call


def results() -> list[str]:
    return sorted(path.name for path in Path("out").iterdir() if path.suffix != ".jsonl")


def records() -> list[Any]:
    return [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]


FOUR = ["a_s.jpg", "a_t.jpg", "b_s.jpg", "b_t.jpg"]


def test_every_photo_in_every_style_and_the_rest_in_spite_of_a_bad_one(batch, here, capsys):
    Path("photos/bad.jpg").write_bytes(b"no picture")
    assert batch() == 1
    assert results() == FOUR
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("6 to do, ")
    assert lines[1].startswith("1 of 6: a_s.jpg: 2 epochs in ") and "left" in lines[1]
    assert lines[5].startswith("5 of 6: error: bad_s.jpg: photos/bad.jpg: not a picture")
    assert lines[-1] == "out: 4 painted, 2 failed (out/manifest.jsonl)"
    assert [bool(record["error"]) for record in records()] == [False] * 4 + [True] * 2

    assert batch() == 1  # named again, not tried again
    assert len(here.asked) == 6
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: bad_s.jpg: photos/bad.jpg: not a picture")
    assert lines[0].endswith("(as before; it has not changed)") and len(lines) == 3
    assert lines[2] == "out: 0 painted, 4 were there, 2 failed (out/manifest.jsonl)"


def test_a_second_start_does_what_is_missing_or_changed(batch, here, capsys):
    assert batch() == 0
    here.asked.clear()
    assert batch() == 0 and here.asked == []
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "out: nothing to do, all 4 results are there"
    Image.fromarray(tiny.picture(9, (48, 40))).save("photos/b.png")
    Path("out/a_t.jpg").unlink()
    assert batch() == 0 and here.asked == FOUR[1:]
    here.asked.clear()
    assert batch("--lr", "0.2") == 0 and here.asked == FOUR
    here.asked.clear()
    assert batch("--lr", "0.2", "--threads", "1") == 0 and here.asked == []


def test_the_bytes_are_those_of_run(batch, here, weights_file):
    assert batch("--name", "{content}.png", style=("s.png",), content=("photos/a.png",)) == 0
    words = ["--content-image", "photos/a.png", "--style-image", "s.png", "--gpu", "-1"]
    words += ["--weights", weights_file, "--max-num-epochs", "2", "--output", "run.png"]
    assert main(["run", *words, "--quiet", "--checkpoint-epochs", "0"]) == 0
    assert Path("run.png").read_bytes() == Path("out/a.png").read_bytes()


def test_a_file_of_jobs_with_options_and_a_blend(batch, here):
    columns = "content_image,style_image,style_blend,max_num_epochs,output\n"
    rows = 'photos/a.png,s.png;t.png,"3,1",,\nphotos/b.png,s.png,,1,own.png\n'
    Path("jobs.csv").write_text(columns + rows)
    assert batch("--jobs", "jobs.csv", content=(), style=()) == 0
    assert results() == ["a_s+t.jpg", "own.png"]
    assert [record["result"]["epochs"] for record in records()] == [2, 1]
    job = {"content_image": "photos/b.png", "style_image": ["s.png"], "output": "own.png"}
    Path("jobs.jsonl").write_text(json.dumps({**job, "max_num_epochs": 1}) + "\n")
    here.asked.clear()
    assert batch("--jobs", "jobs.jsonl", content=(), style=()) == 0
    assert here.asked == []  # the same job, said in another way


def test_textures(batch, here):
    words = ["--content-weight", "0", "--size", "40x32"]
    assert batch(*words, content=()) == 0
    assert results() == ["texture_s.jpg", "texture_t.jpg"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--name", "{photo}.jpg"], "--name '{photo}.jpg': {photo} is none of"),
        (["--dask", "there"], "--dask: 'there'"),
        (["--keep-mask", "k.png", "--style-mask", "m.png"], "--style-mask: 1 given"),
        (["--output-dir", "photos"], "--output-dir: photos holds the photos"),
        (["--jobs", "jobs.csv"], "--content-image: cannot be beside --jobs"),
        (["--model", "vgg16", "--set", "weights="], "--weights"),
        (["--trace", "x.jsonl"], "unknown: --trace"),
    ],
)
def test_one_line_and_exit_code_2_before_anything_is_made(batch, here, capsys, words, says):
    try:
        code = batch(*words)
    except SystemExit as end:  # argparse
        code = end.code
    assert code == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1
    assert here.asked == [] and not Path("out").exists()


def test_quiet_says_errors_alone(batch, here, capsys):
    assert batch("--quiet") == 0
    assert capsys.readouterr().err == ""
    Path("photos/bad.jpg").write_bytes(b"no picture")
    assert batch("--quiet", style=("s.png",)) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: bad_s.jpg: photos/bad.jpg: not") and said.count("\n") == 1


def test_processes_threads_and_retries_are_passed_on(batch, here):
    batch("--workers", "3", "--threads", "1", "--retries", "4")
    assert here.counts == [(3, 5)]


def test_warnings_are_told_with_the_name_of_their_job(batch, here, monkeypatch, capsys):
    asked = here.answers

    def answers(self: Here, tasks: Any) -> Any:
        for number, (key, answer) in enumerate(asked(self, tasks)):
            notes = [("WARNING", "odd"), ("INFO", "by the way")] if number == 1 else []
            yield key, replace(answer, notes=notes)

    monkeypatch.setattr(here, "answers", answers)
    assert batch() == 0
    said = capsys.readouterr().err.splitlines()
    assert said[2:4] == ["a_t.jpg: odd", "a_t.jpg: by the way"]
    assert [record["warnings"] for record in records()] == [[], ["odd"], [], []]


def test_tiles_follow_from_the_share_that_all_have_from_the_beginning(batch, here, monkeypatch):
    free, asked = iter([8 * 10**9]), here.answers
    monkeypatch.setattr(memory, "available", lambda: next(free, 1))
    shares = []

    def answers(self: Here, tasks: Any) -> Any:
        given = list(tasks)
        shares.extend(task["share"] for _, task in given)
        return asked(self, given)

    monkeypatch.setattr(here, "answers", answers)
    assert batch("--workers", "2") == 0
    assert shares == [4 * 10**9 - memory.BASE] * 4


def test_ctrl_c_ends_in_order_and_the_same_command_goes_on(batch, here, monkeypatch, capsys):
    answers = here.answers

    def interrupted(self: Here, tasks: Any) -> Any:
        for number, found in enumerate(answers(self, tasks)):
            if number == 2:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(here, "answers", interrupted)
    assert batch() == 130
    assert results() == FOUR[:2]
    assert "interrupted; what is finished is kept" in capsys.readouterr().err
    monkeypatch.setattr(here, "answers", answers)
    here.asked.clear()
    assert batch() == 0 and here.asked == FOUR[2:]


def test_results_that_cannot_be_written_end_it(batch, here, monkeypatch, capsys):
    def answers(self: Here, tasks: Any) -> Any:
        for key, _ in tasks:
            Path("out/manifest.jsonl").unlink()
            Path("out").rmdir()
            Path("out").write_bytes(b"in the way")
            yield key, Answer(b"data")

    monkeypatch.setattr(here, "answers", answers)
    assert batch() == 1
    assert "the same command goes on" in capsys.readouterr().err


# ---- real processes ----

WATCH = """
import sys
from nstyle.cli.main import main
code = main(sys.argv[1:])
names = ("mxnet", "numpy", "PIL", "skimage", "scipy", "tqdm", "distributed")
heavy = [name for name in names if name in sys.modules]
print(code, heavy)
"""


def test_a_second_start_with_real_processes_loads_nothing_at_all(folder, weights_file, python):
    words = ["batch", "--content-image", "photos", "--style-image", "s.png", "--output-dir", "out"]
    words += ["--weights", weights_file, "--max-num-epochs", "1", "--gpu", "-1", "--workers", "2"]
    Path("photos/bad.jpg").write_bytes(b"no picture")
    said = [python("-c", WATCH, *words).stdout.strip() for _ in range(2)]
    assert said[0].startswith("1 [") and "mxnet" not in said[0]
    assert said[1] == "1 []"
    assert results() == ["a_s.jpg", "b_s.jpg"]
