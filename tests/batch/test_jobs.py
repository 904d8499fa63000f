"""What is asked for: photos times styles, rows of a file, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nstyle.batch import jobs
from nstyle.batch.jobs import JobRequest
from nstyle.errors import OptionError
from nstyle.options.options import Options

PATTERN = "{content}_{style}.jpg"
NAMED = {"content_image": "in/a photo.jpeg", "style_image": ["s.jpg", "styles/t.png"]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for name in ("photos/a.jpg", "photos/b.png", "s.jpg", "t.jpg", "start.png"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def request(preset: Any = None, options: Any = (), **pictures: Any) -> JobRequest:
    return JobRequest(pictures, dict(options), preset, PATTERN)


def test_every_photo_in_every_style_with_the_options_and_the_preset(folder):
    pictures = {"content_image": ["photos", "s.jpg"], "style_image": ["?.jpg"]}
    planned = jobs.of_words(request("fast", {"lr": "0.2"}, **pictures))
    assert [job.output for job in planned] == [
        "a_s.jpg", "a_t.jpg", "b_s.jpg", "b_t.jpg", "s_s.jpg", "s_t.jpg"
    ]  # fmt: skip
    assert planned[1].pictures == {"content_image": "photos/a.jpg", "style_image": ["t.jpg"]}
    assert {(job.options.lr, job.preset) for job in planned} == {(0.2, "fast")}


def test_masks_of_the_photo_are_for_all_and_those_of_the_styles_one_for_each(folder):
    masks = {"content_mask": "m.png", "keep_mask": "k.png", "style_mask": ["#ff0000", "n.png"]}
    pictures = {"content_image": ["photos/a.jpg"], "style_image": ["s.jpg", "t.jpg"], **masks}
    one, two = (job.pictures for job in jobs.of_words(request(**pictures)))
    assert (one["style_mask"], two["style_mask"]) == (["#ff0000"], ["n.png"])
    assert one["content_mask"] == two["content_mask"] == "m.png"
    assert one["keep_mask"] == two["keep_mask"] == "k.png"
    with pytest.raises(OptionError, match="--style-mask: 2 given, --style-image: 1"):
        jobs.of_words(request(**{**pictures, "style_image": ["s.jpg"]}))


@pytest.mark.parametrize(
    ("pictures", "options", "text"),
    [
        ({"style_image": ["s.jpg"]}, {}, "--content-image: none was given"),
        ({"content_image": ["photos"]}, {}, "--style-image: none was given"),
        ({"content_image": ["*.gif"], "style_image": ["s.jpg"]}, {}, "no file matches"),
        ({"content_image": ["photos"], "style_image": ["s.jpg"]}, {"lr": "x"}, "--lr"),
    ],
)
def test_bad_words_are_refused(folder, pictures, options, text):
    with pytest.raises(OptionError, match=text):
        jobs.of_words(request(None, options, **pictures))
    with pytest.raises(OptionError, match="-image: cannot be beside --jobs"):
        rows("style_image\ns.jpg\n", **pictures)


def test_textures_need_no_photo(folder):
    options = {"content_weight": 0, "size": "64x48"}
    planned = jobs.of_words(request(None, options, style_image=["s.jpg", "t.jpg"]))
    assert [job.output for job in planned] == ["texture_s.jpg", "texture_t.jpg"]
    jobs.check(planned)


# ---- names ----


def named(pattern: str, *outputs: str) -> list[str]:
    """Names of jobs that have these names of their own, or "" for the pattern's."""
    options = Options(seed=7, weights="some/where.params")
    planned = [jobs.Job(NAMED, options, "fast", output) for output in outputs]
    return [job.output for job in jobs.named(planned, pattern)]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{content}_{style}.jpg", "a photo_s+t.jpg"),
        ("{style}/{content}.png", "s+t/a photo.png"),
        ("{content}_{lr}_{seed:03d}{preset}.tiff", "a photo_0.1_007fast.tiff"),
        ("{content}_{weights}.jpg", "a photo_some_where.params.jpg"),
    ],
)
def test_a_pattern_is_filled_in(pattern, name):
    assert named(pattern, "") == [name]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{contnt}.jpg", "{contnt} is none of content, style"),
        ("{content.__class__}.jpg", "{content.__class__} is none of"),
        ("{content", "expected '}'"),
        ("{content:d}.jpg", "Unknown format code"),
        ("{content:{style.foo}}.png", "':{style.foo}' cannot be"),
        ("{content:>9999999999}.png", "':>9999999999' cannot be; write e.g. {seed:03d}"),
        ("{content:>300}.png", "is too long; a name has at most 255 bytes"),
        ("{content}/" * 300 + "a.png", "is too long"),
        ("{seed:c}{max_pixels:c}.png", "not in range"),
        ("{seed!q}.png", "--name"),
        ("../{content}.jpg", "'../a photo.jpg': is no file inside --output-dir"),
        ("/{content}.jpg", "is no file inside --output-dir"),
    ],
)
def test_bad_patterns_are_refused_in_one_line(pattern, text):
    with pytest.raises(OptionError) as refused:
        named(pattern, "")
    assert text in str(refused.value) and str(refused.value).startswith("--name")


