"""The studio's parts without a server: orders, the shelf, folders, the queue, workers."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import Mock

import numpy as np
import pytest
import tiny
from made import a_result, a_step
from PIL import Image

from nstyle.cli import main
from nstyle.errors import OptionError, WeightsError
from nstyle.feedforward import network_file
from nstyle.feedforward.network_file import ANY_STYLE, ONE_STYLE, NetworkFile
from nstyle.images.picture import Picture
from nstyle.studio import job_process, job_queue, requests, worker_pool
from nstyle.studio import options as settings
from nstyle.studio import worker as duties
from nstyle.studio.app import Studio
from nstyle.studio.job_queue import Painter
from nstyle.studio.jobs import Job
from nstyle.studio.library import Library, Source, clean_name
from nstyle.studio.options import Settings
from nstyle.studio.requests import Refused
from nstyle.studio.storage import Store
from nstyle.system import extras, processes

TOKEN = "0123456789abcdef" * 2
CHECKOUT = Path(__file__).parents[2]


def a_source(folder: Path, name: str = "photo.png", **more: Any) -> Source:
    """A picture file."""
    path = folder / name
    Image.fromarray(tiny.picture(1, (64, 48))).save(path)
    return Source(name, name, str(path), str(path), 64, 48, name, **more)


@pytest.fixture
def photo(tmp_path) -> Source:
    return a_source(tmp_path, "my photo.png")


@pytest.fixture
def style(tmp_path) -> Source:
    return a_source(tmp_path, "style.png")


@pytest.fixture
def network(tmp_path) -> Source:
    return a_source(tmp_path, "wave.params.png", network=True)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(Settings(folder=str(tmp_path / "home")))


# ---- orders ----


def test_an_order_holds_what_differs_and_its_command(photo, style):
    options = {"content_weight": "20", "colors": "", "lr": None, "clamp": "false", "enlarge": True}
    order = requests.painting({"options": options, "preset": "fast"}, photo, style, Settings())
    assert order["typed"] == {"content_weight": 20.0, "clamp": False, "enlarge": True}
    assert order["command"] == (
        "python run.py --content-image 'my photo.png' --style-image style.png --preset fast "
        "--content-weight 20.0 --set clamp=False --enlarge"
    )
    json.dumps(order)


@pytest.mark.parametrize(("which", "edge"), [("style", 100), ("network", 600)])
def test_nobody_gets_more_than_is_painted_here_unasked(photo, which, edge, request):
    style, small = request.getfixturevalue(which), Settings(max_long_edge=edge)
    # One pass paints 1024 unasked.
    assert requests.painting({}, photo, style, small)["typed"] == {"max_long_edge": edge}
    assert requests.painting({}, photo, style, Settings())["typed"] == {}
    order = requests.painting({"options": {"size": "60x"}}, photo, style, small)
    assert order["typed"] == {"size": "60x"}
    with pytest.raises(Refused, match=f"paints up to {edge}"):
        options = {"max_long_edge": 800, "enlarge": True}
        requests.painting({"options": options}, photo, style, small)


def test_a_trained_network_is_asked_for_one_pass(photo, network):
    given = {"strength": 0.5, "options": {"content_weight": 3, "max_long_edge": 200}}
    order = requests.painting(given, photo, network, Settings())
    assert order["one_pass"] and order["typed"] == {"max_long_edge": 200}
    assert order["command"] == (
        "nstyle paint 'my photo.png' --network wave.params.png --strength 0.5 --max-long-edge 200"
    )
    order = requests.preview({"options": {"colors": "match"}}, photo, network)
    assert order["network"] == network.path and order["options"]["colors"] == "style"
    assert "style" not in order


def test_what_means_nothing_is_told(tmp_path, photo, style, network):
    options = {"colors": "match", "content_weight": 3, "lr": "", "max_long_edge": 200}
    given = {"options": options, "preset": "fast", "strength": 1}
    order = requests.painting(given, photo, network, Settings())
    assert order["ignored"] == ["colors", "content_weight", "preset"]
    assert Job(tmp_path, "", order).as_json()["ignored"] == order["ignored"]
    assert requests.painting(given, photo, style, Settings())["ignored"] == ["strength"]
    assert requests.painting({"options": {"lr": 1}}, photo, style, Settings())["ignored"] == []
    with pytest.raises(OptionError, match="--lr"):  # and a bad value is none the less
        requests.painting({"options": {"lr": "x"}}, photo, network, Settings())


def test_every_option_is_offered_but_those_of_the_server():
    names = [entry.name for entry in requests.offered()]
    assert "style_layers" in names and "momentum" in names
    assert not set(names) & {"weights", "gpu", "threads", "max_pixels"}


# ---- the shelf ----


def test_the_shelf_holds_samples_and_networks_of_one_style(tmp_path, photo):
    looks = Picture(tiny.picture(4, (40, 30)))
    shapes = {ONE_STYLE: {"widths": [1] * 4, "mean": [0.0] * 3}, ANY_STYLE: {"widths": [1] * 4}}
    for name, kind, picture in (("wave", ONE_STYLE, looks), ("any", ANY_STYLE, None)):
        file = NetworkFile(kind, shapes[kind], {"x": np.zeros(1, np.float32)}, thumbnail=picture)
        network_file.write(str(tmp_path / f"{name}.params"), file)
    (tmp_path / "broken.params").write_bytes(b"PK\x03\x04")
    (tmp_path / "other.txt").write_text("no network")
    shelf = Library(tmp_path)
    networks = [each for each in shelf.styles() if each.network and not each.ready]
    assert [(source.id, source.name) for source in networks] == [("network-wave", "wave")]
    assert shelf.thumbnail("network-wave")[:3] == b"\xff\xd8\xff"
    assert shelf.find("network-any") is None
    assert shelf.find("photo-coffee").typed == "input/coffee.jpg"
    assert str(tmp_path) not in json.dumps([source.as_json() for source in networks])
    command = requests.painting({}, photo, networks[0], Settings())["command"]
    assert "--network wave.params" in command and str(tmp_path) not in command
    (tmp_path / "nowhere.params").symlink_to(tmp_path / "gone.params")
    assert [each.name for each in shelf.styles() if each.id.startswith("network")] == ["wave"]


def test_the_shelf_holds_ready_styles_that_are_no_samples(tmp_path, photo):
    shelf = Library(tmp_path)
    ready = [source for source in shelf.styles() if source.ready]
    assert len(ready) >= 12
    assert {"scream", "kiss"} < {source.name for source in ready}
    assert "ready-cubist" not in {source.id for source in ready}  # the sample is there
    assert shelf.thumbnail("ready-scream")[:3] == b"\xff\xd8\xff"
    scream = shelf.find("ready-scream")
    given = {"strength": 0.5, "options": {"colors": "match", "style_scale": 2, "size": "40x"}}
    order = requests.painting(given, photo, scream, Settings())
    assert (order["ready"], order["one_pass"], order["strength"]) == ("scream", True, 0.5)
    assert sorted(order["ignored"]) == ["colors", "style_scale"]
    assert order["command"].startswith("nstyle paint 'my photo.png' --style scream --strength 0.5")
    asked = requests.preview({"options": {"style_scale": 2}}, photo, scream)
    assert asked["style"] == "scream" and "network" not in asked
    assert requests.frame(scream, 1) == {"style": "scream", "strength": 1}


def test_a_ready_style_paints_previews_and_paintings(tmp_path, photo):
    asked = requests.preview({}, photo, Library(tmp_path).find("ready-scream"))
    answer = duties.Previews()(asked)
    assert base64.b64decode(answer["jpeg"])[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    ("given", "clean"),
    [("zwölf.png", "zwölf.png"), ("../../a.jpg", "a.jpg"), ("C:\\x\\a.jpg", "a.jpg"),
     ("..", "picture"), ("a\nb\x00.jpg", "ab.jpg"), ("x" * 300 + ".jpg", "x" * 76 + ".jpg"),
     ("a." + "x" * 300, "a." + "x" * 78)],
)  # fmt: skip
def test_names_are_cleaned(given, clean):
    assert clean_name(given) == clean


# ---- folders ----


def a_job(store: Store, folder: Path, **order: Any) -> Job:
    """A new job of TOKEN."""
    facts = {"typed": {}, "preset": None, "one_pass": False, **order}
    return store.of(TOKEN).new_job(facts, a_source(folder), a_source(folder, "style.png"))


def test_tokens_do_not_stand_on_the_disk_and_folders_are_private(tmp_path, store):
    job = a_job(store, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if TOKEN in path.name]
    assert TOKEN not in (job.folder / "job.json").read_text()
    assert (tmp_path / "home" / "people").stat().st_mode & 0o77 == 0
    assert [each.id for each in store.of(TOKEN).jobs()] == [job.id]


def test_what_was_at_work_is_interrupted_and_old_uploads_go(tmp_path, store):
    states = {}
    for state in ("queued", "painting", "done", "stopped", "failed"):
        job = a_job(store, tmp_path)
        job.change(state)
        states[job.id] = state
    person = store.of(TOKEN)
    old, new = upload(person), upload(person)
    os.utime(tmp_path / "home" / "people" / person.owner / "uploads" / old.id, (0, 0))
    good = job.facts
    for odd in ("[]", '"x"', "[" * 90_000, "9" * 5000, {}, {"created": "now"}, {"state": ["done"]},
                {"created": float("nan")}, {"typed": None}, {"one_pass": 7}):  # fmt: skip
        text = json.dumps({**good, **odd} if odd else {}) if isinstance(odd, dict) else odd
        (job.folder / "job.json").write_text(text)
        store.tidy()
        assert job.id not in [each.id for each in store.of(TOKEN).jobs()]
    (job.folder / "job.json").write_text("{")  # damaged: left out
    store.tidy()
    found = {each.id: each.state for each in person.jobs()}
    changed = {"queued": "interrupted", "painting": "interrupted"}
    del states[job.id]
    assert found == {id: changed.get(state, state) for id, state in states.items()}
    assert person.upload(new.id).id == new.id
    with pytest.raises(Refused, match="no such picture"):
        person.upload(old.id)


def upload(person: Any) -> Source:
    """An upload that nobody looks at closely."""
    place = person.new_upload()
    Image.fromarray(tiny.picture(1, (64, 48))).save(place / "picture", "PNG")
    return person.keep(place, "a.png", lambda request: {"width": 64, "height": 48})


def test_only_the_newest_uploads_are_kept(tmp_path, store, monkeypatch):
    monkeypatch.setattr("nstyle.studio.storage.UPLOADS", 3)
    person = store.of(TOKEN)
    ids = [upload(person).id for _ in range(5)]
    left = {path.name for path in tmp_path.glob(f"home/people/{person.owner}/uploads/*")}
    assert len(left) == 3 and ids[-1] in left


def test_a_full_history_and_a_full_disk_are_told(tmp_path, monkeypatch):
    store = Store(Settings(folder=str(tmp_path / "home"), history=1))
    a_job(store, tmp_path)
    with pytest.raises(Refused, match="history is full"):
        a_job(store, tmp_path)
    store.of(TOKEN).jobs()[0].remove()
    monkeypatch.setattr("nstyle.studio.storage.ROOM", 2**62)
    with pytest.raises(Refused, match="nearly full"):
        store.of(TOKEN).new_upload()
    with pytest.raises(Refused, match="nearly full"):
        a_job(store, tmp_path)


def test_the_folder_of_all_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("nstyle.studio.storage.COUNTED", -1)
    store = Store(Settings(folder=str(tmp_path / "home"), gigabytes=0.01))
    place = store.of(TOKEN).new_upload()
    (place / "picture").write_bytes(bytes(10_000_000))
    for token in (TOKEN, "f" * 32):  # a new token helps nobody
        with pytest.raises(Refused, match="folder is full"):
            store.of(token).new_upload()
    with pytest.raises(Refused, match="folder is full"):
        a_job(store, tmp_path)


def test_old_uploads_go_while_the_studio_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("nstyle.studio.app.HOUR", 0.01)
    monkeypatch.setattr(worker_pool.WorkerPool, "begin", lambda self: None)
    open_studio = Studio(Settings(folder=str(tmp_path / "home")))
    open_studio.begin()
    try:
        person, busy = open_studio.store.of(TOKEN), open_studio.store.of("f" * 32)
        old, new = upload(person), upload(busy)
        uploads = tmp_path / "home" / "people" / person.owner / "uploads"
        os.utime(uploads / old.id, (0, 0))
        until(lambda: not uploads.parent.exists())  # nothing is left of who had nothing else
        assert busy.upload(new.id).id == new.id
    finally:
        open_studio.close()


def test_what_never_became_a_job_does_not_count(tmp_path, monkeypatch):
    store = Store(Settings(folder=str(tmp_path / "home"), history=1))
    jobs = tmp_path / "home" / "people" / store.of(TOKEN).owner / "jobs"
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr("nstyle.studio.storage.copy", raising(OSError("the disk is full")))
        a_job(store, tmp_path)
    assert list(jobs.iterdir()) == []
    (jobs / ("0" * 16)).mkdir()  # the server was killed at that moment
    job = a_job(store, tmp_path)
    store.tidy()
    assert list(jobs.iterdir()) == [job.folder]


def raising(error: Exception) -> Any:
    """A function that does nothing else."""

    def fail(*words: Any) -> None:
        raise error

    return fail


# ---- the queue ----

FAKE = """
import json, sys
import time
folder, seconds = sys.argv[1:]
print(json.dumps({"epoch": 1, "pictures": 1}), flush=True)
for line in sys.stdin:
    wish = json.loads(line)["stop"]
    if wish == "slow":
        time.sleep(2)
    if wish != "deaf":
        print(json.dumps({"ended": wish}), flush=True)
        break
