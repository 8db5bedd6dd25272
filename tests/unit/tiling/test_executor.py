"""The passes over an image: what is computed, what waits, what is done again after a kill, and which statistics normalise."""

from collections.abc import Callable
from pathlib import Path
from threading import Condition
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from regions import ALL_WAIT, LITTLE_WAITS, part_of, planned, run_plan
from torch import Tensor

from gan_style.errors import UserError
from gan_style.networks.generators.resnet import ResnetConfig, ResnetGenerator
from gan_style.networks.generators.unet import UnetConfig, UnetGenerator
from gan_style.tiling.executor import Executor, Using
from gan_style.tiling.graph import trace
from gan_style.tiling.plan import Plan, Planner, Speed, whole_bytes
from gan_style.tiling.scratch import Scratch
from gan_style.tiling.spans import Region, Span

CPU = torch.device("cpu")


def resnet(**keys: Any) -> ResnetGenerator:
    torch.manual_seed(0)
    return ResnetGenerator(3, 3, ResnetConfig(base_channels=4, num_blocks=2, **keys)).double().eval().requires_grad_(False)


def picture(height: int = 61, width: int = 74) -> Tensor:
    return torch.rand(1, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_where_memory_is_slow_values_are_computed_again() -> None:
    all_wait, little = (planned(resnet(), [picture()], 16, speed) for speed in (ALL_WAIT, LITTLE_WAITS))
    assert len(little.waiting) < len(all_wait.waiting)
    assert little.work > all_wait.work


def test_each_statistic_is_taken_once_and_each_pass_has_a_target() -> None:
    plan = planned(resnet(), [picture()], 16)
    measured = [
        target for each in plan.passes for target in each.targets if any(node.inputs[0] is target for node in plan.graph.statistics)
    ]
    assert len(measured) == len(plan.graph.statistics) == 1 + 2 + 2 * 2 + 2
    assert [each.number for each in plan.passes] == list(range(len(plan.passes)))


def test_a_gigapixel_is_planned_in_regions_that_fit() -> None:
    graph = trace(resnet().float(), [(1, 3, 32768, 32768)], CPU, torch.float32)
    plan = Planner(graph, False, Speed()).plan(None, 64 * 2**20)
    assert plan.region_bytes <= 64 * 2**20 < whole_bytes(graph)


def test_memory_for_no_region_is_refused() -> None:
    graph = trace(resnet().float(), [(1, 3, 512, 512)], CPU, torch.float32)
    with pytest.raises(UserError, match="take a larger --max-memory"):
        Planner(graph, False, Speed()).plan(None, 1000)


def test_half_precision_is_close() -> None:
    image, network = picture().float(), resnet().float()
    found = run_plan(planned(network, [image], 16, half=True), [image])
    assert 0 < (found - network(image)).abs().max() < 0.01


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    "network", [resnet(), UnetGenerator(3, 3, UnetConfig(base_channels=4, num_downs=4)).double().eval().requires_grad_(False)]
)
@pytest.mark.parametrize("after", [1, 9, 40, 75])
def test_killed_work_goes_on_with_the_same_bits(network: Callable[[Tensor], Tensor], after: int, tmp_path: Path) -> None:
    image = picture()
    plan = planned(network, [image], 32)
    undisturbed = run_plan(plan, [image])
    after = after * plan.regions // 80
    result, reads = torch.zeros_like(undisturbed), list[Region]()

    def write(region: Region, values: Tensor) -> None:
        result[..., region[0].start : region[0].stop, region[1].start : region[1].stop] = values

    def read(region: Region) -> Tensor:
        reads.append(region)
        return image[..., region[0].start : region[0].stop, region[1].start : region[1].stop]

    def run(plan: Plan, kill_after: int | None) -> None:
        left = kill_after

        def done() -> None:
            nonlocal left
            if left is not None:
                left -= 1
                if left < 0:
                    raise Killed

        scratch = Scratch(tmp_path / "scratch")
        scratch.begin({"plan": plan.identity})
        try:
            Executor(plan, [read], write, scratch, CPU, done=done).run()
        finally:
            scratch.close(forget=False)

    with pytest.raises(Killed):
        run(plan, after)
    before = len(reads)
    run(planned(network, [image], 32), None)  # as another process plans it
    assert torch.equal(result, undisturbed)
    whole = len(reads) - before
    reads.clear()
    run_plan(plan, [image])
    assert before + whole <= plan.regions * 2, "finished regions are not done again"


