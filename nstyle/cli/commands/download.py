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


def work(args: argparse.Namespace) -> int:
    """Fetch one network; the exit code. Raises OptionError, WeightsError."""
    model = MODEL_ALIASES.get(args.model, args.model)
    if model in locations.BUILT_IN:
        say(f"{model} is inside the package and needs no download")
        return OK
    if model not in download.SOURCES:
        raise OptionError(f"--model: {args.model!r} is none of {nearest(model, download.SOURCES)}")
    folder = Path(args.folder or locations.cache_folder())
    meter = Meter(sys.stderr.isatty())
    try:
        file = download.download(model, folder, mirror=args.mirror, tell=meter.tell, progress=meter)
    except KeyboardInterrupt:
        meter.tell(f"interrupted; what came is kept in {folder}, the same command goes on with it")
        return INTERRUPTED
    finally:
        meter.close()
    say(f"{file.path}: {'ready' if file.fresh else 'is there already'}, its checksum is right")
    searched = {folder.resolve() for folder in locations.folders()}
    by_name = file.path.parent.resolve() in searched
    needs = f"; reading it needs {file.source.needs}" if file.source.needs else ""
    say(f"use it with {f'--model {model}' if by_name else f'--weights {file.path}'}{needs}")
    return OK


class Meter:
    """Progress on stderr: one line written over on a terminal, else a line for each tenth."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._written, self._when, self._step = 0, -1.0, ""

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is, if that is worth a line; on a terminal ten times a second at most."""
        text = f"{done / 1e6:.1f} MB"
        if total:
            text += f" of {total / 1e6:.1f} MB, {done * 100 // total} %"
        now, step = time.monotonic(), str(done * 10 // total if total else done // 10_000_000)
        if self._terminal and (done == total or now - self._when > 0.1):
            print(f"\r{text:<{self._written}}", end="", file=sys.stderr, flush=True)
            self._written, self._when = len(text), now
        elif not self._terminal and step != self._step:
            self._step = step
            say(text)

    def tell(self, line: str) -> None:
        """A line of its own."""
        self.close()
        say(line)

    def close(self) -> None:
        """End the line that is written over."""
        if self._written:
            self._written = 0
            say("")
