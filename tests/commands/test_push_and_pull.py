"""push and pull against a stand-in for the hub: what is written there, what comes back, and each refusal in one line."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import evaluating
import numpy as np
import pytest
import yaml
from hub_server import TOKEN, Hub, running_hub
from PIL import Image
from served import served
from smoke import ROOT
from tiny_bundles import tiny_bundle

from gan_style.__main__ import run
from gan_style.bundles.file import load_bundle
from gan_style.commands.pull import pull_command
from gan_style.commands.push import push_command, space
from gan_style.errors import UserError
from gan_style.serving.names import named_bundles

A2B, BEST = "bundles/a2b.safetensors", "bundles/best_a2b.safetensors"


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pix2pix run with validation, the best bundle and sample grids."""
    run_dir = tmp_path_factory.mktemp("secret_customer") / "run"
    evaluating.train("pix2pix", data, run_dir, "l1,psnr", "validation.best=l1", "logging.samples=1")
    return run_dir


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as running:
        yield running.use(monkeypatch, tmp_path / "cache")


def push(run_dir: Path, *options: str, to: str = "me/horses") -> int:
    return push_command([str(run_dir), to, *options])


def mistake(command: list[str]) -> str:
    with pytest.raises(UserError) as caught:
        (push_command if command[0] == "push" else pull_command)(command[1:])
    assert "\n" not in str(caught.value) and TOKEN not in str(caught.value)
    return str(caught.value)