def test_what_the_user_gave_stays_and_is_given_once_and_the_others_are_numbered():
    assert named("a.jpg", "", "A_2.jpg", "", "b.jpg", "a.JPG") == [
        "a_3.jpg", "A_2.jpg", "a_4.jpg", "b.jpg", "a.JPG"
    ]  # fmt: skip
    with pytest.raises(OptionError, match=r"output: A\.jpg is given to two jobs"):
        named("x.jpg", "a.jpg", "A.jpg")


# ---- files of jobs ----


def rows(text: str, **more: Any) -> list[jobs.Job]:
    Path("jobs.csv").write_text(text, encoding="utf-8")
    return jobs.of_file("jobs.csv", request(**more))


def test_any_option_in_any_row_over_those_that_were_typed(folder):
    text = (
        "content_image,style_image,style_blend,lr,preset,output\n"
        'photos/a.jpg,s.jpg;t.jpg,"3,1",0.3,,\n'
        "photos/b.png,t.jpg,,,fast,sub/own.png\n"
    )
    first, second = rows(text, options={"lr": 0.2, "seed": 5})
    assert first.pictures["style_image"] == ["s.jpg", "t.jpg"]
    assert (first.options.lr, first.options.style_blend, first.options.seed) == (0.3, "3,1", 5)
    assert (second.options.lr, second.preset, second.output) == (0.2, "fast", "sub/own.png")
    assert (first.output, first.where) == ("a_s+t.jpg", "jobs.csv, line 2")
    jobs.check([first, second])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("style_image,lr\ns.jpg,1\ns.jpg,x\n", "jobs.csv, line 3: --lr: 'x' is not a number"),
        ("style_image,rl\ns.jpg,1\n", "jobs.csv, line 2: no option 'rl'; there are "),
        ("style_image,threads\ns.jpg,1\n", "line 2: threads: is the same for all jobs"),
        ("content_image,lr\na.jpg,1\n", "line 2: style_image: names no painting"),
        ("style_image,preset\ns.jpg,fats\n", "line 2: --preset: 'fats' is none of"),
        ("style_image,output\ns.jpg,../x.jpg\n", "line 2: output '../x.jpg': is no file inside"),
        ('{"style_image": "s.jpg", "lr": []}', "line 1: lr: [] cannot be; give one word or number"),
        ('{"style_image": "s.jpg", "lr": true}', "line 1: lr: true cannot be; give one word"),
        ('{"style_image": "s.jpg", "size": {}}', "line 1: size: {} cannot be; give one word"),
        ('{"style_image": "s.jpg", "preset": ["fast"]}', 'line 1: preset: ["fast"] is no text'),
        ('{"style_image": "s.jpg", "output": 5}', "line 1: output: 5 is no text; give one in"),
        ('{"style_image": "s.jpg", "content_image": ["a.jpg"]}', 'content_image: ["a.jpg"] is no'),
        ('{"style_image": "s.jpg", "keep_mask": true}', "line 1: keep_mask: true is no text"),
        ('{"style_image": ["s.jpg", 5]}', "line 1: style_image: 5 is no text"),
        ('{"style_image": {"a": 1}}', 'line 1: style_image: {"a": 1} is no text'),
        ('{"style_image": []}', "line 1: style_image: names no painting"),
        ('{"style_image": "a\\u0000b"}', "line 1: style_image 'a\\x00b': has letters that no file"),
        ('{"style_image": "s.jpg", "init": "\\ud800"}', "line 1: init '\\ud800': has letters"),
        ('{"style_image": "s.jpg", "output": "\\udfff.png"}', "line 1: output '\\udfff.png': has"),
        ("style_image,output\ns.jpg," + "a/" * 3000 + "b.png\n", "line 2: output 'a/"),
        ('{"style_image": "s.jpg", "lr": ' + "[" * 900 + "]" * 900 + "}", "line 1: lr: "),
    ],
)
def test_bad_rows_are_refused_by_their_line(folder, text, says):
    with pytest.raises(OptionError) as refused:
        rows(text)
    assert says in str(refused.value)