"""


def replace_processes(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a script run in place of all modules."""

    def start(module: str, words: Any = ()) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen([sys.executable, "-c", script, *words], text=True, **pipes)

    monkeypatch.setattr(processes, "start", start)


@pytest.fixture
def painter(monkeypatch, tmp_path):
    """A queue whose paintings last until they are stopped."""

    replace_processes(monkeypatch, FAKE)
    monkeypatch.setattr(job_process, "GRACE", 1.0)
    made = Painter(Settings(folder=str(tmp_path / "home"), queue=3))
    made.begin()
    yield made
    made.close()


def until(so: Any) -> None:
    """Wait for a condition."""
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_jobs_take_their_turn(painter, store, tmp_path):
    jobs = [a_job(store, tmp_path) for _ in range(4)]
    painter.add(jobs[0])
    until(lambda: painter.describe(jobs[0]).get("progress"))
    for job in jobs[1:]:
        painter.add(job)
    assert [painter.describe(job).get("place") for job in jobs] == [None, 1, 2, 3]
    with pytest.raises(Refused, match="3 paintings wait already"):
        painter.add(a_job(store, tmp_path))
    with pytest.raises(Refused, match="already"):
        painter.add(jobs[0])
    painter.stop(jobs[2])
    assert jobs[2].state == "stopped" and painter.describe(jobs[3])["place"] == 2
    painter.stop(jobs[0])
    until(lambda: painter.describe(jobs[1]).get("progress"))
    assert jobs[0].state == "stopped" and jobs[0].facts["note"] == "stopped by you"
    assert painter.counts() == {"painting": 1, "waiting": 1}
    painter.close()
    assert {jobs[1].state, jobs[3].state} == {"interrupted"}


