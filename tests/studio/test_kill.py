"""The server is killed in the middle of a painting: nothing goes on alone, nothing is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from atelier import ANNE, LONGEST, Atelier, needs_gradio, opened, picture

pytestmark = needs_gradio


@pytest.fixture(scope="module")
def atelier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Atelier]:
    """One for all tests that leave it alive, and for the last, which closes it."""
    with opened(tmp_path_factory.mktemp("atelier") / "studio") as found:
        yield found


LONG = {"max_num_epochs": 120, "stop_eps": 0, "scales": 1}


def gone(pid: int) -> bool:
    """Whether a process has ended; one whose parent is gone may be left as a zombie here."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def all_gone(pids: list[int]) -> None:
    end = time.monotonic() + LONGEST
    while not all(map(gone, pids)):
        assert time.monotonic() < end, "workers live on"
        time.sleep(0.05)


def test_a_painting_whose_server_was_killed_can_be_gone_on_with(tmp_path):
    folder = tmp_path / "studio"
    with opened(folder) as atelier:
        job = atelier.paint(**LONG).json["id"]
        waiting = atelier.paint(**LONG).json["id"]
        checkpoint = atelier.job_folder(job) / "result.ckpt.npz"
        atelier.wait(job, lambda told: checkpoint.exists())
        workers = atelier.children()
        assert len(workers) >= 3  # uploads, previews, the painting
        atelier.kill()
        all_gone(workers)
    (folder / "gradio" / "left").mkdir()
    with opened(folder) as atelier:
        told = {each["id"]: each for each in atelier.ask("GET", "/api/jobs").json}
        assert {each["state"] for each in told.values()} == {"interrupted"}
        assert told[job]["resumable"] and told[waiting]["resumable"]
        assert "closed while it painted" in told[job]["note"]
        assert atelier.ask("GET", f"/api/jobs/{job}/picture").status == 200
        assert atelier.ask("POST", f"/api/jobs/{job}/resume").status == 200
        first = atelier.wait(job, lambda told: told["progress"])
        assert first["progress"]["epoch"] > 10  # not from the beginning
        done = atelier.wait(job, lambda told: told["state"] == "done")
        assert done["progress"]["epoch"] == 120
        resumed = atelier.ask("GET", f"/api/jobs/{job}/picture?full=1").body
        whole = atelier.paint(**LONG).json["id"]
        atelier.wait(whole, lambda told: told["state"] == "done")
        assert atelier.ask("GET", f"/api/jobs/{whole}/picture?full=1").body == resumed
        atelier.close()
        assert sorted(path.name for path in folder.iterdir()) == ["people"]


def test_a_worker_that_dies_is_replaced(atelier):
    for seed in (1, 2):
        assert atelier.upload(picture(seed)).status == 201
        order = {"photo": "photo-coffee", "style": "style-cubist"}
        assert atelier.ask("POST", "/api/preview", order, ANNE).status == 200
        for pid in atelier.children():
            os.kill(pid, 9)
        all_gone(atelier.children())
    job = atelier.paint(max_num_epochs=1_000_000, stop_eps=0).json["id"]
    atelier.wait(job, lambda told: told["progress"])
    for pid in atelier.children():
        os.kill(pid, 9)
    told = atelier.wait(job, lambda told: told["state"] == "interrupted")
    assert told["resumable"]


def test_a_server_that_is_closed_leaves_paintings_to_go_on_with(atelier):
    job = atelier.paint(max_num_epochs=1_000_000, stop_eps=0, scales=1).json["id"]
    atelier.wait(job, lambda told: told["progress"])
    workers, folder = atelier.children(), atelier.job_folder(job)
    atelier.close()
    assert all(map(gone, workers))
    assert '"interrupted"' in (folder / "job.json").read_text()
    assert (folder / "result.ckpt.npz").exists()
