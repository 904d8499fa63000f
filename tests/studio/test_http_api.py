"""The studio over HTTP: jobs, previews, hostile uploads, other people's tokens."""

from __future__ import annotations

import http.client
import io
import shlex
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from atelier import ANNE, BERT, Atelier, needs_gradio, opened, picture
from PIL import Image

from nstyle.cli import main
from nstyle.images import image_file

pytestmark = needs_gradio

SHORT = {"max_num_epochs": 12, "stop_eps": 0, "scales": 1}
ENDLESS = {"max_num_epochs": 1_000_000, "stop_eps": 0, "scales": 1}


@pytest.fixture(scope="module")
def atelier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Atelier]:
    folder = tmp_path_factory.mktemp("atelier") / "studio"
    words = ("--upload-megabytes", "0.5", "--upload-megapixels", "2", "--max-long-edge", "200")
    with opened(folder, *words, "--queue", "2") as found:
        yield found
        found.close()
        assert list(found.temporary.iterdir()) == []
        assert sorted(path.name for path in folder.iterdir()) == ["people"]
        assert not [line for line in found.lines if "Traceback" in line], "".join(found.lines)


def test_frames_are_painted_and_what_is_no_frame_is_refused(atelier):
    stream = io.BytesIO()
    Image.open(io.BytesIO(picture(3))).convert("RGB").save(stream, "JPEG")
    frame, where = stream.getvalue(), "/api/live?style=style-cubist&strength=0.8"
    answer = atelier.ask("POST", where, frame)
    assert answer.status == 200
    with Image.open(io.BytesIO(answer.body)) as painted, Image.open(io.BytesIO(frame)) as sent:
        assert (painted.format, painted.size) == ("JPEG", sent.size)
    for path, body, token, status in (
        (where, b"nothing", ANNE, 400),
        (where, bytes(600_000), ANNE, 413),
        (where, frame, None, 401),
        ("/api/live", frame, ANNE, 400),
        ("/api/live?style=style-none", frame, ANNE, 404),
        ("/api/live?style=style-cubist&strength=2", frame, ANNE, 400),
    ):
        refused = atelier.ask("POST", path, body, token)
        assert refused.status == status and refused.error


def everything(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def painted(atelier: Atelier) -> Any:
    """A job of ANNE's that is done."""
    made = atelier.paint(**SHORT, content_weight="20", colors="content")
    assert made.status == 201
    return atelier.wait(made.json["id"], lambda job: job["state"] == "done")


def test_a_job_is_painted_and_its_picture_holds_the_options(atelier, painted, tmp_path):
    job = painted
    assert job["photo"] == "1.png" and job["style"] == "2.png" and not job["resumable"]
    assert job["progress"]["epoch"] == 12 and job["note"] == "reached --max-num-epochs"
    shown = atelier.ask("GET", f"/api/jobs/{job['id']}/picture")
    full = atelier.ask("GET", f"/api/jobs/{job['id']}/picture?full=1")
    with Image.open(io.BytesIO(shown.body)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (96, 72))
    (tmp_path / "full.png").write_bytes(full.body)
    found = image_file.read_metadata(tmp_path / "full.png")
    assert found["options"]["content_weight"] == 20 and found["options"]["max_num_epochs"] == 12
    assert not (atelier.job_folder(job["id"]) / "result.ckpt.npz").exists()


def test_the_command_paints_the_same_picture(atelier, painted, tmp_path, monkeypatch):
    job = painted
    full = atelier.ask("GET", f"/api/jobs/{job['id']}/picture?full=1").body
    python, run, *words = shlex.split(job["command"])
    assert (python, run) == ("python", "run.py")
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(picture(seed))
    monkeypatch.chdir(tmp_path)
    assert main.main(["run", *words, "--output", "out.png", "--quiet"]) == 0
    Path("theirs.png").write_bytes(full)
    ours, theirs = image_file.read("out.png"), image_file.read("theirs.png")
    assert abs(ours.pixels.astype(int) - theirs.pixels).max() <= 2  # threads may differ


def test_a_second_studio_on_the_same_folder_is_refused(atelier, capsys):
    job = atelier.paint(**ENDLESS).json["id"]
    assert main.main(["studio", "--port", "0", "--folder", str(atelier.folder)]) == 2
    assert "another studio has it open" in capsys.readouterr().err
    assert atelier.ask("GET", f"/api/jobs/{job}").json["state"] in ("queued", "painting")
    assert atelier.ask("DELETE", f"/api/jobs/{job}").status == 204


def test_previews_show_the_style_and_the_colours(atelier):
    shelf = atelier.ask("GET", "/api/shelf", token=None).json
    photo, (first, second, *_) = shelf["photos"][0], shelf["styles"]
    order = {"photo": photo["id"], "style": first["id"]}
    answers = [
        atelier.ask("POST", "/api/preview", {**order, **more})
        for more in ({}, {"style": second["id"]}, {"options": {"colors": "content"}},
                     {"strength": 0.2})
    ]  # fmt: skip
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.body for answer in answers}) == 4
    with Image.open(io.BytesIO(answers[0].body)) as opened:
        assert opened.size == (448, 299)


