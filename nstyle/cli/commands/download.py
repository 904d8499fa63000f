"""`nstyle download`: fetch the weights of VGG-19 or VGG-16. Needs the standard library only."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from nstyle.cli.console import INTERRUPTED, OK, say
from nstyle.errors import OptionError
from nstyle.networks.weights import download
from nstyle.options.options import MODEL_ALIASES
from nstyle.options.parse import nearest
from nstyle.system import locations


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `download`."""
    parser.add_argument(
        "--model",
        default="vgg19",
        metavar="NAME",
        help=f"{' or '.join(download.SOURCES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="another server: the files lie at URL/vgg19.params, URL/vgg19.h5, URL/vgg16.h5",
    )
    parser.add_argument(
        "--folder", metavar="DIR", help="where to put it (default: the user's cache folder)"
    )


def work(words: argparse.Namespace) -> int:
    """Fetch one network; the exit code. Raises OptionError, WeightsError."""
    model = MODEL_ALIASES.get(words.model, words.model)
    if model in locations.BUILT_IN:
        say(f"{model} is inside the package and needs no download")
        return OK
    if model not in download.SOURCES:
        raise OptionError(f"--model: {words.model!r} is none of {nearest(model, download.SOURCES)}")
    folder = Path(words.folder or locations.cache_folder())
    meter = Meter(sys.stderr.isatty())
    try:
        found = download.download(
            model, folder, mirror=words.mirror, tell=meter.tell, progress=meter
        )
    except KeyboardInterrupt:
        meter.tell(f"interrupted; what came is kept in {folder}, the same command goes on with it")
        return INTERRUPTED
    finally:
        meter.close()
    say(f"{found.path}: {'ready' if found.fresh else 'is there already'}, its checksum is right")
    say(how_to_use(model, found))
    return OK


def how_to_use(model: str, found: download.Download) -> str:
    """The command to type next."""
    known = {folder.resolve() for folder in locations.folders()}
    here = found.path.parent.resolve() in known
    flag = f"--model {model}" if here else f"--weights {found.path}"
    needs = f"; reading it needs {found.source.needs}" if found.source.needs else ""
    return f"use it with {flag}{needs}"


class Meter:
    """Progress on stderr: one line written over on a terminal, else a line for each tenth."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.written, self.last = terminal, 0, (-1.0, "")

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is, if that is worth a line."""
        text = f"{done / 1e6:.1f} MB"
        if total:
            text += f" of {total / 1e6:.1f} MB, {done * 100 // total} %"
        if self.terminal:
            self.write_over(text, ended=done == total)
            return
        step = str(done * 10 // total if total else done // 10_000_000)
        if step != self.last[1]:
            self.last = (0.0, step)
            say(text)

    def write_over(self, text: str, *, ended: bool) -> None:
        """At most ten times a second."""
        now = time.monotonic()
        if ended or now - self.last[0] > 0.1:
            print(f"\r{text:<{self.written}}", end="", file=sys.stderr, flush=True)
            self.written, self.last = len(text), (now, "")

    def tell(self, line: str) -> None:
        """A line of its own."""
        self.close()
        say(line)

    def close(self) -> None:
        """End the line that is written over."""
        if self.written:
            self.written = 0
            say("")
