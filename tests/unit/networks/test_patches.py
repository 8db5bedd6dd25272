import pytest
import torch

from gan_style.networks.layers.patches import at_positions, draw_positions, mirror_positions, on_device

STRIDES = {"fine": 1, "coarse": 4}


def test_positions_are_different_and_inside() -> None:
    drawn = draw_positions(STRIDES, 9, 14, 20, [1, 2, 3])
    assert drawn["fine"].shape == (3, 20, 2) and drawn["coarse"].shape == (3, 3 * 4, 2)  # 9 and 14 pixels begin 3 and 4 cells of 4
    for layer, (rows, columns) in {"fine": (9, 14), "coarse": (3, 4)}.items():
        for places in drawn[layer].tolist():
            assert len({tuple(place) for place in places}) == len(places)
            assert all(0 <= row < rows and 0 <= column < columns for row, column in places)
    assert sorted(drawn["coarse"][0].tolist()) == [[row, column] for row in range(3) for column in range(4)]


def test_positions_are_a_function_of_the_images_own_seed() -> None:
    together, alone = draw_positions(STRIDES, 64, 64, 16, [7, 8]), draw_positions(STRIDES, 64, 64, 16, [8])
    for layer in STRIDES:
        assert torch.equal(together[layer][1:], alone[layer])
        assert not torch.equal(together[layer][0], together[layer][1])


def test_every_position_is_as_likely() -> None:
    """4000 draws of 4 of 16 cells: each is drawn 1000 times, give or take five standard deviations of 27."""
    places = draw_positions({"all": 1}, 4, 4, 4, range(4000))["all"]
    counts = torch.bincount((places[..., 0] * 4 + places[..., 1]).flatten(), minlength=16)
    assert (counts - 1000).abs().max() <= 140


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_features_and_their_gradient(layout: torch.memory_format) -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    positions = torch.tensor([[[0, 0], [3, 4]], [[2, 1], [0, 3]]])
    patches = at_positions(features, positions)
    assert patches.shape == (2, 2, 3)
    weights = torch.randn(2, 2, 3, dtype=torch.float64)
    (patches * weights).sum().backward()
    expected = torch.zeros(2, 3, 4, 5, dtype=torch.float64)
    for image, places in enumerate(positions.tolist()):
        for patch, (row, column) in enumerate(places):
            assert torch.equal(patches[image, patch], features[image, :, row, column])
            expected[image, :, row, column] = weights[image, patch]
    assert features.grad is not None and torch.equal(features.grad, expected)
    assert features.grad.is_contiguous(memory_format=layout)


def test_mirrored_positions_are_where_the_patches_went() -> None:
    images = torch.randn(2, 1, 4, 6)
    drawn = draw_positions({"fine": 1}, 4, 6, 5, [1, 2])
    moved = mirror_positions(drawn, {"fine": 1}, 6, [False, True])
    shown = torch.stack([images[0], images[1].flip(2)])
    assert torch.equal(at_positions(shown, moved["fine"]), at_positions(images, drawn["fine"]))
    assert torch.equal(moved["fine"][0], drawn["fine"][0])
    assert not torch.equal(moved["fine"][1], drawn["fine"][1])


def test_mirrored_positions_of_coarse_cells() -> None:
    """13 pixels begin 4 cells of 4: the first and the last, the second and the third change places."""
    places = torch.tensor([[[2, 0], [2, 1], [2, 3]]])
    assert mirror_positions({"coarse": places}, {"coarse": 4}, 13, [True])["coarse"].tolist() == [[[2, 3], [2, 2], [2, 0]]]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nothing_waits_for_the_device() -> None:
    features = torch.randn(2, 3, 8, 8, device="cuda", requires_grad=True)
    drawn = draw_positions({"fine": 1}, 8, 8, 5, [1, 2])
    at_positions(features, on_device(drawn, features.device)["fine"]).sum().backward()  # the first of each kernel may load it
    torch.cuda.set_sync_debug_mode("error")
    try:
        at_positions(features, on_device(drawn, features.device)["fine"]).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
