import pytest
import torch
from torch import Tensor

from gan_style.networks.layers.padding import missing, run_padded


@pytest.mark.parametrize(
    ("size", "multiple", "minimum", "expected"),
    [(8, 4, 8, 0), (9, 4, 8, 3), (1, 4, 8, 7), (256, 256, 256, 0), (257, 256, 256, 255), (5, 1, 1, 0)],
)
def test_missing(size: int, multiple: int, minimum: int, expected: int) -> None:
    assert missing(size, multiple, minimum) == expected


def seen_by(x: Tensor, multiple: int, minimum: int) -> tuple[Tensor, Tensor]:
    """What the network is given, and what comes back of twice that."""
    given: list[Tensor] = []

    def network(padded: Tensor) -> Tensor:
        given.append(padded)
        return 2 * padded

    y = run_padded(network, x, multiple, minimum)
    return given[0], y


def test_mirrored_where_there_is_enough() -> None:
    x = torch.tensor([[[[1.0, 2.0, 3.0]]]]).expand(1, 1, 4, 3)
    given, y = seen_by(x, 4, 4)
    assert given[0, 0].tolist() == [[1.0, 2.0, 3.0, 2.0]] * 4
    assert torch.equal(y, 2 * x)


def test_repeated_where_there_is_not() -> None:
    x = torch.tensor([[[[1.0, 2.0]]]])  # the height has one row, the width too few to mirror three
    given, y = seen_by(x, 4, 5)
    assert given[0, 0].tolist() == [[1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]] * 8
    assert torch.equal(y, 2 * x)


@pytest.mark.parametrize(("width", "expected"), [(5, [4, 3, 2]), (4, [4, 4, 4, 4])])
def test_a_mirror_needs_one_pixel_more_than_it_shows(width: int, expected: list[int]) -> None:
    """Reflection leaves out the edge, so that 4 pixels cannot be mirrored 4 times."""
    x = torch.arange(1.0, width + 1).expand(1, 1, 8, width)
    given, _ = seen_by(x, 8, 8)
    assert given[0, 0, 0, width:].tolist() == expected


def test_nothing_to_grow_is_no_operation() -> None:
    x = torch.randn(1, 1, 4, 8)
    results: list[Tensor] = []

    def network(padded: Tensor) -> Tensor:
        assert padded is x
        results.append(padded + 1)
        return results[0]

    assert run_padded(network, x, 4, 4) is results[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 3), (16, 17)], ids=str)
def test_the_size_is_kept_and_gradients_flow(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, requires_grad=True)
    given, y = seen_by(x, 8, 16)
    assert y.shape == x.shape
    assert given.shape[2] % 8 == 0 and given.shape[3] % 8 == 0 and min(given.shape[2:]) >= 16
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.full_like(x, 2.0))  # the padding is cropped: it adds nothing
