"""A worker for uploads, previews or live frames: `python -m nstyle.studio.worker KIND`.

Uploads are looked at with a limit of memory, so that what is made to harm harms this process alone.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from nstyle.errors import ImageError, NStyleError
from nstyle.images import codecs, image_file
from nstyle.optimize.callbacks.report.html import shrunk
from nstyle.optimize.context import LRUCache
from nstyle.studio.library import version
from nstyle.studio.live import Live
from nstyle.studio.requests import Refused, without_folders
from nstyle.system import locations, processes
from nstyle.system.files import atomic_write

log = logging.getLogger("nstyle")

MEMORY = 6 * 2**30  # bytes of addresses for looking at a picture; 64 megapixels take 2 GB
SMALL = 640  # px, long edge of the copy that the page shows and previews are painted from
PREVIEW_EDGE = 448  # px, long edge of a preview
NETWORKS_KEPT, STYLES_KEPT = 4, 32  # styles: of each network
Duty = Callable[[Mapping[str, Any]], dict[str, Any]]


def look(request: Mapping[str, Any]) -> dict[str, Any]:
    """Check an upload and write a smaller copy of it. Raises Refused.

    request: path, name, pixels, edge, and small: where its copy goes.
    """
    try:
        picture = image_file.read(request["path"], max_pixels=request["pixels"])
    except ImageError as error:
        text = str(error).replace(request["path"], request["name"])
        raise Refused(text.replace(" or raise --max-pixels", ""), 415) from error
    if max(picture.size) > request["edge"]:
        size, most = f"{picture.width}x{picture.height} pixels", request["edge"]
        raise Refused(f"{request['name']}: {size}; an edge may have {most} at most", 415)
    data = jpeg(shrunk(picture.to_pil(), SMALL), 92)
    atomic_write(request["small"], lambda file: file.write(data))
    return {"width": picture.width, "height": picture.height}


def jpeg(picture: Any, quality: int = 88) -> bytes:
    """A pillow image as JPEG; what is transparent becomes white."""
    if picture.mode == "RGBA":
        from PIL import Image

        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return codecs.saved(picture.convert("RGB"), "JPEG", quality=quality)


class Previews:
    """Paints previews; the newest networks stay loaded, with the looks of their newest styles."""

    def __init__(self) -> None:
        self._networks = LRUCache(NETWORKS_KEPT)

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """request: photo (a path), strength, options of apply.FIELDS, and as Source.asked."""
        painter = self._painter(request)
        picture = painter.paint(painter.gather(request["photo"])).picture
        return {"jpeg": base64.b64encode(jpeg(picture.to_pil())).decode("ascii")}

    def _painter(self, request: Mapping[str, Any]) -> Any:
        """An Instant of this network and style, as their files are now."""
        style = request.get("style")
        options = {"max_long_edge": PREVIEW_EDGE, **request["options"]}
        # Of one size for all photos, so that a style is looked at once.
        edge = round(PREVIEW_EDGE * options.pop("style_scale", 1.0))
        if style and os.path.isabs(style):  # no ready one, which has its size
            options["style_size"] = min(max(edge, image_file.MIN_EDGE), SMALL)
        network = request.get("network") or str(locations.ANY_STYLE)
        base, styles = self._networks.find(
            version(network), lambda: (loaded(network, style), LRUCache(STYLES_KEPT))
        )
        strength = request["strength"]
        key = style and version(style), repr((strength, sorted(options.items())))
        return styles.find(key, lambda: base.restyled(style, strength=strength, **options))


def loaded(network: str, style: str | None) -> Any:
    """An Instant whose network is loaded."""
    from nstyle.feedforward.apply import Instant

    base = Instant(style, network=network, max_long_edge=64)
    base.paint(base.gather(locations.sample("coffee.jpg")))
    return base


def answer(duty: Duty, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer, or the reason for none. A bug is logged and costs this one answer."""
    try:
        return duty(request)
    except Refused as error:
        return {"refused": str(error), "status": error.status}
    except NStyleError as error:
        return {"refused": without_folders(str(error), request.values())}
    except MemoryError:
        return {"refused": "this picture takes too much memory; make it smaller", "status": 415}
    except Exception:
        log.exception("a bug in a worker of the studio")
        return {"refused": "a bug in nstyle; the server's terminal has more", "status": 500}


def main(kind: str) -> None:
    """Answer until the server ends."""
    say = processes.speaker()
    duty: Duty = look if kind == "look" else Previews() if kind == "preview" else Live()
    if kind == "look":
        with contextlib.suppress(ImportError, ValueError, OSError):  # a system without limits
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))
    for request in processes.requests():
        say(answer(duty, request))


if __name__ == "__main__":
    main(*sys.argv[1:])