def test_one_browser_cannot_fill_the_queue(painter, store, tmp_path, monkeypatch):
    monkeypatch.setattr(job_queue, "PER_PERSON", 1)
    first = a_job(store, tmp_path)
    painter.add(first)
    until(lambda: painter.describe(first)["state"] == "painting")
    painter.add(a_job(store, tmp_path))
    with pytest.raises(Refused, match="of yours wait"):
        painter.add(a_job(store, tmp_path))


@pytest.mark.parametrize(
    ("wish", "longest", "state"),
    [("deaf", 0.0, "interrupted"), ("slow", 3.0, "slow")],  # the latter is its own last word
)
def test_a_painter_is_killed_unless_it_ends_in_time(painter, store, tmp_path, wish, longest, state):
    job = a_job(store, tmp_path)
    painter.add(job)
    until(lambda: painter.describe(job).get("progress"))
    painter._longest = longest  # as if an epoch had taken so many seconds
    painter.stop(job, wish)
    until(lambda: job.state != "painting")
    assert job.state == state


# ---- a painting ----


def an_easel(folder: Path, seconds: float = 60) -> tuple[Any, list[Any]]:
    """(easel, what it says)."""
    folder.mkdir(exist_ok=True)
    told: list[Any] = []
    return job_process.JobListener(Job(folder, "", {"one_pass": False}), told.append, seconds), told