def test_a_run_goes_to_the_hub_and_comes_back(made: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(made, "--license", "mit", "--message", "first", "--tag", "v1") == 0
    horses = hub.model("me/horses")
    commit, files = horses.refs["v1"], horses.files()
    assert set(files) == {".gitattributes", "README.md", "config.yaml", "samples.png", A2B, BEST}
    assert {name: files[name] for name in (A2B, BEST)} == {name: (made / name).read_bytes() for name in (A2B, BEST)}
    assert files["samples.png"] == (made / "samples/step_0000002.png").read_bytes()
    assert horses.messages[-1] == "first" and not horses.private
    out = capsys.readouterr().out
    assert f"pushed: hf://me/horses@{commit}\n" in out and f"--model hf://me/horses@{commit} " in out
    assert pull_command(["me/horses@v1", "--output", str(tmp_path / "got")]) == 0
    got = {path.relative_to(tmp_path / "got").as_posix(): path.read_bytes() for path in (tmp_path / "got").rglob("*") if path.is_file()}
    record = json.loads(got.pop("hub.json"))
    assert record == {"repository": "me/horses", "revision": "v1", "commit": commit}
    assert got == {name: content for name, content in files.items() if name != ".gitattributes"}
    out = capsys.readouterr().out
    assert f"hf://me/horses@v1: commit {commit}\n" in out and "left out: 1 other file\n" in out
    assert "authorization" not in out.lower() and TOKEN not in out


def test_what_is_pushed_names_no_place_of_this_machine_and_no_secret(made: Path, hub: Hub) -> None:
    push(made, "--space")
    before, config = (made / "config.yaml").read_text(), hub.model("me/horses").files()["config.yaml"].decode()
    assert yaml.safe_load(config)["run_dir"] == "run"
    assert yaml.safe_load(config)["data"]["root"] == Path(yaml.safe_load(before)["data"]["root"]).name
    for repository in hub.repositories.values():
        for name, content in repository.files().items():
            for secret in (b"secret_customer", TOKEN.encode(), str(Path.home()).encode() + b"/", str(made.parents[1]).encode()):
                assert secret not in content, name


def test_the_card_tells_what_a_stranger_needs(made: Path, hub: Hub) -> None:
    push(made, "--license", "cc-by-4.0")
    _, header, text = hub.model("me/horses").files()["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(header) == {
        "license": "cc-by-4.0",
        "library_name": "gan_style",
        "pipeline_tag": "image-to-image",
        "tags": ["gan_style", "image-to-image", "gan", "pix2pix"],
    }
    last = json.loads((made / "metrics.jsonl").read_text().splitlines()[-1])
    for words in (
        "https://arxiv.org/abs/1611.07004",
        "![Sample grid](samples.png)",
        "gan-style infer --model hf://me/horses --input photos/",
        'gan_style.load("hf://me/horses")',
        f"| `{BEST}` | a2b | 3 -> 3 | 2 |",
        "| steps | 2 of 2 |",
        "higher is better",
    ):
        assert words in text, words
    [psnr] = re.findall(r"^\| psnr \| (\S+) \| (\S+) at step 2 \|", text, re.M)
    assert abs(float(psnr[0]) - last["val/psnr"]) < 0.1 and psnr[0] == psnr[1]
    assert "No licence" not in text


def test_a_private_repository_stays_private(made: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    push(made, "--private")
    assert hub.model("me/horses").private
    monkeypatch.delenv("HF_TOKEN")
    assert "is not there, or is private" in mistake(["pull", "me/horses"])


def test_private_is_refused_for_a_public_repository_and_nothing_is_written(made: Path, hub: Hub) -> None:
    push(made)
    commits = len(hub.model("me/horses").commits)
    assert mistake(["push", str(made), "me/horses", "--private"]).startswith("--private: hf://me/horses is public already")
    assert len(hub.model("me/horses").commits) == commits


def test_a_branch_of_its_own(made: Path, hub: Hub) -> None:
    push(made, "--revision", "trial")
    horses = hub.model("me/horses")
    assert A2B in horses.files("trial") and A2B not in horses.files("main")
    push(made, "--revision", "trial", "--message", "again")
    assert horses.messages == ["", "pix2pix, step 2", "again"]


def test_a_bundle_that_the_run_no_longer_has_leaves_the_repository(made: Path, hub: Hub, tmp_path: Path) -> None:
    push(made)
    tiny_bundle(tmp_path / "other" / A2B)
    push(tmp_path / "other")
    files = hub.model("me/horses").files()
    assert BEST not in files and files[A2B] == (tmp_path / "other" / A2B).read_bytes()


def test_pull_takes_known_names_alone(hub: Hub, made: Path, tmp_path: Path) -> None:
    push(made)
    horses = hub.model("me/horses")
    horses.commit({**horses.files(), "../../evil.safetensors": b"x", "/etc/passwd": b"x", "bundles/a2b.pt": b"x", "run.py": b"x"})
    assert pull_command(["me/horses", "--output", str(tmp_path / "got")]) == 0
    assert {path.name for path in (tmp_path / "got").rglob("*") if path.is_file()} == {
        *("README.md", "config.yaml", "samples.png", "hub.json", "a2b.safetensors", "best_a2b.safetensors")
    }
    assert not list(tmp_path.rglob("evil*")) and not list(tmp_path.rglob("run.py"))


def test_the_files_can_be_looked_at_before_anything_is_pushed(
    made: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "look"
    assert push(made, "--space", "--output", str(folder)) == 0
    assert hub.requests == [] and "nothing was pushed" in capsys.readouterr().out
    assert (folder / "model" / A2B).read_bytes() == (made / A2B).read_bytes()
    assert (folder / "space/app.py").is_file() and (folder / "space/gan_style/version.py").is_file()
    assert "is there already; choose a new folder" in mistake(["push", str(made), "me/horses", "--output", str(folder)])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("push RUN horses", "USER/NAME horses: names nothing on the hub"),
        ("push RUN me/horses@v1", "USER/NAME me/horses@v1: is more than a repository; write me/horses, and --revision BRANCH"),
        ("push RUN me/horses --tag ../x", "--tag ../x: is no name of a tag"),
        ("push RUN me/horses --revision a..b", "--revision a..b: is no name of a branch"),
        ("push RUN me/horses --license MIT!", "--license MIT!: is no identifier of a licence"),
        ("push RUN me/horses --message=", "--message: is empty"),
        ("push RUN me/horses --private --output x", "--private: has no effect without a push"),
        ("push nowhere me/horses", "RUN_DIR nowhere: no such folder"),
        ("push . me/horses", "a folder without bundles/a2b.safetensors or b2a"),
        ("push RUN you/horses", "hf://you/horses: the token may not write here"),
        ("pull me/horses@v1/x.safetensors", "names one file; pull takes the repository"),
        ("pull me/nothing", "hf://me/nothing: is not there, or is private"),
        ("pull me/horses --output pyproject", "--output pyproject: a file, not a folder"),
        ("pull me/horses --output mine", "--output mine: holds files that pull did not write"),
    ],
)
@pytest.mark.usefixtures("elsewhere")
def test_mistakes_are_one_line(made: Path, hub: Hub, command: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject").write_text("")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious").write_text("")
    assert words in mistake([str(made) if part == "RUN" else part for part in command.split()])


@pytest.mark.parametrize("option", ["--private", "--space", "--revision=trial"])
def test_a_card_that_the_hub_refuses_leaves_no_repository(made: Path, hub: Hub, option: str) -> None:
    said = mistake(["push", str(made), "me/horses", "--license", "nonsense", option])
    assert said == 'hf://me/horses: is refused ("license" must be one of [apache-2.0, mit, ...])'
    assert hub.repositories == {}


def test_a_package_that_is_not_installed_pushes_no_half(made: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "requires", lambda _: (_ for _ in ()).throw(PackageNotFoundError))
    assert mistake(["push", str(made), "me/horses", "--space"]).startswith("--space: gan_style is not installed")
    assert hub.repositories == {}


def test_a_run_that_began_from_weights_tells_which_and_not_where_they_lie(made: Path, hub: Hub, data: Path, tmp_path: Path) -> None:
    push(made)
    commit = hub.model("me/horses").refs["main"]
    for number, (source, expected) in enumerate(
        {
            str(made): "run/checkpoints/step_0000002",
            str(made / A2B): f"run/{A2B}",
            "hf://me/horses": f"hf://me/horses@{commit}/{A2B}",
            f"{{generator: hf://me/horses/{BEST}}}": f"hf://me/horses@{commit}/{BEST}",
        }.items()
    ):
        evaluating.train("pix2pix", data, tmp_path / f"{number}", "l1", f"train.init_from={source}")
        push(tmp_path / f"{number}", to=f"me/begun{number}")
        files = hub.model(f"me/begun{number}").files()
        begun = load_bundle(tmp_path / f"{number}" / A2B)[0].begun_from
        assert begun and begun.path == expected
        assert f"| begun from | `{expected}`, step 2, SHA-256 " in files["README.md"].decode()
        assert not [name for name, content in files.items() if b"secret_customer" in content or str(tmp_path).encode() in content]
        if "hf:" in source:
            assert "hf://me/horses" in str(yaml.safe_load(files["config.yaml"])["train"]["init_from"])


def test_a_token_that_is_wrong_or_missing(made: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("hf_wrong", None):
        monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN")
        said = mistake(["push", str(made), "me/horses"])
        assert said == "hf://me/horses: the hub knows no such token, or there is none: log in (hf auth login, or HF_TOKEN)"


def test_a_tag_that_is_taken_is_told_with_the_commit(made: Path, hub: Hub) -> None:
    push(made, "--tag", "v1")
    said = mistake(["push", str(made), "me/horses", "--tag", "v1", "--message", "two"])
    assert said.startswith(f"--tag v1: the files are pushed as commit {hub.model('me/horses').refs['main']}, but not its tag: ")


@pytest.mark.parametrize(("path", "status"), [("PUT /lfs/.*", 403), ("POST .*/commit/main", 413), ("POST .*/preupload/main", 400)])
def test_an_upload_that_the_hub_refuses(made: Path, hub: Hub, path: str, status: int) -> None:
    hub.faults[path] = (status, "", "quota")
    assert mistake(["push", str(made), "me/horses"]).startswith("hf://me/horses: the ")
    assert A2B not in hub.model("me/horses").files()


def test_a_damaged_bundle_is_not_pushed(made: Path, hub: Hub, tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path / "run" / A2B)
    path.write_bytes(path.read_bytes()[:-100])
    assert mistake(["push", str(tmp_path / "run"), "me/horses"]).startswith(f"{path}: not a gan_style bundle")
    assert hub.requests == []


def test_a_fresh_process_pushes_and_translates_as_from_the_run(made: Path, tmp_path: Path, data: Path) -> None:
    """The commands as they are typed, with the environment's settings alone."""
    with running_hub() as hub:
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = inherited | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | settings

        def gan_style(*arguments: object, **more: str) -> str:
            command = [sys.executable, "-m", "gan_style", *map(str, arguments)]
            done = subprocess.run(command, cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0 and not done.stderr, done.stderr
            assert TOKEN not in done.stdout
            return done.stdout

        gan_style("push", made, "me/horses")
        told = gan_style("infer", "--model", "hf://me/horses", "--input", data / "valA", "--output", "hub")
        commit = hub.model("me/horses").refs["main"]
    assert told.startswith(f"hf://me/horses: commit {commit}\nhf://me/horses@{commit}/{A2B}: pix2pix a2b, step 2")
    told = gan_style("infer", "--model", "hf://me/horses", "--input", data / "valA", "--output", "offline", HF_HUB_OFFLINE="1")
    assert told.startswith(f"hf://me/horses: commit {commit}, from the cache (HF_HUB_OFFLINE is set)\n")
    assert run(["infer", "--model", str(made), "--input", str(data / "valA"), "--output", str(tmp_path / "run")]) == 0
    for path in (tmp_path / "run").iterdir():
        pixels = [np.asarray(Image.open(io.BytesIO((tmp_path / place / path.name).read_bytes()))) for place in ("run", "hub", "offline")]
        assert (pixels[0] == pixels[1]).all() and (pixels[0] == pixels[2]).all()


def test_every_door_takes_a_bundle_of_the_hub(
    made: Path, hub: Hub, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import gan_style

    push(made)
    monkeypatch.chdir(tmp_path)
    picture = Image.open(sorted((data / "valA").iterdir())[0])
    ours = gan_style.load(f"hf://me/horses/{BEST}")
    assert ours.info.scores and np.array_equal(np.asarray(ours(picture)), np.asarray(gan_style.load(made / BEST)(picture)))
    scores = evaluating.evaluate("--model", "hf://me/horses", "--data", data, "--metrics", "l1")
    assert scores["metrics"] == evaluating.evaluate("--model", made, "--data", data, "--metrics", "l1")["metrics"]
    assert scores["what"]["model"].startswith(f"hf://me/horses@{hub.model('me/horses').refs['main']}/{A2B}, pix2pix")
    assert run(["convert", "--from", "hf://me/horses", "--to", "theirs.pth"]) == 0 and Path("theirs.pth").exists()
    assert run(["export", "--model", "hf://me/horses", "--output", "network.onnx"]) == 0
    assert np.abs(np.asarray(gan_style.load("network.onnx")(picture), int) - np.asarray(gan_style.load(made)(picture))).max() <= 1
    bundles = named_bundles(["hf://me/horses", f"best=hf://me/horses/{BEST}"])
    assert list(bundles) == ["horses", "best"] and bundles["horses"].read_bytes() == (made / A2B).read_bytes()
    with served(bundles, batch_size=1) as server:
        answer = server.translate(Path(picture.filename).read_bytes(), model="horses")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), np.asarray(gan_style.load(made)(picture)))
    capsys.readouterr()
    for verb, *options in (["export", "--model", "hf://me/none", "--output", "x.onnx"], ["serve", "--model", "hf://me/none"]):
        assert run([verb, *options]) == 2
        assert capsys.readouterr().err.startswith("error: --model hf://me/none: is not there, or is private")
