"""Flags from the fields of options, and back."""

from __future__ import annotations

import argparse
import dataclasses

import pytest

from nstyle.cli.flags import add_fields, parse_set, split_options
from nstyle.cli.main import main
from nstyle.errors import OptionError
from nstyle.options.field import as_words
from nstyle.options.options import Options
from nstyle.options.output import OutputOptions


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_fields(parser, Options)
    add_fields(parser, OutputOptions)
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args(words)


def test_every_field_with_a_flag_has_it():
    text = argparse.ArgumentParser()
    add_fields(text, Options)
    known = text._option_string_actions
    for entry in dataclasses.fields(Options):
        named = entry.metadata["flags"] != ()
        assert ("--" + entry.name.replace("_", "-") in known) == named


def test_help_can_tell_another_default():
    parser = argparse.ArgumentParser()
    add_fields(parser, Options, ("lr_sched_delay", "seed"), {"seed": 7})
    text = parser.format_help()
    assert "(default: 7)" in text and f"(default: {Options().lr_sched_delay})" in text


def test_only_what_is_typed_is_given():
    assert split_options(parse()) == ({}, {})
    typed, delivery = split_options(parse("--lr", "0.2", "--quiet", "--enlarge"))
    assert typed == {"lr": "0.2", "enlarge": True}
    assert delivery == {"quiet": True}


def test_set_wins_and_reaches_delivery_too():
    args = parse("--lr", "0.2", "--set", "lr=0.3", "--set", "save-epochs=7")
    assert split_options(args) == ({"lr": "0.3"}, {"save_epochs": "7"})


def test_set_does_not_reach_what_a_command_does_not_have():
    given = parse("--set", "lr=0.3", "--set", "output-dir=x")
    assert split_options(given, ways=("output_dir",)) == ({"lr": "0.3"}, {"output_dir": "x"})
    with pytest.raises(OptionError, match="--set output_dir: means nothing to this command"):
        split_options(given, ways=("quiet",))


@pytest.mark.parametrize("command", [["batch"], ["video", "--content-video", "x"], ["sheet"]])
def test_commands_refuse_by_set_what_they_have_no_flag_for(capsys, command):
    assert main([*command, "--set", "save-epochs=5"]) == 2
    line = "nstyle: error: --set save_epochs: means nothing to this"
    assert capsys.readouterr().err.startswith(line)


def test_set_keeps_what_comes_after_the_first_equals_sign():
    assert parse_set(["a-b = c=d "]) == {"a_b": "c=d"}
    with pytest.raises(OptionError, match="NAME=VALUE"):
        parse_set(["momentum"])


def test_values_become_words_again():
    values = {"lr": "0.2", "momentum": 0.5, "enlarge": True, "clamp": "no", "size": "x400"}
    assert as_words(Options, values) == [
        "--lr", "0.2", "--set", "momentum=0.5", "--enlarge", "--set", "clamp=no", "--size", "x400"
    ]  # fmt: skip