def test_the_easel_shows_tells_and_stops(tmp_path):
    easel, told = an_easel(tmp_path / "job")
    step = a_step(3, read=lambda: Picture(tiny.picture(1, (64, 48))))
    easel(step)
    easel(step)
    assert [record["epoch"] for record in told] == [3, 3]
    assert told[1]["pictures"] == 1  # not each epoch's
    with Image.open(tmp_path / "job" / "now.jpg") as shown:
        assert shown.size == (64, 48)
    easel.wish = "stopped"
    with pytest.raises(KeyboardInterrupt):
        easel(step)
    late, _ = an_easel(tmp_path / "job", seconds=-1)
    with pytest.raises(KeyboardInterrupt):
        late(step)
    assert late.wish == "time"


def test_a_trained_network_paints_at_once(tmp_path, monkeypatch):
    easel, _ = an_easel(tmp_path / "job")
    facts = {"one_pass": True, "network": "wave.params", "strength": 0.5, "typed": {"size": "40x"}}
    instant = Mock()
    instant.return_value.paint.return_value = a_result(stopped="one-pass")
    monkeypatch.setattr("nstyle.feedforward.apply.Instant", instant)
    job = Job(tmp_path / "job", "", facts)
    end = job_process.work(job, easel)
    assert end["ended"] == "done" and end["note"] == "painted in one pass"
    instant.assert_called_once_with(None, network="wave.params", strength=0.5, size="40x")
    instant.return_value.gather.assert_called_once_with(str(tmp_path / "job" / "photo"))
    assert job.result.exists() and job.now.exists()


