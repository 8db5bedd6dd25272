"""One test for each file of golden vectors: the fixtures `<kind>_vectors` and `other_vectors` are parametrised over them by kind."""

from pathlib import Path

import pytest
from vectors import Vectors, read_spec, read_vectors

DEFAULT = "../shared/golden"
KINDS = {"forward_vectors": "forward", "train_vectors": "train", "patch_nce_vectors": "patch_nce"}


def _directory(config: pytest.Config) -> Path | None:
    """The folder that --vectors names, else the default where it exists. To name one without vectors is a mistake."""
    named = config.getoption("--vectors")
    directory = config.invocation_params.dir / named if named else config.rootpath / DEFAULT
    if named and not any(directory.glob("*.safetensors")):
        raise pytest.UsageError(f"--vectors {named}: no *.safetensors there")
    return directory if directory.is_dir() else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in (*KINDS, "other_vectors"):
        if fixture not in metafunc.fixturenames:
            continue
        directory = _directory(metafunc.config)
        if directory is None:
            reason = f"no golden vectors: give --vectors DIR ({DEFAULT} does not exist)"
            metafunc.parametrize(fixture, [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="no-vectors")], indirect=True)
            continue
        paths = sorted(directory.glob("*.safetensors"))
        kinds = {path: read_spec(path)["kind"] for path in paths}
        wanted = [path for path in paths if (kinds[path] == KINDS[fixture] if fixture in KINDS else kinds[path] not in KINDS.values())]
        metafunc.parametrize(fixture, wanted, ids=[path.stem for path in wanted], indirect=True)


@pytest.fixture
def forward_vectors(request: pytest.FixtureRequest) -> Vectors:
    """A file of kind `forward`: state_dict.*, input, output."""
    return read_vectors(request.param)


@pytest.fixture
def train_vectors(request: pytest.FixtureRequest) -> Vectors:
    """A file of kind `train`: init.<net>.*, A.<i>, B.<i>, losses [steps, names], final.<net>.*."""
    return read_vectors(request.param)


@pytest.fixture
def patch_nce_vectors(request: pytest.FixtureRequest) -> Vectors:
    """A file of kind `patch_nce`: query, key [B * P, C], loss [B * P], grad_query (of the mean loss)."""
    return read_vectors(request.param)


@pytest.fixture
def other_vectors(request: pytest.FixtureRequest) -> Vectors:
    """A file of any other kind."""
    return read_vectors(request.param)
