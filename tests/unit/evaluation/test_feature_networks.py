"""Which network a choice or a file stands for, and what is said where it is not there."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gan_style.errors import UserError
from gan_style.evaluation.features import feature_network, mean_directions, structure_network
from gan_style.evaluation.lpips import LPIPS
from gan_style.networks.pretrained import vgg
from gan_style.networks.pretrained.inception import InceptionFeatures
from gan_style.networks.pretrained.normalisation import to_rgb
from gan_style.networks.pretrained.vit import ViTFeatures, _dinos

IMAGE = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of weights of each family, drawn at random."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inception = {
            key: torch.randn(value.shape) * 0.05 if value.dim() > 1 else torch.rand(value.shape) + 0.5
            for key, value in InceptionFeatures(of_fid=True).network.state_dict().items()
            if value.is_floating_point()
        }
        shapes = {_dinos(key): value.shape for key, value in ViTFeatures(64, 128, 2, 8, 17).network.state_dict().items()}
        transformer = {key: torch.randn(shape) * 0.1 for key, shape in shapes.items()}
        alexnet = {"features.0.weight": torch.randn(64, 3, 11, 11), "features.0.bias": torch.zeros(64)}
    stored = {
        "inception": {**inception, "fc.weight": torch.zeros(1008, 2048)},
        "vgg16": dict(vgg.load_vgg("vgg16", "random")),
        "vit": transformer,
        "alexnet": alexnet,
        "other": {"weight": torch.zeros(3)},
    }
    for name, tensors in stored.items():
        save_file(tensors, folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in stored}


def test_random_features_are_a_vgg_and_the_same_every_time() -> None:
    network = feature_network("random", "validation.features")
    assert "random weights" in network.words
    layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
    found = vgg.VGGFeatures("vgg16", layers, "random")(IMAGE)
    assert torch.equal(network(IMAGE), mean_directions([found[layer] for layer in layers]))


def test_directions_by_hand() -> None:
    """The lengths 5, 0 and 2 of the first layer's positions do not count. D = 3 features of two layers have the factor (3 / 2)^(1/2)."""
    first = torch.tensor([[[[3.0, 0.0, 0.0]], [[4.0, 0.0, 2.0]]]])  # [1, 2, 1, 3]
    second = torch.tensor([[[[7.0]]]])
    expected = torch.tensor([[(0.6 + 0 + 0) / 3, (0.8 + 0 + 1) / 3, 1.0]]) * 1.5**0.5
    torch.testing.assert_close(mean_directions([first, second]), expected)


def test_a_layer_with_large_features_counts_as_much_as_the_others() -> None:
    maps = [torch.rand(2, 4, 5, 6), torch.rand(2, 8, 3, 3)]
    torch.testing.assert_close(mean_directions([1000 * maps[0], maps[1]]), mean_directions(maps))


@pytest.mark.parametrize(
    ("family", "width", "words"), [("inception", 2048, "Inception v3"), ("vgg16", 1472, "vgg16"), ("vit", 64, "transformer")]
)
def test_a_file_tells_its_network(family: str, width: int, words: str, files: dict[str, Path]) -> None:
    network = feature_network(str(files[family]), "validation.features")
    assert words in network.words and files[family].name in network.words
    features = network(IMAGE)
    assert features.shape == (1, width)
    assert features.std() > 0
    if family == "vgg16":
        assert torch.equal(features, feature_network("random", "")(IMAGE))


def test_structure_takes_places_of_a_vgg_and_keys_of_a_transformer(files: dict[str, Path]) -> None:
    assert structure_network("random", "")(IMAGE).shape == (1, 4 * 5, 512)
    assert torch.equal(structure_network(str(files["vgg16"]), "")(IMAGE), structure_network("random", "")(IMAGE))
    assert structure_network(str(files["vit"]), "")(IMAGE).shape == (1, 1 + 4 * 5, 64)


def test_the_missing_file_of_fid_is_one_line_with_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(UserError) as mistake:
        feature_network("inception", "validation.features")
    said = str(mistake.value)
    assert "\n" not in said
    for part in ("validation.features", "pt_inception-2015-12-05-6726825d.pth", f"{tmp_path}/checkpoints", "`random`"):
        assert part in said
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/pt_inception-2015-12-05-6726825d.pth").write_bytes(b"half")
    with pytest.raises(UserError, match=r"6726825d\.pth: damaged"):
        feature_network("inception", "validation.features")


def test_files_that_do_not_fit_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    for choose, key, choice, said in (
        (feature_network, "--features", str(tmp_path / "nowhere.pth"), r"nowhere\.pth: no such file.*--features"),
        (feature_network, "--features", str(files["other"]), "holds none of the known networks"),
        (feature_network, "--features", str(files["alexnet"]), "LPIPS alone"),
        (structure_network, "--structure", str(files["inception"]), "gives no structure"),
        (LPIPS, "--lpips", str(files["vit"]), "which LPIPS does not take"),
        (LPIPS, "--lpips", str(files["alexnet"]), r"not the weights of AlexNet: features\.3\.weight"),
        (LPIPS, "--lpips", str(tmp_path / "nowhere.pth"), r"nowhere\.pth: no such file.*as --lpips"),
    ):
        with pytest.raises(UserError, match=said) as mistake:
            choose(choice, key)
        assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    "stored",
    [
        {0: torch.zeros(3), 1: "text"},
        {"Mixed_7c.branch_pool.conv.weight": torch.zeros(3), "fc.weight": torch.tensor(1008.0)},
        {"Mixed_7c.branch_pool.conv.weight": 3, "fc.weight": 1008},
        {"patch_embed.proj.weight": "text", "blocks.0.mlp.fc1.weight": 1, "pos_embed": None},
    ],
)
def test_a_state_dict_of_other_things_is_no_network(stored: dict, tmp_path: Path) -> None:
    path = tmp_path / "odd.pth"
    torch.save(stored, path)
    for choose in (feature_network, structure_network, LPIPS):
        with pytest.raises(UserError, match=r"odd\.pth"):
            choose(str(path), "--features")


def test_torchscript_is_code_and_not_loaded(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    recwarn.clear()
    with pytest.raises(UserError, match=r"script\.pt: not a file of weights"):
        feature_network(str(tmp_path / "script.pt"), "validation.features")
    assert not recwarn.list


def test_no_download_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(UserError, match=r"AlexNet cannot be downloaded.*alexnet-owt-7be5be79\.pth.*give its path as validation\.lpips"):
        LPIPS("alex", "validation.lpips")
    with pytest.raises(UserError, match="vgg16 cannot be downloaded"):
        structure_network("imagenet", "validation.structure")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_number_of_channels_becomes_three(channels: int) -> None:
    image: Tensor = torch.rand(1, channels, 4, 4)
    shown = to_rgb(image)
    assert shown.shape == (1, 3, 4, 4)
    assert torch.equal(shown[:, :1], image[:, :1])
    assert torch.equal(shown, image[:, :3] if channels > 2 else image[:, :1].repeat(1, 3, 1, 1))
