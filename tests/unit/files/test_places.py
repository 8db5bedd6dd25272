"""`~` and `${VAR}` are what they stand for, or a mistake, never the name of a folder."""

from pathlib import Path

import pytest

from gan_style.files.places import expanded


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/data/sets")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("NOPE", raising=False)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("~", "/home/me"),
        ("~/runs/x", "/home/me/runs/x"),
        ("~/runs//x/", "/home/me/runs//x/"),
        ("~root/x", f"{Path('~root').expanduser()}/x"),
        ("${DATA}/pairs", "/data/sets/pairs"),
        ("a${DATA}b${EMPTY}", "a/data/setsb"),
        ("s3://${DATA}/~", "s3:///data/sets/~"),
        ("./~", "./~"),
        ("runs/~/x", "runs/~/x"),
        ("$DATA", "$DATA"),
        ("a$b$", "a$b$"),
        ("{DATA}", "{DATA}"),
        ("", ""),
        ("imagenet", "imagenet"),
        ("café 猫", "café 猫"),
    ],
)
def test_what_a_path_stands_for(text: str, place: str) -> None:
    assert expanded(text) == place
    assert expanded(place) == place  # as it is written into a run's config.yaml and read again


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${NOPE}", "the environment variable NOPE is not set"),
        ("a/${DATA}/${NOPE}/b", "the environment variable NOPE is not set"),
        ("${}", "'${}' is no environment variable"),
        ("${DATA:-x}", "'${DATA:-x}' is no environment variable"),
        ("${optim.lr}", "'${optim.lr}' is no environment variable"),
        ("${DATA", "'${DATA' is no environment variable"),
        ("~no-such-user/x", "there is no user 'no-such-user'; write ./~no-such-user/x"),
        ("~\ud800", "there is no user"),
    ],
)
def test_what_stands_for_nothing(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        expanded(text)
    assert str(caught.value).startswith(f"{text}: {words}") and "\n" not in str(caught.value)
