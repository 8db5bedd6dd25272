"""References to the hub, and fetching what they name: one commit, bounded files, the cache without a network, mistakes in one line."""

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import TOKEN, Hub, Repository, running_hub
from tiny_bundles import tiny_bundle

from gan_style.bundles import hub as rooms
from gan_style.bundles.file import load_bundle
from gan_style.bundles.hub import Reference, reference
from gan_style.bundles.place import find_bundle
from gan_style.errors import UserError

A2B, B2A = "bundles/a2b.safetensors", "bundles/b2a.safetensors"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("bundles")
    return {
        f"bundles/{way}.safetensors": tiny_bundle(folder / way, direction=way, seed=seed).read_bytes()
        for seed, way in enumerate(("a2b", "b2a"))
    }


@pytest.fixture
def hub(bundles: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the model me/horses of both directions, tagged v1."""
    with running_hub() as running:
        horses = running.repositories["models", "me/horses"] = Repository()
        horses.refs["v1"] = horses.commit(bundles)
        yield running.use(monkeypatch, tmp_path / "cache")


def fetch(text: str, direction: str | None = None) -> Path:
    return find_bundle("--model", Path(text), direction)


def mistake(text: str, direction: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        fetch(text, direction)
    assert "\n" not in str(caught.value) and TOKEN not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://me/horses", Reference("me/horses")),
        ("me/horses", Reference("me/horses")),
        ("hf://me/horses@v1.0", Reference("me/horses", "v1.0")),
        ("hf://me/horses@refs%2Fpr%2F3", Reference("me/horses", "refs/pr/3")),
        ("hf://a/b/bundles/best_a2b.safetensors", Reference("a/b", None, "bundles/best_a2b.safetensors")),
        ("hf://a/b@main/x.safetensors", Reference("a/b", "main", "x.safetensors")),
    ],
)
def test_what_a_reference_names(text: str, expected: Reference) -> None:
    found = reference("--model", text)
    assert found == expected and reference("--model", str(found)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hf://me",
        "hf:///horses",
        "hf://me/../etc",
        "hf://me/horses@",
        "hf://me/horses@../../x",
        "hf://me/horses@a%2F..%2Fb",
        "hf://me/horses@%2Fa",
        "hf://me/horses@a%2F%2Fb",
        "hf://me/horses/weights.pth",
        "hf://me/horses/../x.safetensors",
        "hf://me/horses/.hidden/x.safetensors",
        "hf://me/ho rses",
        "hf://me/horses.git",
        "hf://-me/horses",
        "hf://me/horses@v\n1",
        f"hf://me/{'x' * 200}",
    ],
)
def test_a_text_that_names_nothing_is_refused_before_anyone_is_asked(text: str, hub: Hub) -> None:
    with pytest.raises(UserError, match=r"(?s)^--model .*: names nothing on the hub; write hf://USER/NAME"):
        reference("--model", text)
    assert hub.requests == []


def test_a_bundle_comes_from_the_commit_that_is_told(hub: Hub, bundles: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    commit = hub.model("me/horses").refs["v1"]
    for text, direction, name in (
        ("hf://me/horses", None, A2B),
        ("hf://me/horses@v1", "b2a", B2A),
        (f"hf://me/horses@{commit}/{B2A}", None, B2A),
    ):
        path = fetch(text, direction)
        assert path.read_bytes() == bundles[name] and commit in path.parts
        assert load_bundle(path)[0].direction == name[8:11]
        assert f": commit {commit}" in capsys.readouterr().out


def test_a_branch_that_moves_is_followed_and_a_commit_is_not(hub: Hub, bundles: dict[str, bytes]) -> None:
    horses = hub.model("me/horses")
    first, old = horses.refs["v1"], fetch("hf://me/horses")
    new = horses.commit({A2B: bundles[B2A]}, message="better")
    assert new in fetch("hf://me/horses").parts and fetch("hf://me/horses").read_bytes() == bundles[B2A]
    assert fetch("hf://me/horses@v1") == old and fetch(f"hf://me/horses@{first}") == old


def test_a_commit_that_the_cache_has_needs_no_hub(hub: Hub) -> None:
    commit = hub.model("me/horses").refs["v1"]
    path = fetch(f"hf://me/horses@{commit}")
    hub.requests.clear()
    assert fetch(f"hf://me/horses@{commit}") == path and hub.requests == []


@pytest.mark.parametrize("why", ["offline", "down", "gone"])
def test_without_the_hub_the_cached_bundle_is_used_and_told(
    hub: Hub, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    path = fetch("hf://me/horses@v1")
    capsys.readouterr()
    if why == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    elif why == "down":
        hub.faults["GET /api/models/.*"] = (503, "", "down")
    else:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert fetch("hf://me/horses@v1") == path
    words = {"offline": "HF_HUB_OFFLINE is set", "down": "it answers 503", "gone": "ConnectError: "}[why]
    out = capsys.readouterr().out
    assert out.startswith(f"hf://me/horses@v1: commit {path.parts[-3]}, from the cache ({words}") and out.count("\n") == 1
    assert "and the cache has none of its files; check the network" in mistake("hf://me/horses@v2")
    assert mistake("hf://me/horses@v1", "b2a").startswith("--model hf://me/horses@v1: no bundles/b2a.safetensors; it has bundles/a2b")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hf://me/nothing", "is not there, or is private: check the name, or log in (hf auth login, or HF_TOKEN)"),
        ("hf://me/horses@v9", "has no such revision: name a branch, a tag or a commit of it"),
        ("hf://me/horses/other.safetensors", f"no other.safetensors; it has {A2B}, {B2A}"),
        ("hf://me/empty", "no bundles/a2b.safetensors or b2a; it has no bundle at all"),
        ("hf://me/gated", "is gated: ask for access on its page, then log in"),
    ],
)
def test_what_is_not_there(hub: Hub, bundles: dict[str, bytes], text: str, words: str) -> None:
    for name, gated in (("empty", False), ("gated", True)):
        hub.repositories["models", f"me/{name}"] = Repository(gated=gated)
        hub.model(f"me/{name}").commit(bundles if gated else {"README.md": b"#"})
    assert words in mistake(text) and mistake(text).startswith(f"--model {text}: ")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ((401, "", "Invalid credentials"), "the hub knows no such token, or there is none: log in (hf auth login, or HF_TOKEN)"),
        ((401, "RepoNotFound", ""), "is not there, or is private"),
        ((403, "", "no"), "the token may not read here: log in with one that may"),
        ((404, "", ""), "the hub refuses with status 404"),
        ((429, "", ""), "too many requests: wait some minutes"),
        ((418, "", "short\nand stout" + "x" * 5000), "the hub refuses with status 418 (short"),
        ((500, "", ""), "the hub cannot be reached (it answers 500), and the cache has none of its files"),
    ],
)
def test_each_refusal_is_one_line(hub: Hub, fault: tuple[int, str, str], words: str) -> None:
    hub.faults["GET /api/models/.*"] = fault
    assert words in mistake("hf://me/horses") and len(mistake("hf://me/horses")) < 600


def test_an_answer_that_is_not_the_hubs(hub: Hub) -> None:
    hub.model("me/horses").commits["../../etc"] = hub.model("me/horses").files()
    hub.model("me/horses").refs["main"] = "../../etc"
    assert "the hub names no commit; check HF_ENDPOINT" in mistake("hf://me/horses")


def test_a_file_beyond_the_bound_is_not_fetched(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_BUNDLE_BYTES", 1000)
    assert f"{A2B}: has " in mistake("hf://me/horses") and "more than the 1000 allowed" in mistake("hf://me/horses")
    assert not any("resolve" in request for request in hub.requests)


def test_a_file_that_never_ends_is_given_up_at_the_bound(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.endless, hub.sizes_told = True, False
    monkeypatch.setattr(rooms, "MAX_BUNDLE_BYTES", 50_000_000)
    assert f"{A2B}: the hub sends more than the 50000000 bytes allowed" in mistake("hf://me/horses")
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.is_file()) < 1000


def test_a_bundle_from_the_hub_is_read_as_any_from_outside(hub: Hub) -> None:
    hub.model("me/horses").commit({A2B: b"\xff" * 400})
    with pytest.raises(UserError, match="not a gan_style bundle"):
        load_bundle(fetch("hf://me/horses"))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "no room in the cache {cache}; make room, or set HF_HOME to a folder on another disk",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be kept in the cache {cache} (Permission denied); set HF_HOME"),
        (OSError("Consistency check failed: file should be of size 3"), "was not transferred whole (Consistency check failed"),
    ],
)
def test_a_cache_that_cannot_be_written(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: OSError, words: str) -> None:
    from huggingface_hub import file_download

    def fail(*_: Any, **__: Any) -> None:
        raise problem

    monkeypatch.setattr(file_download, "http_get", fail)
    assert words.format(cache=tmp_path / "cache") in mistake("hf://me/horses")


def test_without_the_package_the_extra_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert mistake("hf://me/horses") == "--model hf://me/horses: needs huggingface_hub: pip install 'gan_style[hub]'"


def test_a_fault_of_ours_keeps_its_traceback(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fetch("hf://me/horses")