def test_statistics_of_cells_do_not_depend_on_the_regions() -> None:
    image, network = picture(96, 128), resnet()
    graph = trace(network, [image.shape], CPU, torch.float64)
    results = []
    for side in (16, 40, 128):
        plan = Planner(graph, False, ALL_WAIT, cells=(6, 8)).plan(side, 1e12)
        results.append(run_plan(plan, [image], using=Using(local=True)))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(results[0], results[2], rtol=0, atol=1e-12)
    assert (results[0] - network(image)).abs().max() > 1e-3


def test_with_one_cell_local_statistics_are_those_of_the_image() -> None:
    image, network = picture(), resnet()
    plan = Planner(trace(network, [image.shape], CPU, torch.float64), False, ALL_WAIT, cells=(1, 1)).plan(16, 1e12)
    torch.testing.assert_close(run_plan(plan, [image], using=Using(local=True)), network(image), rtol=0, atol=1e-12)


def test_weighted_statistics_leave_the_background_out() -> None:
    image = picture(40, 48)
    plan = planned(F.instance_norm, [image], 16)

    def weights(region: Region, size: tuple[int, int]) -> Tensor:
        assert size == (40, 48)
        counts = torch.zeros(40, 48)
        counts[:, :20] = 1
        return counts[region[0].start : region[0].stop, region[1].start : region[1].stop]

    found = run_plan(plan, [image], using=Using(weights=weights))
    variance, mean = torch.var_mean(image[..., :20], (2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(found, (image - mean) / (variance + 1e-5).sqrt(), rtol=0, atol=1e-12)


def test_given_statistics_need_one_pass() -> None:
    image, other, network = picture(), picture(30, 33), resnet()
    measured = Executor(planned(network, [other], 16), [part_of(other)], lambda region, values: None, Scratch(None), CPU)
    measured.run()

    def translated(of: Tensor) -> Tensor:
        graph = trace(network, [of.shape], CPU, torch.float64)
        given = dict(zip(graph.statistics, measured.moments.values(), strict=True))
        plan = Planner(graph, False, ALL_WAIT, given).plan(16, 1e12)
        assert len(plan.passes) == 1
        assert not plan.waiting
        return run_plan(plan, [of], using=Using(given=given))

    assert 0.001 < (translated(image) - network(image)).abs().max() < 1
    torch.testing.assert_close(translated(other), network(other), rtol=0, atol=1e-12)


def test_regions_of_an_axis_meet() -> None:
    plan = planned(resnet(), [picture()], 16)
    for each in plan.passes:
        for target in each.targets:
            covered = torch.zeros(target.size)  # type: ignore[arg-type]
            for number in range(each.regions):
                rows, columns = each.region(target, number)
                covered[rows.start : rows.stop, columns.start : columns.stop] += 1
            assert (covered == 1).all()
    assert Span(3, 9).length == 6


def test_the_next_regions_are_read_while_one_is_written() -> None:
    image, reads = picture(), list[Region]()
    plan = planned(torch.tanh, [image], 16)
    last = plan.passes[-1].regions
    reading, written = Condition(), list[Region]()

    def read(region: Region) -> Tensor:
        with reading:
            reads.append(region)
            reading.notify_all()
        return part_of(image)(region)

    def write(region: Region, values: Tensor) -> None:
        written.append(region)
        with reading:
            assert reading.wait_for(lambda: len(reads) >= min(len(written) + 2, last), timeout=60)

    Executor(plan, [read], write, Scratch(None), CPU).run()
    assert len(written) == last
    assert set(written) == set(reads)


@pytest.mark.parametrize("refused", ["reading", "writing"])
def test_a_mistake_in_another_thread_stops_the_work_and_keeps_what_is_done(refused: str, tmp_path: Path) -> None:
    image, network = picture(), resnet()
    plan = planned(network, [image], 32)
    undisturbed = run_plan(plan, [image])
    result, calls = torch.zeros_like(undisturbed), {"reading": 0, "writing": 0}

    def call(what: str) -> None:
        calls[what] += 1
        if what == refused and calls[what] == 4:
            raise UserError(f"no room for {what}")

    def write(region: Region, values: Tensor) -> None:
        call("writing")
        result[..., region[0].start : region[0].stop, region[1].start : region[1].stop] = values

    def read(region: Region) -> Tensor:
        call("reading")
        return part_of(image)(region)

    for attempt in range(2):
        scratch = Scratch(tmp_path / "scratch")
        assert scratch.begin({"plan": plan.identity}) == bool(attempt)
        try:
            Executor(plan, [read], write, scratch, CPU).run()
        except UserError as mistake:
            assert not attempt
            assert str(mistake) == f"no room for {refused}"
        finally:
            scratch.close(forget=False)
    assert torch.equal(result, undisturbed)
    assert calls["writing"] == plan.passes[-1].regions + (refused == "writing"), "finished regions are not done again"
