"""The studio in a real browser: from two pictures to a painting, and everything around it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlparse

import pytest
import server
from atelier import Atelier, needs_gradio, opened, picture
from browser import DESKTOP, PHONE, Visit, visiting
from PIL import Image
from tiny import write_network

from nstyle.feedforward import network_file
from nstyle.images import image_file

pytestmark = needs_gradio

MS = 90_000  # for anything that is waited for
PHOTO, STYLE = picture(1, (160, 120)), picture(2, (128, 160))


@pytest.fixture(scope="module")
def atelier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Atelier]:
    """One for all tests, with a network on its shelf; the last test closes it."""
    folder = tmp_path_factory.mktemp("atelier")
    (folder / "networks").mkdir()
    trained = network_file.read(write_network(folder / "wave.params"))
    named = replace(trained, about={"style": "wave"})
    network_file.write(str(folder / "networks" / "wave.params"), named)
    with opened(folder / "studio", "--networks", str(folder / "networks")) as found:
        yield found


@contextlib.contextmanager
def at_home(browser: Any, atelier: Atelier, *, keep: bool = False, **more: Any) -> Iterator[Visit]:
    """The page, ready; no complaint, no request to anywhere else. keep: its paintings stay."""
    with visiting(browser, atelier.address, **more) as visit:
        visit.page.set_default_timeout(MS)
        visit.page.wait_for_selector("body[data-ready=yes]")
        token = visit.page.evaluate("localStorage.getItem('nstyle-studio-token')")
        try:
            yield visit
        finally:
            if not keep:
                clear(atelier, token)
        home = urlparse(atelier.address).netloc
        asked = [urlparse(url.replace("blob:", "")) for url in visit.leaves()]
        assert {url.netloc for url in asked} == {home}
        assert visit.strays == []
        assert visit.errors == []


def clear(atelier: Atelier, token: str) -> None:
    """Remove somebody's paintings, those that wait first, so that none begins."""
    jobs = atelier.ask("GET", "/api/jobs", token=token).json
    for job in sorted(jobs, key=lambda job: job["state"] == "painting"):
        atelier.ask("DELETE", f"/api/jobs/{job['id']}", token=token)


def test_what_asks_elsewhere_is_noticed_and_does_not_get_out(browser, tmp_path):
    """So that no stray request in the other tests means something."""
    with server.serving(b"<p>nothing</p>") as elsewhere:
        page = tmp_path / "page.html"
        page.write_text(f'<img src="{elsewhere.address}/picture.png" alt="">')
        with visiting(browser, page.as_uri()) as visit:
            assert visit.strays == [f"{elsewhere.address}/picture.png"]
        assert elsewhere.asked == []


def upload(visit: Visit, side: str, data: bytes, name: str) -> None:
    """Choose a file, as the dialog of the browser does."""
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    visit.page.set_input_files(f"#{side} input[type=file]", file)
    visit.page.wait_for_selector(f"#{side}.chosen")


def preview(visit: Visit) -> None:
    """Two uploads; wait for their preview."""
    upload(visit, "photo", PHOTO, "my photo.png")
    upload(visit, "style", STYLE, "style.png")
    visit.page.wait_for_selector("#stage[data-state=preview]:not(.busy)")


SETTLED = "new Promise((done) => setTimeout(done, 500))"


def choose(visit: Visit, flag: str, value: str) -> None:
    """Type a value into a field of the options, again where Gradio empties it while drawing it.

    That is in the first tenths of a second after the options were folded out.
    """
    field = visit.page.get_by_label(flag)
    for _ in range(5):
        field.fill(value)
        field.blur()
        visit.page.evaluate(SETTLED)
        if field.input_value() == value:
            return
    raise AssertionError(f"{flag} does not keep what is typed")


def endless(visit: Visit) -> None:
    """Fold out the options, so that a painting ends only when it is told to."""
    visit.page.get_by_role("button", name="All options").click()
    choose(visit, "--stop-eps", "0")
    choose(visit, "--max-num-epochs", "1000000")


def paint(visit: Visit, pictures: int) -> None:
    """Paint until so many pictures have come."""
    visit.page.get_by_role("button", name="Paint", exact=True).click()
    visit.page.wait_for_function(
        f"+document.querySelector('#stage').dataset.pictures >= {pictures}"
    )


def shot(visit: Visit, selector: str = "#stage .compare") -> bytes:
    return visit.page.locator(selector).screenshot()


def slide(visit: Visit, value: int) -> None:
    visit.page.get_by_label("compare photo and painting").fill(str(value))