def test_the_shelf_has_thumbnails(atelier):
    shelf = atelier.ask("GET", "/api/shelf", token=None).json
    assert shelf["limits"]["upload_megabytes"] == 0.5
    for source in shelf["photos"] + shelf["styles"]:
        answer = atelier.ask("GET", f"/api/shelf/{source['id']}", token=None)
        assert answer.status == 200 and answer.body[:3] == b"\xff\xd8\xff"
    assert atelier.ask("GET", "/api/shelf/style-nothing", token=None).status == 404


def test_a_painting_waits_for_its_turn_and_is_stopped_and_gone_on_with(atelier):
    first, second = (atelier.paint(**ENDLESS).json["id"] for _ in range(2))
    waiting = atelier.ask("GET", f"/api/jobs/{second}").json
    assert (waiting["state"], waiting["place"]) == ("queued", 1)
    atelier.wait(first, lambda job: (job["progress"] or {}).get("pictures", 0) >= 2)
    # Previews come while one is painted and another waits, for others, too.
    order = {"photo": "photo-coffee", "style": "style-cubist"}
    for token in (ANNE, BERT):
        assert atelier.ask("POST", "/api/preview", order, token).status == 200
    assert atelier.ask("GET", f"/api/jobs/{first}").json["state"] == "painting"

    assert atelier.ask("POST", f"/api/jobs/{second}/stop").json["state"] == "stopped"
    atelier.ask("POST", f"/api/jobs/{first}/stop")
    stopped = atelier.wait(first, lambda job: job["state"] == "stopped")
    assert stopped["result"] and stopped["resumable"] and stopped["note"] == "stopped by you"
    epochs = stopped["progress"]["epoch"]

    assert atelier.ask("POST", f"/api/jobs/{first}/resume").status == 200
    again = atelier.wait(first, lambda job: job["state"] == "painting" and job["progress"])
    assert again["progress"]["epoch"] >= epochs  # from the checkpoint, not anew
    assert atelier.ask("POST", f"/api/jobs/{first}/resume").status == 409
    folder = atelier.job_folder(first)
    assert atelier.ask("DELETE", f"/api/jobs/{first}").status == 204
    assert not folder.exists()
    assert atelier.ask("GET", f"/api/jobs/{first}").status == 404


def test_the_server_itself_never_loads_mxnet(atelier):
    order = {"photo": "photo-coffee", "style": "style-cubist"}
    assert atelier.ask("POST", "/api/preview", order).status == 200
    loaded = {
        pid: "libmxnet" in Path(f"/proc/{pid}/maps").read_text()
        for pid in (atelier.process.pid, *atelier.children())
    }
    assert not loaded.pop(atelier.process.pid) and any(loaded.values())


def test_too_many_are_told_so_and_leave_nothing(atelier):
    jobs = [atelier.paint(**ENDLESS).json["id"] for _ in range(3)]
    before = everything(atelier.folder / "people")
    refused = atelier.paint(**ENDLESS)
    assert refused.status == 429 and "wait already" in refused.error
    left = everything(atelier.folder / "people") - before
    assert not [path for path in left if "jobs" in path.parts and path.parent.name == "jobs"]
    for id in reversed(jobs):
        assert atelier.ask("DELETE", f"/api/jobs/{id}").status == 204
    assert atelier.ask("GET", "/healthz", token=None).json["waiting"] == 0


# ---- what is refused ----


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../evil.png", picture())
    return buffer.getvalue()


