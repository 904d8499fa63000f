"""`nstyle score`: how far pictures are from a photo and a painting."""

from __future__ import annotations

import argparse
import dataclasses
import json

from nstyle.cli.console import put
from nstyle.cli.flags import add_fields, split_options
from nstyle.options import presets
from nstyle.options.field import used_by
from nstyle.options.options import Options


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of `score`."""
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="what is judged")
    parser.add_argument("--content", required=True, metavar="FILE", help="the photo")
    parser.add_argument("--style", required=True, metavar="FILE", help="the painting")
    parser.add_argument("--json", action="store_true", help="one object per picture and line")
    add_fields(parser, Options, used_by(Options, "score"))


def work(args: argparse.Namespace) -> int:
    """Print the scores; the exit code. Raises what nstyle refuses."""
    from nstyle.optimize import evaluation

    typed, _ = split_options(args)
    options = presets.resolve(typed)
    scores = evaluation.score(args.pictures, args.content, args.style, options)
    for path, score in zip(args.pictures, scores):
        if args.json:
            put(json.dumps({"picture": path, **dataclasses.asdict(score)}))
            continue
        put(f"{path}: content {score.content:.4f}, style {score.style:.4f}")
        for layer, distance in score.layers.items():
            put(f"    {layer:<16} {distance:.4f}")
    return 0
