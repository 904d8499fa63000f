"""A headless Chromium for tests of web pages, and what a page asks for and complains about.

`python -m tests.browser PAGE PICTURE [WIDTH [SCALE [dark]]]` writes a picture of a page.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

PROGRAMS = ("chromium", "chromium-browser")
# The sandbox does not work for root, who runs tests in containers; the camera is a test picture.
ARGUMENTS = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DESKTOP, PHONE = (1280, 900), (390, 844)  # width and height in CSS pixels


@dataclass
class Visit:
    """A page that is open. errors: of console, scripts and requests; requests: addresses.

    strays: addresses of other hosts, which were asked for and did not get out.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def keep_in(self, address: str) -> None:
        """From now on, let no request get to another host than the address'."""
        home = urlparse(address)[:2]

        def decide(route: Any) -> None:
            if urlparse(route.request.url)[:2] == home:
                route.continue_()
            else:
                self.strays.append(route.request.url)
                route.abort()

        self.page.route("**/*", decide)

    def listen(self) -> None:
        """Note what happens from now on."""
        page = self.page
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.errors.append(f"failed: {request.url}"))
        page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        page.on(
            "console",
            lambda line: self.errors.append(line.text) if line.type != "log" else None,
        )

    def leaves(self) -> list[str]:
        """Addresses asked for that are neither files nor inside the page."""
        return [url for url in self.requests if not url.startswith(("file:", "data:"))]

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than the window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """Playwright's browser, closed afterwards. Raises LookupError where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise LookupError(f"no browser: none of {', '.join(PROGRAMS)} is on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise LookupError("playwright is not installed: pip install playwright") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        with contextlib.closing(browser):
            yield browser


@contextlib.contextmanager
def visiting(
    browser: Any,
    address: str,
    size: tuple[int, int] = DESKTOP,
    *,
    dark: bool = False,
    scale: float = 1.0,
) -> Iterator[Visit]:
    """The page at an address in a window of that size, with everything it says noted.

    scale: pixels of a screenshot for each of the window's.
    """
    page = browser.new_page(
        viewport=dict(zip(("width", "height"), size)),
        color_scheme="dark" if dark else "light",
        device_scale_factor=scale,
    )
    with contextlib.closing(page):
        visit = Visit(page)
        visit.listen()
        visit.keep_in(address)
        page.goto(address, wait_until="load")
        yield visit


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """For tests; skips them, saying why, where there is no browser."""
    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(started())
        except LookupError as error:
            pytest.skip(str(error))
        yield running


def main(
    page: str, picture: str, width: str = "1280", scale: str = "1", scheme: str = "light"
) -> None:
    """Write a picture of the whole page."""
    size, address = (int(width), 900), Path(page).resolve().as_uri()
    with (
        started() as running,
        visiting(running, address, size, dark=scheme == "dark", scale=float(scale)) as visit,
    ):
        visit.page.screenshot(path=picture, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
