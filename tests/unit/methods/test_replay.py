import torch

from gan_style.methods.replay import ReplayBuffer


def images(*values: float) -> torch.Tensor:
    return torch.stack([torch.full((1, 2, 2), value) for value in values])


def first(batch: torch.Tensor) -> list[float]:
    return batch[:, 0, 0, 0].tolist()


def test_capacity_zero_returns_the_images_themselves() -> None:
    batch = images(1, 2)
    assert ReplayBuffer(0, 2, 0, "a").exchange(batch, (0, 1)) is batch


def test_until_full_every_image_comes_back() -> None:
    buffer = ReplayBuffer(3, 1, 0, "a")
    assert [first(buffer.exchange(images(value), (0,)))[0] for value in (1, 2, 3)] == [1, 2, 3]


def test_when_full_half_of_the_images_are_old_and_leave_the_buffer() -> None:
    buffer = ReplayBuffer(10, 1, 0, "a")
    returned = [first(buffer.exchange(images(value), (0,)))[0] for value in range(2010)]
    old = [value for place, value in enumerate(returned) if value != place]
    assert 900 < len(old) < 1100
    assert len(set(old)) == len(old), "an image that was returned from the past is replaced, so it never comes again"
    assert len(buffer.histories[0]) == 10


def test_slots_do_not_depend_on_who_else_is_in_the_batch() -> None:
    together, apart = ReplayBuffer(4, 2, 7, "a"), [ReplayBuffer(4, 2, 7, "a") for _ in range(2)]
    for value in range(40):
        both = first(together.exchange(images(value, 100 + value), (0, 1)))
        each = [first(apart[0].exchange(images(value), (0,)))[0], first(apart[1].exchange(images(100 + value), (1,)))[0]]
        assert both == each


def test_state_of_two_processes_goes_into_one() -> None:
    whole, halves = ReplayBuffer(4, 2, 7, "a"), [ReplayBuffer(4, 2, 7, "a") for _ in range(2)]
    for value in range(10):
        whole.exchange(images(value, 100 + value), (0, 1))
        for slot in range(2):
            halves[slot].exchange(images(100 * slot + value), (slot,))
    merged = ReplayBuffer(4, 2, 7, "a")
    for half in halves:
        merged.load_state(half.state(), {0, 1}, torch.device("cpu"))
    for value in range(10, 30):
        assert first(merged.exchange(images(value, 100 + value), (0, 1))) == first(whole.exchange(images(value, 100 + value), (0, 1)))


def test_an_earlier_image_of_another_size_is_passed_over() -> None:
    buffer = ReplayBuffer(1, 1, 0, "a")
    for side in range(2, 12):
        assert buffer.exchange(torch.zeros(1, 1, side, side), (0,)).shape == (1, 1, side, side)


def test_an_image_that_is_not_finite_never_comes_back() -> None:
    """What it would have replaced stays; only the very first has nothing to stand in for it."""
    buffer = ReplayBuffer(2, 1, 0, "a")
    buffer.exchange(images(5), (0,))
    for _ in range(20):
        buffer.exchange(images(float("nan")), (0,))
    assert [image.unique().tolist() for image in buffer.histories[0]] == [[5.0], [5.0]]
    empty = ReplayBuffer(2, 1, 0, "a")
    empty.exchange(images(float("inf")), (0,))
    assert empty.histories[0][0].unique().tolist() == [0.0]