def bomb() -> bytes:
    """A file of a few kilobytes that says it is 50000x50000 pixels."""
    data = bytearray(picture(size=(64, 64)))
    data[16:24] = (50_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HOSTILE = {
    "text": (b"Hello, I am no picture.", 415, "not a picture"),
    "empty": (b"", 415, "empty"),
    "truncated": (picture(kind="JPEG", size=(300, 200))[:2000], 415, "damaged or truncated"),
    "bomb": (bomb(), 415, "more than the 2000000 allowed; make it smaller"),
    "wide": (picture(size=(30_000, 20)), 415, "an edge may have 20000 at most"),
    "tiny": (picture(size=(15, 15)), 415, "too small"),
    "svg": (SVG, 415, "not a picture"),
    "zip": (zipped(), 415, "not a picture"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", 415, "not a picture"),
    "large": (b"\xff\xd8" + bytes(600_000), 413, "a picture may have 0.5 MB"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_uploads_are_refused_with_a_sentence(atelier, kind):
    data, status, sentence = HOSTILE[kind]
    before = everything(atelier.folder)
    answer = atelier.upload(data, f"{kind}.jpg")
    assert answer.status == status
    assert sentence in answer.error and "\n" not in answer.error
    assert str(atelier.folder) not in answer.error and "max-pixels" not in answer.error
    assert {path for path in everything(atelier.folder) - before if len(path.parts) > 3} == set()
    assert atelier.ask("GET", "/healthz", token=None).status == 200


@pytest.mark.parametrize("name", ["../../../evil.png", "/etc/passwd", "a\x00b.png", "\n\r", ""])
def test_names_of_files_lead_nowhere(atelier, name):
    outside = {
        path for path in atelier.folder.parent.rglob("*") if atelier.folder not in path.parents
    }
    answer = atelier.upload(picture(), name)
    assert answer.status == 201
    told = answer.json["name"]
    assert told and not set(told) & set("/\\\n\r\x00") and not told.startswith(".")
    now = {path for path in atelier.folder.parent.rglob("*") if atelier.folder not in path.parents}
    assert now == outside


def test_a_body_that_tells_no_length_is_cut_off(atelier):
    host = atelier.address.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=60)
    chunks = (bytes(50_000) for _ in range(20))
    try:
        connection.request(
            "POST", "/api/pictures", chunks, {"Authorization": f"Bearer {ANNE}"},
            encode_chunked=True,
        )  # fmt: skip
        status = connection.getresponse().status
    except OSError:  # the server may hang up before all was sent
        status = 413
    connection.close()
    assert status == 413
    assert atelier.ask("GET", "/healthz", token=None).status == 200


BAD_ORDERS: list[tuple[dict[str, Any], str]] = [
    ({"options": {"lr": "fast"}}, "--lr: 'fast' is not a number"),
    ({"options": {"colours": "x"}}, "no option 'colours'; did you mean 'colors'?"),
    ({"options": {"weights": "/etc/passwd"}}, "--weights: cannot be chosen in the studio"),
    ({"options": {"init": "/etc/passwd"}}, "--init: in the studio content, instant, noise"),
    ({"options": {"max_long_edge": 4000, "enlarge": True}}, "this studio paints up to 200"),
    ({"options": {"size": "900x"}}, "--size: 900x"),
    ({"options": {"style_scale": 10}}, "--style-scale: the style would have"),
    ({"options": {"style_layers": "relu9_9"}}, "relu9_9"),
    ({"options": [1]}, "options are an object"),
    ({"preset": "nothing"}, "--preset: 'nothing' is none of"),
    ({"strength": 7}, "--strength: 7.0 is out of range"),
    ({"strength": 10**400}, "is out of range"),
    ({"options": {"lr": 10**400}}, "--lr"),
    ({"options": {"size": "9" * 5000 + "x"}}, "--size"),
    ({"options": {"style_blend": "9" * 5000}}, "--style-blend"),
    ({"photo": None}, "the photo is missing"),
    ({"photo": "../../people"}, "there is no such picture here"),
]


@pytest.mark.parametrize(("change", "sentence"), BAD_ORDERS)
def test_bad_orders_are_refused_before_anything_begins(atelier, change, sentence):
    order = {"photo": "photo-coffee", "style": "style-cubist", **change}
    answer = atelier.ask("POST", "/api/jobs", order)
    assert answer.status in (400, 404) and sentence in answer.error
    assert atelier.ask("GET", "/healthz", token=None).json["waiting"] == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 90_000, b"9" * 5000,
                                  b'"' + b"x" * 200_000 + b'"'])  # fmt: skip
def test_what_is_no_order_is_refused(atelier, body):
    assert atelier.ask("POST", "/api/jobs", body).status in (400, 413)


def test_a_disk_that_does_not_work_is_told_in_a_sentence(atelier):
    upload = atelier.upload(picture(9)).json
    (folder,) = atelier.folder.glob(f"people/*/uploads/{upload['id']}")
    (folder / "picture").unlink()  # the disk lost it
    order = {"photo": upload["id"], "style": "style-cubist"}
    answer = atelier.ask("POST", "/api/jobs", order)
    assert answer.status == 503 and "disk" in answer.error
    assert str(atelier.folder) not in answer.error


# ---- whose it is ----


def test_what_belongs_to_one_token_does_not_exist_for_another(atelier, painted):
    job = painted
    upload = atelier.upload(picture(7)).json
    paths = [f"/api/jobs/{job['id']}{end}" for end in ("", "/picture", "/picture?full=1", "/photo")]
    paths += [f"/api/pictures/{upload['id']}"]
    for path in paths:
        assert atelier.ask("GET", path).status == 200
        assert atelier.ask("GET", path, token=BERT).status == 404
        assert atelier.ask("GET", path, token=None).status == 401
    for method, end in [("POST", "/stop"), ("POST", "/resume"), ("DELETE", "")]:
        assert atelier.ask(method, f"/api/jobs/{job['id']}{end}", token=BERT).status == 404
    order = {"photo": upload["id"], "style": "style-cubist"}
    assert atelier.ask("POST", "/api/jobs", order, token=BERT).status == 404
    assert atelier.ask("POST", "/api/preview", order, token=BERT).status == 404
    assert job["id"] in [each["id"] for each in atelier.ask("GET", "/api/jobs").json]
    assert atelier.ask("GET", "/api/jobs", token=BERT).json == []


@pytest.mark.parametrize("token", ["", "short", "../" * 11, "A" * 32, "g" * 32, "a" * 129])
def test_what_is_no_token_opens_nothing(atelier, token):
    assert atelier.ask("GET", "/api/jobs", token=token).status == 401


def test_guessed_addresses_give_no_file(atelier):
    upload = atelier.upload(picture(8)).json
    (found,) = atelier.folder.glob(f"people/*/uploads/{upload['id']}/picture")
    inside = found.relative_to(atelier.folder)
    for start in ("/gradio_api/file=", "/file=", "/file/", "/static/", "/assets/", "/studio/"):
        for path in (str(found), str(inside), f"../../{inside}", "/etc/passwd"):
            address = start + quote(path)
            answer = atelier.ask("GET", address)
            assert answer.status in (403, 404), address
            assert found.read_bytes() not in answer.body
    for path in (f"/{inside}", "/api/pictures/..%2f..%2fx", "/api/jobs/..%2f..%2fx/picture"):
        assert atelier.ask("GET", path).status == 404


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/run/predict", "/upload",
     "/gradio_api/call/x", "/login", "/", "/gradio_api/component_server",
     "/gradio_api/stream/x/0/0/x"],
)  # fmt: skip
def test_gradio_takes_nothing_in(atelier, path):
    assert atelier.ask("POST", path, {}).status == 404


def test_other_names_for_this_machine_are_not_answered(atelier):
    for host in ("evil.example", "127.evil.example", "127.0.0.1.evil.example:80", "10.0.0.1"):
        assert atelier.ask("GET", "/healthz", Host=host).status == 404, host
    for host in ("localhost:1", "127.0.0.1", "[::1]:7860", "[::1]"):
        assert atelier.ask("GET", "/healthz", Host=host).status == 200, host


def test_answers_keep_the_browser_at_home(atelier):
    answer = atelier.ask("GET", "/", token=None)
    policy = {name.lower(): value for name, value in answer.headers.items()}
    assert "default-src 'self'" in policy["content-security-policy"]
    assert policy["referrer-policy"] == "no-referrer"
    assert b"fonts.googleapis" not in answer.body and b"cdnjs" not in answer.body
