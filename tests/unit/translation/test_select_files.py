"""Which files are translated, and where their results go."""

import glob
import os
import subprocess
from pathlib import Path

import pytest

from gan_style.errors import UserError
from gan_style.files.walking import MAX_DEPTH
from gan_style.translation.inputs import Job, select


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def pairs(inputs: list[str], output: str = "out", format: str = "png") -> list[tuple[str, str]]:
    return [(str(job.source), str(job.target)) for job in select(inputs, Path(output), format).jobs]


def test_a_folder_keeps_its_tree_and_names_what_is_left_out() -> None:
    touch("in/b.jpg", "in/deep/er/a.PNG", "in/notes.txt", "in/.hidden.png", "in/.cache/x.png", "in/two.dots.tif", "in/Thumbs.db")
    selection = select(["in"], Path("out"), "png")
    assert selection.jobs == [
        Job(Path("in/b.jpg"), Path("out/b.png")),
        Job(Path("in/two.dots.tif"), Path("out/two.dots.png")),
        Job(Path("in/deep/er/a.PNG"), Path("out/deep/er/a.png")),
    ]
    assert (len(selection.others), selection.hidden, selection.duplicates) == (1, 2, 0)
    assert selection.left_out() == "1 .txt, 2 hidden"


def test_files_take_their_name_alone() -> None:
    touch("some/where/a.jpg", "b.png", "odd", ".dot.png")
    assert pairs(["some/where/a.jpg", "b.png", "odd", ".dot.png"]) == [
        ("some/where/a.jpg", "out/a.png"),
        ("b.png", "out/b.png"),
        ("odd", "out/odd.png"),
        (".dot.png", "out/.dot.png"),
    ]


@pytest.mark.parametrize(
    ("format", "name"), [("png", "a.b.png"), ("jpg", "a.b.jpg"), ("webp", "a.b.webp"), ("tiff", "a.b.tiff"), ("keep", "a.b.BMP")]
)
def test_formats(format: str, name: str) -> None:
    touch("in/a.b.BMP")
    assert pairs(["in"], format=format) == [("in/a.b.BMP", f"out/{name}")]


@pytest.mark.parametrize(("name", "result"), [("a.gif", "a.png"), ("a.AVIF", "a.png"), ("odd", "odd.png"), ("a.jfif", "a.jfif")])
def test_what_is_read_but_not_written_becomes_png_where_formats_are_kept(name: str, result: str) -> None:
    touch(name)
    assert pairs([name], format="keep") == [(name, f"out/{result}")]


def test_globs_keep_the_tree_below_their_fixed_part() -> None:
    touch("in/x/val/1.jpg", "in/y/val/1.jpg", "in/y/train/1.jpg", "in/y/val/1.txt", "in/[odd].png", "in/z.png/inner.png")
    assert pairs(["in/*/val/*"]) == [("in/x/val/1.jpg", "out/x/val/1.png"), ("in/y/val/1.jpg", "out/y/val/1.png")]
    assert pairs(["in/**/1.jpg"])[0] == ("in/x/val/1.jpg", "out/x/val/1.png") and len(pairs(["in/**/1.jpg"])) == 3
    assert pairs(["in/[odd].png"]) == [("in/[odd].png", "out/[odd].png")], "a file with such a name is meant itself"
    assert pairs(["in/*.png"]) == [("in/[odd].png", "out/[odd].png")], "folders do not match"
    assert select(["in/y/val/*"], Path("out"), "png").others.words() == "1 .txt"


def test_the_same_picture_is_translated_once() -> None:
    touch("in/a.png", "in/b.png")
    selection = select(["in", "in/a.png", "in/../in/b.png", "in/*.png"], Path("out"), "png")
    assert [str(job.target) for job in selection.jobs] == ["out/a.png", "out/b.png"]
    assert selection.duplicates == 4 and selection.left_out() == "4 named twice"
    Path("in/c.png").symlink_to("a.png")
    assert len(pairs(["in"])) == 3, "another name is another picture"


def test_two_pictures_with_one_output() -> None:
    touch("in/a.png", "in/a.jpg", "x/1.png", "y/1.png")
    with pytest.raises(UserError, match=r"^in/a\.jpg and in/a\.png would both become out/a\.png; .*--format keep"):
        select(["in"], Path("out"), "png")
    assert len(pairs(["in"], format="keep")) == 2
    with pytest.raises(UserError, match=r"x/1\.png and y/1\.png would both become out/1\.png"):
        select(["x", "y"], Path("out"), "png")


def test_results_are_no_inputs() -> None:
    touch("in/a.png", "in/out/a.png", "in/out/b.png", "in/outer/c.png")
    assert pairs(["in"], "in/out") == [("in/a.png", "in/out/a.png"), ("in/outer/c.png", "in/out/outer/c.png")]
    assert pairs(["in/**"], "in/out") == [("in/a.png", "in/out/a.png"), ("in/outer/c.png", "in/out/outer/c.png")]
    assert pairs(["in"], "in/../in/out")[0][0] == "in/a.png"
    Path("link").symlink_to("in/out")
    assert len(pairs(["in"], "link")) == 2
    assert len(pairs(["in/out"], "in")) == 2, "an input folder inside the output folder is what was asked for"


