"""Files of jobs: CSV and JSON lines; every error names its line."""

from __future__ import annotations

import pytest

from nstyle.batch import job_file
from nstyle.errors import OptionError


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(text: str, encoding: str = "utf-8") -> list[tuple[str, dict]]:
        (tmp_path / "jobs").write_bytes(text.encode(encoding))
        return [tuple(row) for row in job_file.read("jobs")]

    return call


CSV = """Content-Image,style_image,lr,--stop-eps

a.jpg,s.jpg;t.jpg,0.2,
"b, c.jpg", s.jpg ,,0.1
"""


def test_csv_by_the_names_of_the_options_without_empty_cells(read):
    assert read(CSV) == [
        (
            "jobs, line 3",
            {"content_image": "a.jpg", "style_image": ["s.jpg", "t.jpg"], "lr": "0.2"},
        ),
        (
            "jobs, line 4",
            {"content_image": "b, c.jpg", "style_image": ["s.jpg"], "stop_eps": "0.1"},
        ),
    ]


def test_json_lines_keep_their_kinds(read):
    text = '{"style-image": ["s.jpg", "t.jpg"], "lr": 0.2, "enlarge": true, "size": null}\n\n'
    values = {"style_image": ["s.jpg", "t.jpg"], "lr": 0.2, "enlarge": True}
    assert read(text) == [("jobs, line 1", values)]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_a_byte_order_mark_and_cells_over_several_lines(read, separator):
    text = "content_image;style_image;lr\r\na.jpg;s.jpg;0.2\r\n".replace(";", separator)
    values = {"content_image": "a.jpg", "style_image": ["s.jpg"], "lr": "0.2"}
    assert read(text, "utf-8-sig") == [("jobs, line 2", values)]
    assert read('style_image,lr\n"s\n.jpg",1\nt.jpg,2\n')[1][0] == "jobs, line 4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"lr": 1}\n{"lr": \n', "jobs, line 2: is not JSON"),
        ('{"lr": 1}\n\n[1]\n', "jobs, line 3: is not {...}"),
        ('{"lr": ' + "[" * 200_000, "jobs, line 1: is not JSON"),
        ('{"lr": ' + "9" * 5000 + "}", "jobs, line 1: is not JSON"),
        ("lr,seed\n1,2,3\n", "jobs, line 2: has 3 cells, the header 2"),
        ("lr,,seed\n1,2,3\n", "jobs, line 1: the column '' has no name"),
        ("lr,lr\n1,2\n", "jobs, line 1: the column 'lr' has no name of its own"),
        ('lr\n"1\n', "jobs, line 2: is not CSV"),
        ("", "--jobs jobs: holds no job"),
        ("lr\n", "--jobs jobs: holds no job"),
    ],
)
def test_errors_name_the_line(read, text, says):
    with pytest.raises(OptionError) as refused:
        read(text)
    assert says in str(refused.value) and "\n" not in str(refused.value)


def test_what_cannot_be_read_is_refused(read, tmp_path):
    with pytest.raises(OptionError, match=r"--jobs none.csv: cannot be read \(No such file"):
        job_file.read("none.csv")
    with pytest.raises(OptionError, match="it is no UTF-8 text"):
        read("lr\nä\n", "latin-1")
