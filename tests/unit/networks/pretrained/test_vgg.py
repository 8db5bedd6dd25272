"""VGG features by name: the public network's, wherever its weights come from, and one-line errors where they do not come."""

import urllib.error
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from gan_style.errors import UserError
from gan_style.networks.pretrained.vgg import VGGFeatures, layers, load_vgg

IMAGES = torch.rand(2, 3, 48, 33, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def reference() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return models.vgg16(weights=None).eval().double()


@pytest.fixture(scope="module")
def file(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save({key: value.float() for key, value in reference.state_dict().items() if key.startswith("features.")}, path)
    return path


def test_the_layers_are_named_as_in_the_literature() -> None:
    assert layers("vgg16")[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert [layer for layer in layers("vgg16") if layer.startswith("conv3")] == ["conv3_1", "conv3_2", "conv3_3"]
    assert [layer for layer in layers("vgg19") if layer.startswith("relu5")] == ["relu5_1", "relu5_2", "relu5_3", "relu5_4"]


def test_features_are_the_reference_networks(reference: Any, file: Path) -> None:
    network = VGGFeatures("vgg16", layers("vgg16"), str(file)).double()
    features = network(IMAGES.double())
    mean, deviation = ([[0.485], [0.456], [0.406]], [[0.229], [0.224], [0.225]])
    x = ((IMAGES.double() + 1) / 2 - torch.tensor(mean)[..., None].double()) / torch.tensor(deviation)[..., None].double()
    for layer, module in zip(layers("vgg16"), reference.features, strict=True):
        x = module(x.clone())  # its ReLUs work in place
        torch.testing.assert_close(features[layer], x, rtol=1e-5, atol=1e-5)  # the mean is stored as float32


def test_it_stops_at_the_deepest_layer_asked_for() -> None:
    network = VGGFeatures("vgg19", ["relu2_1", "relu1_2"], "random")
    assert list(network.convolutions) == ["conv1_1", "conv1_2", "conv2_1"]
    assert list(network(IMAGES)) == ["relu1_2", "relu2_1"]
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_nothing_is_computed_behind_what_one_call_wants() -> None:
    network = VGGFeatures("vgg16", ["relu1_2", "relu2_1", "relu3_1"], "random")
    ran: list[str] = []
    for layer, convolution in network.convolutions.items():
        convolution.register_forward_hook(lambda *_, layer=layer: ran.append(layer))
    some = network(IMAGES, ["relu1_2"])
    assert ran == ["conv1_1", "conv1_2"]
    assert list(some) == ["relu1_2"]
    assert torch.equal(some["relu1_2"], network(IMAGES)["relu1_2"])


def test_average_pooling_averages() -> None:
    features = [VGGFeatures("vgg16", ["relu1_2", "pool1"], "random", pooling)(IMAGES) for pooling in ("avg", "max")]
    torch.testing.assert_close(features[0]["pool1"], torch.nn.functional.avg_pool2d(features[0]["relu1_2"], 2))
    assert not torch.equal(features[0]["pool1"], features[1]["pool1"])


def test_random_weights_are_the_same_every_time_and_keep_the_scale() -> None:
    state = torch.get_rng_state()
    first, second = (VGGFeatures("vgg19", ["relu5_1"], "random")(IMAGES)["relu5_1"] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
    assert 0.1 < first.std().item() < 10


def test_weights_from_safetensors_under_our_names(file: Path, tmp_path: Path) -> None:
    stored = dict(load_vgg("vgg16", str(file)))
    save_file(stored, tmp_path / "own.safetensors")
    again = load_vgg("vgg16", str(tmp_path / "own.safetensors"))
    assert all(torch.equal(value, again[key]) for key, value in stored.items())


def test_files_in_torchs_first_format_are_read(file: Path, tmp_path: Path) -> None:
    """torchvision's own files of VGG weights are from before the format that can be mapped into memory."""
    stored = torch.load(file, weights_only=True)
    torch.save(stored, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    again, expected = (load_vgg("vgg16", str(path)) for path in (tmp_path / "old.pth", file))
    assert all(torch.equal(value, again[key]) for key, value in expected.items())


def test_an_image_too_small_is_said() -> None:
    with pytest.raises(
        UserError, match=r"33 x 48 pixels is too small for layer pool5|7 x 9 pixels is too small for layer relu5_1, which needs 16"
    ):
        VGGFeatures("vgg19", ["relu5_1"], "random")(IMAGES[..., :9, :7])


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="vgg16 has no layer relu3_4"):
        VGGFeatures("vgg16", ["relu3_4"], "random")


def test_files_that_are_no_weights_are_one_line(tmp_path: Path, file: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "cut.pth").write_bytes(file.read_bytes()[:1000])
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    torch.save([1], tmp_path / "list.pth")
    torch.save({"features.0.weight": torch.zeros(64, 3, 5, 5), "features.0.bias": "no tensor"}, tmp_path / "shape.pth")
    for name in ("missing.pth", "text.pth", "cut.pth", "other.safetensors", "list.pth", "shape.pth"):
        with pytest.raises(UserError, match=name) as mistake:
            load_vgg("vgg16", str(tmp_path / name))
        assert "\n" not in str(mistake.value)
    with pytest.raises(UserError, match="not the weights of vgg19"):
        load_vgg("vgg19", str(file))


def test_a_pickle_of_anything_but_tensors_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"features.0.weight": Hostile()}, tmp_path / "hostile.pth")
    with pytest.raises(UserError, match=r"hostile\.pth"):
        load_vgg("vgg16", str(tmp_path / "hostile.pth"))
    assert not (tmp_path / "ran").exists()


def test_no_network_is_one_line_that_says_where_to_put_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(UserError, match=rf"no route to host.*put vgg16-397923af\.pth into {tmp_path}/checkpoints.*`random`"):
        load_vgg("vgg16", "imagenet")


def test_a_download_is_kept_and_a_damaged_file_named(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import shutil

    from gan_style.networks.pretrained import vgg

    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(vgg, "torchvision_address", lambda _: f"https://download.pytorch.org/models/vgg16-{digest}.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    calls = []

    def copy(url: str, target: str, prefix: str) -> None:
        calls.append((url, prefix))
        shutil.copyfile(file, target)

    monkeypatch.setattr(torch.hub, "download_url_to_file", copy)
    for _ in range(2):
        assert len(load_vgg("vgg16", "imagenet")) == 26
    assert calls == [(f"https://download.pytorch.org/models/vgg16-{digest}.pth", digest)]
    path = tmp_path / "checkpoints" / f"vgg16-{digest}.pth"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged"):
        load_vgg("vgg16", "imagenet")
