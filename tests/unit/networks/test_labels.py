"""Label maps become classes and boundaries, by hand-drawn examples."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_style.files import images
from gan_style.networks.layers import labels
from gan_style.networks.layers.labels import EncodedTranslator, LabelEncoding, boundaries

BLACK, RED, GRAY = (0, 0, 0), (255, 0, 0), (128, 128, 128)


def picture(rows: list[list[tuple[int, ...]]]) -> Tensor:
    """[1, C, H, W] as training reads such a file."""
    return images.to_tensor(np.array(rows, dtype=np.uint8))[None]


def test_known_colours_are_their_classes() -> None:
    encoded = LabelEncoding([BLACK, RED, GRAY])(picture([[RED, BLACK, GRAY], [GRAY, RED, RED]]))
    assert encoded.tolist() == [[[[0, 1, 0], [0, 0, 0]], [[1, 0, 0], [0, 1, 1]], [[0, 0, 1], [1, 0, 0]]]]


def test_other_colours_belong_to_the_nearest() -> None:
    """Off by some levels, exactly between two (the first), and one that is nothing like any."""
    encoding = LabelEncoding([BLACK, RED, GRAY])
    off = picture([[(9, 3, 0), (250, 10, 8), (130, 120, 128), (64, 64, 64), (0, 255, 255)]])
    assert encoding.classes(off).tolist() == [[[[0, 1, 2, 0, 2]]]]


def test_neighbouring_levels_are_told_apart() -> None:
    """All 256 gray levels in one file, in the type that training has: more than are compared at once."""
    levels = torch.randperm(256, generator=torch.Generator().manual_seed(0)).tolist()
    ramp = picture([[(level,) for level in range(256)]])
    classes = LabelEncoding([(level,) for level in levels]).classes(ramp).flatten().tolist()
    assert [levels[place] for place in classes] == list(range(256))


def test_any_number_compared_at_once_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (21, 3), generator=random).tolist()
    image = torch.rand(2, 3, 9, 7, generator=random) * 2 - 1
    expected = LabelEncoding(colours).classes(image)
    distances = (image[:, None] - (torch.tensor(colours) / 127.5 - 1)[None, :, :, None, None]).square().sum(dim=2)
    assert torch.equal(expected, distances.argmin(dim=1, keepdim=True))
    for at_once in (1, 4, 20):
        monkeypatch.setattr(labels, "_AT_ONCE", at_once)
        assert torch.equal(LabelEncoding(colours).classes(image), expected)


def test_boundaries_of_a_hand_drawn_map() -> None:
    drawn = torch.tensor([[[[1, 1, 1, 2], [1, 1, 1, 2], [3, 1, 1, 1]]]])
    assert boundaries(drawn).int().tolist() == [[[[0, 0, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]]]]
    assert not boundaries(torch.ones(1, 1, 1, 1)).any()


def test_edges_of_classes_and_of_objects() -> None:
    """Between two objects of one class there is an edge of `alpha` and none of `labels`."""
    rows = [[(*RED, 1), (*RED, 1), (*RED, 2)], [(*RED, 1), (*BLACK, 1), (*BLACK, 1)]]
    by_class = LabelEncoding([BLACK, RED], "labels")(picture([[pixel[:3] for pixel in row] for row in rows]))
    assert by_class.shape == (1, 3, 2, 3)
    assert by_class[0, 2].tolist() == [[0, 1, 1], [1, 1, 1]]
    by_object = LabelEncoding([BLACK, RED], "alpha")(picture(rows))
    assert by_object[0, 2].tolist() == [[0, 1, 1], [0, 0, 1]]
    assert torch.equal(by_object[:, :2], by_class[:, :2])


def test_pictures_stay_pictures() -> None:
    encoding = LabelEncoding(None)
    x = torch.rand(1, 3, 4, 4)
    assert encoding(x) is x and encoding.channels(3) == 3
    assert LabelEncoding([BLACK, RED], "labels").channels(3) == 3
    assert LabelEncoding([BLACK, RED], "none").channels(3) == 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_type_and_layout_are_the_images(dtype: torch.dtype, layout: torch.memory_format) -> None:
    encoding = LabelEncoding([BLACK, RED, GRAY], "labels").to(dtype)
    image = picture([[RED, BLACK], [GRAY, RED], [RED, RED]])
    encoded = encoding(image.to(dtype).contiguous(memory_format=layout))
    assert encoded.dtype == dtype and encoded.is_contiguous(memory_format=layout)
    assert torch.equal(encoded.float(), LabelEncoding([BLACK, RED, GRAY], "labels")(image))


def test_colours_are_no_weights() -> None:
    """A bundle's configuration has them; its weights are the generator's."""
    generator = nn.Conv2d(2, 3, 1)
    generator.size_multiple, generator.minimum_size = 4, 8  # type: ignore[assignment]
    translator = EncodedTranslator(LabelEncoding([BLACK, RED]), generator)
    assert list(translator.state_dict()) == ["generator.weight", "generator.bias"]
    assert (translator.size_multiple, translator.minimum_size) == (4, 8)
    image = picture([[RED, BLACK]])
    assert torch.equal(translator(image), translator(None, encoded=translator.encoding(image)))