def test_a_network_of_the_shelf_paints_in_one_pass(browser, atelier, tmp_path):
    with at_home(browser, atelier) as visit:
        page = visit.page
        upload(visit, "photo", picture(1, (800, 600)), "my photo.png")
        page.get_by_role("button", name="network: wave").click()
        page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        page.get_by_role("button", name="Paint", exact=True).click()
        page.wait_for_selector("#stage[data-state=done]")
        assert "painted in one pass" in page.locator("#stage .line").inner_text()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download").click()
        waiting.value.save_as(tmp_path / "got.png")
        assert image_file.read(tmp_path / "got.png").size == (512, 384)  # as the page says
        assert image_file.read_metadata(tmp_path / "got.png")["network"] == "wave"


def test_another_style_leaves_the_painting_to_go_on(browser, atelier):
    with at_home(browser, atelier) as visit:
        page = visit.page
        preview(visit)
        endless(visit)
        paint(visit, 1)
        page.get_by_role("button", name="cubist").click()
        page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        assert page.locator("#history li[data-state=painting]").count() == 1
        page.get_by_role("button", name="Paint", exact=True).click()
        page.wait_for_selector("#stage[data-state=queued]")
        assert "next in the queue" in page.locator("#stage .line").inner_text()
        page.get_by_role("button", name="style.png, being painted").click()
        page.wait_for_selector("#stage[data-state=painting]")
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("#stage[data-state=stopped]")
        page.wait_for_selector("#history li[data-state=painting]")  # the other one's turn


SIDE = "document.querySelector('#stage .{} img').naturalWidth"


def test_a_painting_stands_against_its_own_photo(browser, atelier):
    """Also where the stage showed an older painting of another photo."""
    with at_home(browser, atelier) as visit:
        page = visit.page
        preview(visit)
        page.get_by_role("button", name="All options").click()
        choose(visit, "--max-num-epochs", "1")
        page.get_by_role("button", name="Paint", exact=True).click()
        page.wait_for_selector("#stage[data-state=done]")
        upload(visit, "photo", picture(3, (200, 120)), "other.png")
        page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        page.locator("#history li .open").click()
        page.wait_for_selector("#stage[data-state=done]")
        page.wait_for_function(f"{SIDE.format('photo')} === 160")
        choose(visit, "--max-num-epochs", "1000000")
        page.get_by_role("button", name="Paint", exact=True).click()
        page.wait_for_selector("#stage[data-state=painting]")
        assert page.evaluate(SIDE.format("photo")) == 200
        assert page.evaluate(SIDE.format("result")) != 160
        page.wait_for_function(f"{SIDE.format('result')} === 200")


def test_refusals_are_said_on_the_page(browser, atelier):
    with at_home(browser, atelier) as visit:
        upload(visit, "photo", PHOTO, "photo.png")
        file = {"name": "evil.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"}
        visit.page.set_input_files("#style input[type=file]", file)
        visit.page.wait_for_selector("#stage .error:visible")
        assert "evil.png: not a picture" in visit.page.locator("#stage .error").inner_text()
        # The browser itself notes that an answer was a refusal; nothing else may be there.
        assert all("415" in error for error in visit.errors)
        visit.errors.clear()
        upload(visit, "style", STYLE, "<b>style</b>.png")
        visit.page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        assert visit.page.locator("#stage .error").is_hidden()
        assert "<b>style<" not in visit.page.locator("#style .name").inner_html()


def test_pictures_are_pasted_and_dropped(browser, atelier):
    give = """([side, kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, {type: "image/png"}));
        const words = {bubbles: true, cancelable: true};
        const area = document.querySelector(`#${side} .drop`);
        const [target, event] = kind === "drop"
            ? [area, new DragEvent("drop", {...words, dataTransfer: data})]
            : [document, new ClipboardEvent("paste", {...words, clipboardData: data})];
        target.dispatchEvent(event);
    }"""
    with at_home(browser, atelier) as visit:
        for side, kind in (("photo", "paste"), ("style", "drop")):
            visit.page.evaluate(give, [side, kind, list(PHOTO if side == "photo" else STYLE)])
            visit.page.wait_for_selector(f"#{side}.chosen")
            assert f"{kind}.png" in visit.page.locator(f"#{side} .name").inner_text()
        visit.page.wait_for_selector("#stage[data-state=preview]:not(.busy)")


