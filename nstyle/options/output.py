"""The options that do not shape the picture: files a run writes, messages it prints."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nstyle.options.field import check_fields, option


@dataclass(frozen=True)
class OutputOptions:
    """Files a run writes, messages it prints. Raises OptionError for a bad value."""

    output: str = option("output/out.jpg", "result: .jpg .png .webp .tiff", metavar="FILE")
    output_dir: str | None = option(None, "folder of the result; its name comes from --output")
    save_epochs: int = option(
        50, "a snapshot beside the result every so many epochs; 0 = none", low=0
    )
    trace: str | None = option(None, "write one JSON line per epoch to FILE", metavar="FILE")
    timelapse: str | None = option(
        None, "film of the painting coming about: .mp4 (needs PyAV), .webp or .gif", metavar="FILE"
    )
    report: str | None = option(
        None,
        "write DIR/index.html: photo, style, result, snapshots, curves, options",
        metavar="DIR",
    )
    checkpoint_epochs: int = option(
        20, "a checkpoint to --resume from beside the result every so many epochs; 0 = none", low=0
    )
    keep_checkpoint: bool = option(False, "keep the checkpoint of a finished picture")
    resume: str | None = option(
        None,
        "go on with a run that was stopped, from its checkpoint, with its options",
        metavar="FILE",
    )
    quiet: bool = option(False, "say nothing but errors")
    verbose: bool = option(False, "say more")

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def path(self) -> str:
        """Path of the result."""
        if self.output_dir is None:
            return self.output
        return os.path.join(self.output_dir, os.path.basename(self.output))

    @property
    def page(self) -> str | None:
        """Path of the report, or None."""
        return os.path.join(self.report, "index.html") if self.report else None

    @property
    def checkpoint(self) -> str:
        """Path of the checkpoint: out.jpg -> out.jpg.ckpt.npz; out.png has another."""
        return f"{self.path}.ckpt.npz"

    @property
    def old_checkpoint(self) -> str:
        """Where earlier versions wrote it: out.jpg -> out.ckpt.npz, and so for out.png."""
        return os.path.splitext(self.path)[0] + ".ckpt.npz"
