"""What a manifest may hold, and what it may not; tests/fuzz/test_manifests.py tries the rest."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from gan_style.datasets import manifest as manifests
from gan_style.datasets.sources import find, survey_split
from gan_style.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """set/1.png and set/sub/2.png, and 1.png outside."""
    for name in ("set/1.png", "set/sub/2.png", "1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "set"


def refused(folder: Path, content: str | bytes, suffix: str = ".jsonl") -> str:
    """The message for a manifest."""
    path = folder / f"m{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as caught:
        find(path, "auto", "train", paired=True)
    message = str(caught.value)
    assert message.isprintable() and str(path) in message and len(message) < 1500
    return message


def row(a: object, b: object = "1.png") -> str:
    return json.dumps({"a": a, "b": b}) + "\n"


@pytest.mark.parametrize("name", ["link.png", "up/1.png", "away/1.png", "inside/../link.png", "chain.png", "sub/up2/1.png"])
def test_no_link_leads_out_of_the_folder(folder: Path, name: str) -> None:
    (folder / "link.png").symlink_to("../1.png")
    (folder / "chain.png").symlink_to("link.png")
    (folder / "up").symlink_to("..")
    (folder / "away").symlink_to(folder.parent)
    (folder / "sub" / "up2").symlink_to("../..")
    assert "leads out of the manifest's folder" in refused(folder, row(name))


def test_links_that_stay_in_the_folder_are_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "link.png").symlink_to("sub/2.png")
    (folder / "also").symlink_to(folder / "sub")
    (tmp_path / "door").symlink_to(folder)  # the folder itself may be reached by a link
    (folder / "m.jsonl").write_text(row("link.png", "also/2.png"))
    for path in (folder / "m.jsonl", tmp_path / "door" / "m.jsonl"):
        source = find(path, "auto", "train", paired=True)
        assert source is not None and source.a == ("link.png",) and source.b == ("also/2.png",)


def test_a_folder_with_a_name_like_another_is_outside(folder: Path) -> None:
    (folder.parent / "set2").mkdir()
    (folder.parent / "set2" / "1.png").touch()
    (folder / "next").symlink_to("../set2")
    assert "leads out" in refused(folder, row("next/1.png"))


@pytest.mark.parametrize(
    "name", ["a\0b.png", "\ud800.png", "x" * 5000, "d/" * 3000 + "x", "loop", "sub", ".", "1.png/2.png", "nowhere/1.png"]
)
def test_what_is_no_file_is_named_in_one_line(folder: Path, name: str) -> None:
    (folder / "loop").symlink_to("loop")
    message = refused(folder, row(name))
    assert "no such file" in message or "is no file" in message


def test_names_that_are_hard_to_write(folder: Path) -> None:
    names = ["a b.png", "two\nlines.png", "née\u2028.png", "raw\udcff.png", "comma,.png", 'quote".png']
    for name in names:
        (folder / name).touch()
    (folder / "m.jsonl").write_text("".join(row(name) for name in names))
    source = find(folder / "m.jsonl", "auto", "train", paired=True)
    assert source is not None and list(source.a) == names and source.path(source.a[3]).exists()
    names.remove("raw\udcff.png")  # CSV has no escapes, and a manifest is UTF-8
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in names]
    (folder / "m.csv").write_bytes("\r\n".join(["b,a", *(f"1.png,{name}" for name in quoted)]).encode())
    source = find(folder / "m.csv", "auto", "train", paired=True)
    assert source is not None and list(source.a) == names


WRONG = {
    "deep": ("[" * 100_000 + "]" * 100_000, ".jsonl", "not JSON"),
    "deep value": (row("1.png") + '{"split": ' + "[" * 900 + "]" * 900 + ', "a": "1.png", "b": "1.png"}', ".jsonl", "line 2: "),
    "huge number": ('{"a": ' + "9" * 10_000 + "}", ".jsonl", "not JSON"),
    "number": ('{"a": 1e999, "b": "1.png"}', ".jsonl", "float: not a path"),
    "split of no text": ('{"a": "1.png", "b": "1.png", "split": ["train"]}', ".jsonl", "split is no text"),
    "not UTF-8": (b'{"a": "\xff.png", "b": "1.png"}', ".jsonl", "line 1: cannot be read as UTF-8"),
    "not UTF-8 later": (row("1.png").encode() + b"\xff\n", ".jsonl", "line 2: cannot be read as UTF-8"),
    "UTF-16": ("a,b\n1.png,1.png\n".encode("utf-16"), ".csv", "line 1: looks like UTF-16 text; save it as UTF-8"),
    "UTF-16 without a mark": ("a,b\n1.png,1.png\n".encode("utf-16-le"), ".csv", "line 1: looks like UTF-16 text; save it as UTF-8"),
    "UTF-16 of big ends": ("a,b\n1.png,1.png\n".encode("utf-16-be"), ".csv", "line 1: looks like UTF-16 text; save it as UTF-8"),
    "objects in UTF-16": (row("1.png").encode("utf-16-le"), ".jsonl", "line 1: looks like UTF-16 text; save it as UTF-8"),
    "empty": ("", ".csv", "m.csv: is empty; begin it with a,b or a,b,split"),
    "a mark alone": ("\ufeff", ".csv", "m.csv, line 1: names neither column a nor b"),
    "more cells": (
        "a,b\n1.png,1.png\n1.png,1.png,x.png\n",
        ".csv",
        "line 3: has 3 cells, more than the 2 columns; put names with , in quotes",
    ),
    "more cells by semicolons": (
        "a;b\n1.png;1.png;;x\n",
        ".csv",
        "line 2: has 4 cells, more than the 2 columns; put names with ; in quotes",
    ),
    "large field": ("a,b\n" + "x" * 200_000 + ",1.png\n", ".csv", "line 2: not CSV"),
    "open quote": ('a,b\n"1.png,1.png\n' + "x\n" * 100_000, ".csv", "not CSV"),
    "old line ends": ("a,b\r1.png,1.png\r", ".csv", "line 1: its lines end in CR alone; save it with the line ends of this time"),
    "old line ends of a large file": ("a,b\r" + "1.png,1.png\r" * 200_000, ".csv", "line 1: its lines end in CR alone"),
    "old line ends later": ("a,b\n1.png,1.png\r1.png,1.png\n", ".csv", "line 2: its lines end in CR alone"),
    "objects with old line ends": ((row("1.png") * 2).replace("\n", "\r"), ".jsonl", "line 1: its lines end in CR alone"),
    "binary": (bytes(range(128)) * 100, ".csv", ""),
    "many empty columns": ("a,b\n1.png,1.png" + ", " * 1000 + "\n", ".csv", None),
    "too few columns": ("a,b\n1.png\n", ".csv", "line 2: has no b"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_content_is_named_in_one_line(folder: Path, name: str) -> None:
    content, suffix, message = WRONG[name]
    if message is None:
        (folder / f"m{suffix}").write_text(str(content))
        assert find(folder / f"m{suffix}", "auto", "train", paired=True) is not None
    else:
        assert message in refused(folder, content, suffix)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_split_may_have_capitals(folder: Path, suffix: str) -> None:
    rows = [("1.png", "Train"), ("1.png", " VAL "), ("sub/2.png", "TEST")]
    csv = "A,b,Split\n" + "".join(f"{name},1.png,{split}\n" for name, split in rows)
    jsonl = "".join(json.dumps({"a": name, "b": "1.png", "split": split}) + "\n" for name, split in rows)
    (folder / f"m{suffix}").write_text(csv if suffix == ".csv" else jsonl)
    for split in ("train", "val", "test"):
        source = find(folder / f"m{suffix}", "auto", split, paired=True)  # type: ignore[arg-type]
        assert source is not None and len(source.a) == 1


def test_a_manifest_has_a_largest_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "m.jsonl").open("wb") as file:
        file.truncate(manifests.MAX_BYTES + 1)
    with pytest.raises(UserError, match=r"m\.jsonl: has 1024 MB, more than the 1024 MB allowed"):
        find(folder / "m.jsonl", "auto", "train", paired=True)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_row_without_an_end_does_not_fill_the_memory(folder: Path, suffix: str) -> None:
    path = folder / f"m{suffix}"
    with path.open("wb") as file:
        file.write(b"a,b\n" if suffix == ".csv" else b"")
        file.seek(300 * 2**20)  # a hole, which reads as NULs
        file.write(b"\n")
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="more than 1048576 bytes for one row"):
            find(path, "auto", "train", paired=True)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_a_row_of_many_lines_does_not_fill_the_memory(folder: Path) -> None:
    content = "a,b\n" + '"\n",' * 400_000  # each line ends within quotes
    assert "more than 1048576 bytes for one row" in refused(folder, content, ".csv")


def test_a_million_mistakes_do_not_fill_the_memory(folder: Path) -> None:
    (folder / "m.jsonl").write_text(row("gone.png") * 20_000)
    survey = survey_split(folder / "m.jsonl", "auto", "train", paired=True)
    assert len(survey.problems) == 20_000 and len(survey.problems.lines) == 1000


def test_many_long_rows_are_fine(folder: Path) -> None:
    (folder / "m.csv").write_text("a,b,note\n" + f"1.png,1.png,{'x' * 100_000}\n" * 30)
    source = find(folder / "m.csv", "auto", "train", paired=True)
    assert source is not None and len(source.a) == 30


def test_a_manifest_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "m.csv").write_text("a,b\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"m\.csv: cannot be read \(Permission denied\)"):
        find(folder / "m.csv", "auto", "train", paired=True)


@pytest.mark.parametrize(
    ("content", "suffix", "line", "key"),
    [
        ('{"a": "1.png", "b": "1.png"}\n{"a": "1.png", "b": "1.png", "a": "sub/2.png"}\n', ".jsonl", 2, "'a'"),
        ('{"a": "1.png", "b": "1.png", "note": {"x": 1, "x": 2}}\n', ".jsonl", 1, "'x'"),
        ("a,b,a\n1.png,1.png,sub/2.png\n", ".csv", 1, "'a'"),
        ("a,b,split,split\n1.png,1.png,train,val\n", ".csv", 1, "'split'"),
    ],
)
def test_a_key_that_stands_twice_is_refused(folder: Path, content: str, suffix: str, line: int, key: str) -> None:
    assert f"m{suffix}, line {line}: names {key} twice" in refused(folder, content, suffix)


TABLES = {
    "semicolons": b"a;b;split\n1.png;sub/2.png;train\n",
    "tabs": b"a\tb\tsplit\n1.png\tsub/2.png\ttrain\n",
    "a blank after each comma": b"a, b, split\n1.png, sub/2.png, train\n",
    "blanks before and after": b"a , b ,split \n1.png , sub/2.png ,train \n",
    "quotes behind a blank": b'"a", "b"\n"1.png", "sub/2.png"\n',
    "all of it in quotes": b'"a";"b";"split"\r\n"1.png";"sub/2.png";"train"\r\n',
    "a mark of UTF-8": b"\xef\xbb\xbfa;b\r\n1.png;sub/2.png\r\n",
    "a mark of UTF-8 and quotes": b'\xef\xbb\xbf"a","b"\r\n1.png,sub/2.png\r\n',
    "capitals": b"A,B,Split\n1.png,sub/2.png,train\n",
    "empty columns": b"a,b,,\n1.png,sub/2.png,,\n",
    "empty columns before": b";a;b\n;1.png;sub/2.png\n",
    "empty rows": b"\n\na,b\n\n1.png,sub/2.png\n,\n,,\n\n",
    "rows of semicolons": b"a;b;split;\n;;;\n1.png;sub/2.png;;\n;;;\n",
    "a word for the spreadsheet": b"sep=;\r\na;b\r\n1.png;sub/2.png\r\n",
    "other columns": b"nr;b;a;remark\n7;sub/2.png;1.png;a, b\n",
    "a comma in another column": b"a\tb\tremark, more\n1.png\tsub/2.png\tx,y\n",
    "backslashes": b"a;b\r\n1.png;sub\\2.png\r\n",
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".CSV"])
@pytest.mark.parametrize("kind", TABLES)
def test_tables_as_spreadsheets_write_them(folder: Path, kind: str, suffix: str) -> None:
    path = folder / f"m{suffix}"
    path.write_bytes(TABLES[kind])
    source = find(path, "auto", "train", paired=True)
    assert source is not None and (list(source.a), list(source.b)) == (["1.png"], ["sub/2.png"])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_in_which_a_name_has_the_other_delimiters(folder: Path, delimiter: str) -> None:
    name = "x,y;z w.png".replace(delimiter, "")
    (folder / name).touch()
    (folder / "m.csv").write_text(f"a{delimiter}b\n{name}{delimiter}{name}\n")
    source = find(folder / "m.csv", "auto", "train", paired=True)
    assert source is not None and source.a == (name,)


def test_the_line_of_a_mistake_counts_empty_ones(folder: Path) -> None:
    message = refused(folder, "sep=;\n\na;b\n;;\n1.png;sub/2.png\n\ngone.png;1.png\n", ".csv")
    assert "line 7: a = gone.png: no such file" in message


def test_a_million_empty_rows_are_no_row_without_an_end(folder: Path) -> None:
    (folder / "m.csv").write_text("a;b\n1.png;sub/2.png\n" + ";\n" * 600_000)
    source = find(folder / "m.csv", "auto", "train", paired=True)
    assert source is not None and len(source.a) == 1


def test_what_is_no_table_names_what_is_missing(folder: Path) -> None:
    assert "line 1: names neither column a nor b" in refused(folder, "input;output\n1.png;1.png\n", ".csv")
    assert "names neither column a nor b" in refused(folder, "\n", ".csv")
    assert "CSV UTF-8" in refused(folder, "a;b\n1.png;ä.png\n".encode("cp1252"), ".csv")
    assert "CSV UTF-8" in refused(folder, "a\tb\n1.png\t1.png\n".encode("utf-16"), ".csv")
    assert "names 'a' twice" in refused(folder, "A;a;b\n1.png;1.png;1.png\n", ".csv")