def test_in_json_a_blend_may_be_a_list_and_a_name_holds_what_it_will(folder):
    (folder / "b;c.jpg").write_bytes(b"b")
    styles = '"content_image": "b;c.jpg", "style_image": '
    several, one = rows(
        f'{{{styles}["b;c.jpg", "t.jpg"], "style_blend": [3, 1], "enlarge": true}}\n'
        f'{{{styles}"b;c.jpg"}}\n'
    )
    assert several.pictures["style_image"] == ["b;c.jpg", "t.jpg"]
    assert several.options.style_blend == "3,1" and several.options.enlarge is True
    assert one.pictures == {"content_image": "b;c.jpg", "style_image": ["b;c.jpg"]}
    jobs.check([several, one])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("style_image\ns.jpg\n", "line 2: --content-image: none was given"),
        ("content_image,style_image,style_blend\na,s.jpg,1;2\n", "--style-blend"),
        ("content_image,style_image,content_layers\na,s.jpg,relu9_1\n", "did you mean 'relu"),
        ("content_image,style_image,style_mask\na,s.jpg,m.png\n", "--style-mask: needs"),
        ("content_image,style_image,weights\na,s.jpg,s.jpg\n", "line 2: --weights s.jpg: not an"),
    ],
)
def test_what_needs_no_picture_to_be_refused_is_refused_by_its_line(folder, text, says):
    with pytest.raises(OptionError) as refused:
        jobs.check(rows(text))
    assert says in str(refused.value) and "jobs.csv, line 2: " in str(refused.value)


# ---- files ----


def test_every_file_that_is_read(folder):
    pictures = {
        "content_image": "a.jpg",
        "style_image": ["s.jpg", "t.jpg"],
        "style_mask": ["#ff0000", "m.png"],
    }
    options = Options(init="start.png", weights="vgg.params")
    assert jobs.files_of(jobs.Job(pictures, options, None, "x.jpg")) == {
        "content_image": "a.jpg",
        "style_image 1": "s.jpg",
        "style_image 2": "t.jpg",
        "style_mask 2": "m.png",
        "init": "start.png",
        "weights": "vgg.params",
    }
    assert jobs.files_of(jobs.Job({}, Options(), None, "x.jpg"))["weights"].endswith("slim.params")


def test_results_never_become_inputs(folder):
    def check(photos: list[str], out: str) -> None:
        planned = jobs.of_words(request(content_image=photos, style_image=["s.jpg"]))
        jobs.check_places(planned, out, photos)

    check(["photos"], "out")
    check(["photos/a.jpg"], "photos")
    for photos in (["photos"], ["photos/*.jpg"]):
        with pytest.raises(OptionError, match="--output-dir: photos holds the photos"):
            check(photos, "photos")
    (folder / "photos" / "b_s.jpg").write_bytes(b"")
    with pytest.raises(OptionError, match=r"photos/b_s\.jpg is one of the inputs"):
        check(["photos/b.png", "photos/b_s.jpg"], "photos")