def test_the_camera_takes_a_photo(browser, atelier):
    with at_home(browser, atelier) as visit:
        page = visit.page
        page.locator("#photo").get_by_role("button", name="Camera").click()
        page.wait_for_function("document.querySelector('#camera video').videoWidth > 0")
        page.get_by_role("button", name="Take the picture").click()
        page.wait_for_selector("#photo.chosen")
        assert "camera.jpg" in page.locator("#photo .name").inner_text()
        assert page.evaluate("document.querySelector('#camera video').srcObject") is None
        page.locator("#style").get_by_role("button", name="Camera").click()
        page.wait_for_selector("#camera[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("#camera", state="hidden")


def test_the_camera_is_painted_live_while_the_page_is_seen(browser, atelier, tmp_path):
    with at_home(browser, atelier) as visit:
        page = visit.page
        painted = "Number(document.querySelector('#live').dataset.frames || 0)"
        page.get_by_role("button", name="Live", exact=True).click()
        page.wait_for_selector("#photo", state="hidden")
        page.get_by_role("button", name="Start the camera").click()
        assert "Choose a style first" in page.locator("#live .error").inner_text()
        page.get_by_role("button", name="cubist", exact=True).click()
        page.get_by_role("button", name="Start the camera").click()
        page.wait_for_function("document.querySelector('#live').dataset.rate > 0")
        line = page.locator("#live .line").inner_text()
        assert "frames per second" in line and page.evaluate(painted) >= 12
        colours = """() => {
            const canvas = document.querySelector("#live canvas"), {width, height} = canvas;
            const all = canvas.getContext("2d").getImageData(0, 0, width, height).data;
            return [width, new Set(all).size];
        }"""
        width, values = page.evaluate(colours)
        assert 160 <= width <= 480 and values > 100
        with page.expect_download() as download:
            page.get_by_role("button", name="Snapshot").click()
        download.value.save_as(tmp_path / "snapshot.png")
        with Image.open(tmp_path / "snapshot.png") as image:
            assert image.width >= 160
        page.get_by_role("button", name="Record").click()
        page.wait_for_timeout(300)
        with page.expect_download() as download:
            page.get_by_role("button", name="End the recording").click()
        assert download.value.suggested_filename.endswith((".webm", ".mp4", ".x-matroska"))
        hide = """(hidden) => {
            Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        page.evaluate(hide, True)
        page.wait_for_timeout(1500)  # the frame that is on its way
        count = page.evaluate(painted)
        page.wait_for_timeout(1500)
        assert page.evaluate(painted) == count
        page.evaluate(hide, False)
        page.wait_for_function(f"{painted} > {count}")
        page.get_by_role("button", name="A photo", exact=True).click()
        page.wait_for_selector("#photo", state="visible")
        assert page.locator("#live").is_hidden()


def test_controls_change_the_preview(browser, atelier):
    with at_home(browser, atelier) as visit:
        preview(visit)
        for label in ("photo", "matched"):
            with visit.page.expect_response("**/api/preview") as answer:
                visit.page.locator("#colors").get_by_role("radio", name=label).check()
            assert answer.value.ok
        order = answer.value.request.post_data_json
        assert order["options"] == {"colors": "match", "max_long_edge": 512}
        slider, asked = visit.page.locator("#strength input[type=range]"), []
        for value in ("0", "100", "75", "50"):
            with visit.page.expect_response("**/api/preview") as answer:
                slider.fill(value)
            assert answer.value.ok
            visit.page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
            asked.append(answer.value.request.post_data_json["strength"])
        assert 0 < asked[0] < asked[3] < asked[2] < asked[1] == 1


def test_a_network_is_sent_what_it_can_do(browser, atelier):
    ask = """async (network) => {
        const { paintingOrder } = await import("/studio/orders.js");
        const all = {strength: 80, colors: "style", max_long_edge: 512, quality: "quick"};
        return paintingOrder({id: "p"}, {id: "s", network}, all);
    }"""
    with at_home(browser, atelier) as visit:
        order = visit.page.evaluate(ask, True)
        assert (order["options"], order["preset"]) == ({"max_long_edge": 512}, None)
        assert order["strength"] == 1
        order = visit.page.evaluate(ask, False)
        assert set(order["options"]) == {"max_long_edge", "content_weight"}
        assert order["preset"] == "fast" and "strength" not in order


def test_all_of_it_works_with_the_keyboard(browser, atelier):
    with at_home(browser, atelier) as visit:
        page = visit.page
        names = []
        for _ in range(200):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "(e => e.ariaLabel || e.innerText || e.labels?.[0]?.innerText || '')"
                "(document.activeElement)"
            )
            if name == "coffee" or name == "cubist":
                page.keyboard.press("Enter")
            names.append(name.strip())
            if name.startswith("All options"):
                break
        wanted = {"Choose a photo", "Choose a style", "coffee", "cubist", "Paint"}
        assert wanted <= set(names) and names[-1].startswith("All options")
        page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        page.get_by_label("compare photo and painting").focus()
        page.keyboard.press("ArrowRight")
        slider = page.get_by_label("compare photo and painting")
        assert slider.get_attribute("aria-valuetext") == "1 % photo"


# Controls without a name for those who cannot see them.
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, img, fieldset")]
    .filter(e => e.checkVisibility() && !(e.ariaLabel || e.labels?.length ||
        e.innerText?.trim() || e.title || e.hasAttribute("alt")))
    .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_its_window_and_can_be_read_and_heard(browser, atelier, size, dark):
    with at_home(browser, atelier, size=size, dark=dark) as visit:
        visit.page.get_by_role("button", name="coffee").click()
        visit.page.get_by_role("button", name="cubist").click()
        visit.page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
        assert visit.overflow() <= 0
        visit.page.get_by_role("button", name="All options").click()
        assert visit.overflow() <= 0
        for selector in ("#top h1", "#stage .line", "#colors label:not(.selected) span"):
            assert contrast(visit, selector) > 4.5, selector
        assert visit.page.evaluate(NAMELESS) == []


def contrast(visit: Visit, selector: str) -> float:
    """WCAG's, of the text with what is behind it, from pixels."""
    with Image.open(io.BytesIO(shot(visit, f"{selector} >> nth=0"))) as opened_shot:
        levels = sorted(
            luminance(colour[:3]) for _, colour in opened_shot.convert("RGB").getcolors(1 << 20)
        )
    return (levels[-1] + 0.05) / (levels[0] + 0.05)


def luminance(colour: tuple[int, ...]) -> float:
    parts = [value / 255 for value in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_from_two_pictures_to_a_painting_that_outlives_the_server(browser, atelier, tmp_path):
    context = browser.new_context(
        viewport=dict(zip(("width", "height"), DESKTOP)), accept_downloads=True
    )
    # Its pages share the browser's storage; `visiting` asks for new ones of some size.
    window = SimpleNamespace(new_page=lambda **_: context.new_page())
    with contextlib.closing(context):
        with at_home(window, atelier, keep=True) as visit:
            preview(visit)
            before = shot(visit)
            endless(visit)
            paint(visit, 2)
            line = visit.page.locator("#stage .line").inner_text()
            assert "epoch" in line and "eps" in line
            visit.page.get_by_role("button", name="Stop").click()
            visit.page.wait_for_selector("#stage[data-state=stopped]")
            painted = shot(visit)
            assert painted != before
            slide(visit, 100)
            assert shot(visit) != painted
            slide(visit, 0)
            check_download(visit, tmp_path)
            check_copy(visit, context)
            visit.page.wait_for_selector("#history li[data-state=stopped]")
            token = visit.page.evaluate("localStorage.getItem('nstyle-studio-token')")
            assert not [url for url in visit.requests if token in url]
        atelier.close()
        port = str(urlparse(atelier.address).port)
        with (
            opened(atelier.folder, "--port", port) as again,
            at_home(window, again) as visit,
        ):
            check_history(visit)


def check_download(visit: Visit, folder: Path) -> None:
    """The picture has full size and the options inside."""
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "my photo in style.png"
    waiting.value.save_as(folder / "got.png")
    assert image_file.read(folder / "got.png").size == (160, 120)
    assert image_file.read_metadata(folder / "got.png")["options"]["stop_eps"] == 0


def check_copy(visit: Visit, context: Any) -> None:
    """The command line, on the clipboard."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.get_by_role("button", name="Copy command").click()
    visit.page.wait_for_function(
        "document.querySelector('#stage .line').innerText.includes('run.py')"
    )
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "python run.py --content-image 'my photo.png' --style-image style.png "
        "--max-long-edge 512 --stop-eps 0.0 --max-num-epochs 1000000"
    )


def check_history(visit: Visit) -> None:
    """The painting is there after a restart: opened, gone on with, deleted."""
    page = visit.page
    page.get_by_role("button", name="my photo.png in the style of style.png, stopped").click()
    page.wait_for_selector("#stage[data-state=stopped] .compare:visible")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_selector("#stage[data-state=painting]")
    page.wait_for_function("/epoch \\d+/.test(document.querySelector('#stage .line').innerText)")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#stage[data-state=stopped]")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#history li").hover()
    page.get_by_role("button", name="Delete my photo.png").click()
    page.wait_for_selector("#history .none:visible")
    assert page.locator("#history li").count() == 0