def test_a_bug_is_told_without_its_traceback(tmp_path, monkeypatch, caplog):
    easel, _ = an_easel(tmp_path / "job")
    monkeypatch.setattr(job_process, "paint", lambda job, easel: 1 / 0)
    end = job_process.work(Job(tmp_path / "job", "", {}), easel)
    assert end["ended"] == "failed" and "a bug in nstyle" in end["note"]
    answer = duties.answer(lambda request: 1 / 0, {})
    assert answer["status"] == 500 and "a bug in nstyle" in answer["refused"]
    assert caplog.text.count("ZeroDivisionError:") == 2


def test_refusals_do_not_tell_where_the_server_keeps_things(tmp_path, photo, style, monkeypatch):
    path = str(tmp_path / "wave.params")
    refuse = raising(WeightsError(f"{path}: damaged"))
    answer = duties.answer(refuse, {"network": path, "strength": 1, "options": {}})
    assert answer["refused"] == "wave.params: damaged"
    monkeypatch.setattr("nstyle.optimize.inputs.find_weights", refuse)
    with pytest.raises(Refused, match=r"^--model vgg19: its weights are not installed here$"):
        requests.painting({"options": {"model": "vgg19"}}, photo, style, Settings())
    easel, _ = an_easel(tmp_path / "job")
    monkeypatch.setattr(job_process, "paint", refuse)
    end = job_process.work(Job(tmp_path / "job", "", {"network": path}), easel)
    assert end["note"] == "wave.params: damaged"


# ---- workers ----


def test_a_worker_that_hangs_is_given_up_and_replaced(monkeypatch):
    script = (
        "import sys\nfor line in sys.stdin:\n    if 'hang' not in line: print('{}', flush=True)"
    )
    replace_processes(monkeypatch, script)
    worker = worker_pool.WorkerPool("look", seconds=20, waiting=2, each=2)
    assert worker.ask({"do": "answer"}) == {}
    worker._seconds = 0.2
    with pytest.raises(Refused, match="took too long"):
        worker.ask({"do": "hang"})
    worker._seconds = 20
    assert worker.ask({"do": "answer"}) == {}
    worker.close()
    with pytest.raises(Refused, match="being closed"):
        worker.ask({"do": "answer"})


