"""Pictures of the studio at work, for README.md: `python -m tests.studio_pictures FOLDER`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.atelier import opened
from tests.browser import DESKTOP, PHONE, started, visiting

LARGEST = 150_000  # bytes
MS = 300_000
SHOTS = {  # name -> (window, dark, photo, style, left of the slider)
    "studio": (DESKTOP, False, "coffee", "cubist", 42),
    "studio_phone": (PHONE, False, "chelsea", "woodcut wave", 50),
    "studio_phone_dark": (PHONE, True, "astronaut", "stained glass", 50),
}


def shoot(page: Any, photo: str, style: str, at: int) -> bytes:
    """Paint to the end; the window, as PNG."""
    page.set_default_timeout(MS)
    page.wait_for_selector("body[data-ready=yes]")
    for name in (photo, style):
        page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector("#stage[data-state=preview]:not(.busy)")
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_selector("#stage[data-state=done]")
    page.wait_for_load_state("networkidle")
    page.get_by_label("compare photo and painting").fill(str(at))
    page.mouse.move(0, 0)
    return page.screenshot(animations="disabled")


def write(shot: bytes, path: Path) -> None:
    """As JPEG that is not too large."""
    with Image.open(io.BytesIO(shot)) as opened_shot:
        picture = opened_shot.convert("RGB")
    for quality in range(90, 40, -5):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() < LARGEST:
            break
    path.write_bytes(buffer.getvalue())


def main(folder: str) -> None:
    """One painting for each picture."""
    with (
        tempfile.TemporaryDirectory() as place,
        opened(Path(place, "studio")) as atelier,
        started() as browser,
    ):
        for name, (size, dark, *chosen) in SHOTS.items():
            with visiting(browser, atelier.address, size, dark=dark, scale=1.0) as visit:
                write(shoot(visit.page, *chosen), Path(folder, f"{name}.jpg"))


if __name__ == "__main__":
    main(*sys.argv[1:])
