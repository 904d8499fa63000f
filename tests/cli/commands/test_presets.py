"""`nstyle presets`: every recipe with what it changes and why."""

from __future__ import annotations

import dataclasses
import json

from nstyle.cli.main import main
from nstyle.options import presets
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions


def test_every_preset_is_listed_with_its_differences_and_their_reasons(capsys):
    assert main(["presets"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    usual = {**dataclasses.asdict(Options()), **dataclasses.asdict(OutputOptions())}
    lines = out.splitlines()
    for name, preset in presets.PRESETS.items():
        start = lines.index(f"{name} - {preset.about}")
        shown = lines[start + 1 : start + 1 + len(preset.values)]
        for line, (field, (value, reason)) in zip(shown, preset.values.items()):
            assert line.startswith(f"  {field} = {value} ")
            assert line.endswith(f"  (default {usual[field]})  # {reason}")


def test_the_same_as_json(capsys):
    assert main(["presets", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert list(table) == list(presets.PRESETS)
    assert table["mxnet"]["about"] == presets.PRESETS["mxnet"].about
    momentum = table["mxnet"]["values"]["momentum"]
    assert (momentum["value"], momentum["default"]) == (0.9, 0.8)
    assert momentum["reason"]


def test_a_preset_without_differences_is_a_line(monkeypatch, capsys):
    monkeypatch.setitem(presets.PRESETS, "plain", presets.Preset("as it is", {}))
    assert main(["presets"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "plain - as it is"
