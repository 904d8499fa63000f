"""Command lines that are asked, and their refusals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tiny
from PIL import Image

CHECKOUT = Path(__file__).parents[1]


def write_pictures(folder: Path) -> None:
    """photo.png and style.png of 40x32 pixels, and things that are no such pictures."""
    Image.fromarray(tiny.picture(1)).save(folder / "photo.png")
    Image.fromarray(tiny.picture(2)).save(folder / "style.png")
    Image.fromarray(tiny.picture(1, (200, 150))).save(folder / "large.jpg")
    data = (folder / "large.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 2])
    Image.fromarray(tiny.picture(1, (40, 15))).save(folder / "tiny.png")
    (folder / "words.jpg").write_text("this is no picture")
    (folder / "folder").mkdir()
    (folder / "old.jsonl").write_text("old\n")
    (folder / "other.params").write_bytes(b"no list of arrays at all")


# Runs each case as the command line would, and tells what came of it. MXNet must not be asked for:
# that would be a bug with a traceback here.
ASK = """
import contextlib, io, json, os, sys
from nstyle.cli import main

class Gate:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mxnet", "gluoncv"):
            raise RuntimeError("MXNet is loaded")

sys.meta_path.insert(0, Gate())

def files():
    return {os.path.join(f, n): open(os.path.join(f, n), "rb").read().hex()
            for f, _, names in os.walk(".") for n in names}

answers = {}
for name, door, words in json.load(sys.stdin):
    before, err = files(), io.StringIO()
    with contextlib.redirect_stderr(err):
        try:
            code = getattr(main, door)(words)
        except SystemExit as exit:
            code = exit.code
        except Exception as bug:
            code = repr(bug)
    changed = sorted(k for k, v in files().items() if before.get(k) != v)
    answers[name] = [code, err.getvalue(), changed]
    for path in set(changed) - set(before):
        os.remove(path)
    for path in set(changed) & set(before):
        open(path, "wb").write(bytes.fromhex(before[path]))
print(json.dumps(answers))
"""


def check_refusal(answer: Any, program: str, named: Sequence[str]) -> None:
    """Exit code 2, one line naming all these, nothing written, MXNet not loaded."""
    code, err, changed = answer
    assert code == 2
    assert err.startswith(f"{program}: error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert [word for word in named if word not in err] == []
    assert changed == []