def test_no_result_replaces_an_input() -> None:
    touch("in/a.png", "in/b.jpg", "in/in/a.png")
    for output in ("in", "./in", "in/."):
        with pytest.raises(UserError, match="--output in: is the input folder itself"):
            select(["in"], Path(output), "png")
    with pytest.raises(UserError, match=r"the result of in/a\.png would replace the input in/a\.png"):
        select(["in/a.png"], Path("in"), "png")
    with pytest.raises(UserError, match=r"would replace the input in/in/a\.png"):
        select(["in/in/a.png"], Path("in/in"), "png")
    assert pairs(["in/b.jpg"], "in") == [("in/b.jpg", "in/b.png")]
    touch("o/in/in/x.png", "o/in/x.png")
    with pytest.raises(UserError, match=r"the result of o/in/in/x\.png would replace the input o/in/x\.png"):
        select(["o/in"], Path("o"), "png")


def test_loops_end() -> None:
    touch("in/a.png", "elsewhere/b.png")
    Path("in/again").symlink_to("../in")
    Path("in/other").symlink_to("../elsewhere")
    assert pairs(["in"]) == [("in/a.png", "out/a.png"), ("in/other/b.png", "out/other/b.png")]


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        (["nowhere"], "--input nowhere: no such"),
        (["in", "in/x.png"], "--input in/x.png: no such"),
        (["empty"], "--input empty: no images"),
        (["in/*.tif"], r"--input in/\*\.tif: no images"),
    ],
)
def test_inputs_that_are_not_there(inputs: list[str], named: str) -> None:
    touch("in/a.png", "empty/notes.txt")
    with pytest.raises(UserError, match=named):
        select(inputs, Path("out"), "png")


def test_output_is_a_file() -> None:
    touch("in/a.png", "out")
    with pytest.raises(UserError, match="--output out: a file"):
        select(["in"], Path("out"), "png")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read() -> None:
    touch("in/a.png", "in/locked/b.png")
    Path("in/locked").chmod(0)
    try:
        with pytest.raises(UserError, match=r"in/locked: cannot be read"):
            select(["in"], Path("out"), "png")
    finally:
        Path("in/locked").chmod(0o700)


def test_links_that_lead_back_up_do_not_multiply_what_a_glob_visits() -> None:
    touch("in/a/1.png", "in/a/b/2.png")
    for number in range(3):  # each path of up to forty of them is another name for the same folder
        Path(f"in/a/up{number}").symlink_to("..")
    assert pairs(["in/**/*.png"]) == [("in/a/1.png", "out/a/1.png"), ("in/a/b/2.png", "out/a/b/2.png")]
    assert pairs(["in/**/**/b/**"]) == [("in/a/b/2.png", "out/a/b/2.png")]


@pytest.mark.parametrize(
    "pattern", ["in/**/1.png", "**/1.png", "./**/in/*.png", "in/**", "**/*.p?g", "in/*/**/1.png", "{here}/in/**/*.png"]
)
def test_stars_for_folders_match_what_glob_matches(pattern: str) -> None:
    touch("in/1.png", "in/x/1.png", "in/x/y/1.png", "in/x/y/2.jpg", "in/.hidden/1.png", "in/x/.y.png", "in/[a]/1.png")
    pattern = pattern.replace("{here}", str(Path.cwd()))
    expected = {os.path.normpath(match) for match in glob.glob(pattern, recursive=True) if os.path.isfile(match)}  # noqa: PTH113, PTH207
    jobs = select([pattern], Path("out"), "png").jobs
    assert {os.path.normpath(job.source) for job in jobs} == {match for match in expected if not match.startswith("out")}


def test_folders_nested_deeper_than_anyone_means() -> None:
    for depth in (MAX_DEPTH, 1100):  # the second is deeper than Python's own walk can go
        subprocess.run(["mkdir", "-p", f"in{depth}" + "/d" * depth], check=True)
    touch(f"in{MAX_DEPTH}" + "/d" * MAX_DEPTH + "/1.png")
    for pattern in ("", "/**/*.png"):
        assert len(pairs([f"in{MAX_DEPTH}{pattern}"])) == 1
        with pytest.raises(UserError, match=r"^in1100/?: has folders nested more than 100 deep"):
            select([f"in1100{pattern}"], Path("out"), "png")
    subprocess.run(["rm", "-r", "in1100"], check=True)  # shutil.rmtree would stumble


def test_a_match_whose_path_is_too_long() -> None:
    start, folder = Path.cwd(), "d" * 250
    for _ in range(17):
        Path(folder).mkdir()
        os.chdir(folder)
    touch("1.png")
    os.chdir(start)
    with pytest.raises(UserError, match="no images"):
        select([f"{'*/' * 17}*.png"], Path("out"), "png")
    with pytest.raises(UserError, match="File name too long"):
        select(["."], Path("out"), "png")
    subprocess.run(["rm", "-r", folder], check=True)