def test_a_worker_that_was_killed_before_it_was_asked_is_replaced(tmp_path, monkeypatch):
    script = f"""
import pathlib, sys
folder = pathlib.Path({str(tmp_path)!r})
for line in sys.stdin:
    (folder / str(len(list(folder.iterdir())))).touch()
    if len(list(folder.iterdir())) in (1, 3, 4):
        break
    print("{{}}", flush=True)
"""
    replace_processes(monkeypatch, script)
    desk = worker_pool.WorkerPool("look", seconds=20, waiting=2, each=2)
    assert desk.ask({}) == {}
    with pytest.raises(Refused, match="too much for the studio"):
        desk.ask({})
    assert desk.ask({}) == {}
    desk.close()


def test_too_many_at_once_are_told_so_and_nobody_takes_all_places():
    desk = worker_pool.WorkerPool("look", seconds=1, waiting=3, each=2)
    desk._turn = contextlib.nullcontext()  # all are answered at once
    with desk._in_turn("anne"), desk._in_turn("anne"):
        with pytest.raises(Refused, match="2 of your requests wait") as one:
            desk.ask({}, "anne")
        with desk._in_turn("bert"), pytest.raises(Refused, match="too many ask") as all_of_them:
            desk.ask({}, "carl")
    assert (one.value.status, all_of_them.value.status) == (429, 503)
    assert not desk._waiting  # nobody is remembered


class FakeInstant:
    """Notes what is loaded; its picture tells which network and style painted it."""

    loaded: ClassVar[list[str]] = []

    def __init__(self, style: Any, *, network: str, **options: Any) -> None:
        self.colour = Path(network).read_bytes()[0]
        FakeInstant.loaded.append(Path(network).name)

    def restyled(self, style: Any, **options: Any) -> Any:
        return self

    def gather(self, photo: Any) -> Any:
        return photo

    def paint(self, photo: Any) -> Any:
        pixels = np.full((16, 16, 3), self.colour, np.uint8)
        return a_result(picture=Picture(pixels))


def test_previews_follow_the_files_of_networks_and_keep_those_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr("nstyle.feedforward.apply.Instant", FakeInstant)
    monkeypatch.setattr(FakeInstant, "loaded", [])
    paint = duties.Previews()

    def preview(name: str) -> bytes:
        request = {"photo": "photo", "network": str(tmp_path / name), "strength": 1, "options": {}}
        return paint(request)["jpeg"]

    for index in range(6):
        (tmp_path / f"{index}").write_bytes(bytes([index * 40]))
    before = preview("0")
    (tmp_path / "0").write_bytes(bytes([200, 200]))  # trained anew over the same file
    assert preview("0") != before
    for name in "12030405":
        preview(name)
    assert FakeInstant.loaded == ["0", "0", "1", "2", "3", "4", "5"]  # the one in use stayed


# ---- the command ----


def test_bad_settings_and_a_taken_port_are_refused(capsys, tmp_path):
    assert main.main(["studio", "--port", "70000"]) == 2
    assert "from 0 to 65535" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["studio", "--folder", str(tmp_path), "--port", str(taken.getsockname()[1])]
        assert main.main(words) == 2
    assert "choose another port" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    assert main.main(["studio", "--port", "0", "--folder", str(tmp_path / "file" / "x")]) == 2
    monkeypatch.setenv("NSTYLE_DATA", "/proc/none")
    assert main.main(["studio", "--port", "0"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("cannot be written" in line for line in lines)


def test_without_gradio_one_line_says_what_to_install(tmp_path):
    block = "import sys\nfor name in ('gradio', 'fastapi', 'starlette'): sys.modules[name] = None\n"
    code = f"{block}from nstyle.cli.main import main\nsys.exit(main(['studio', '--port', '0']))"
    environment = {**os.environ, "NSTYLE_DATA": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert f"run: {extras.advice('studio')}" in done.stderr.splitlines()[-1]


def test_where_things_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("NSTYLE_DATA", str(tmp_path))
    assert Settings().home == tmp_path / "studio" and Settings().shelf == tmp_path / "networks"
    with pytest.raises(OptionError, match="--queue"):
        Settings(queue=-1)


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("0.0.0.0", False), ("::", False),
     ("127.evil.example", False), ("", False)],
)  # fmt: skip
def test_what_only_this_machine_can_ask(host, local):
    assert settings.this_machine(host) == local
