from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny import tiny_config

from gan_style.config.load import dump_config
from gan_style.engine import precision
from gan_style.engine.precision import check_one_precision, with_precision
from gan_style.errors import UserError


def auto(tmp_path: Path, **train: Any) -> Any:
    return tiny_config("pix2pix", tmp_path, train={"mixed_precision": "auto", **train})


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "no")])
def test_auto_is_bf16_where_the_hardware_multiplies_it(native: bool, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: native)
    assert with_precision(auto(tmp_path)).train.mixed_precision == chosen
    assert with_precision(auto(tmp_path, dtype="float64")).train.mixed_precision == "no"
    assert with_precision(auto(tmp_path, mixed_precision="fp16")).train.mixed_precision == "fp16"


@pytest.mark.parametrize("native", [True, False])
def test_a_run_that_goes_on_elsewhere_keeps_its_precision(native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: native)
    config = with_precision(auto(tmp_path))
    folder = Path(config.run_dir)
    (folder / "bundles").mkdir(parents=True)
    (folder / "bundles" / "a2b.safetensors").touch()
    (folder / "config.yaml").write_text(dump_config(config))
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: not native)
    assert with_precision(auto(tmp_path)).train.mixed_precision == config.train.mixed_precision


def test_two_machines_with_different_choices_are_refused() -> None:
    agreement: Any = SimpleNamespace(gathered=lambda value: [value, "no"])
    train: Any = SimpleNamespace(mixed_precision="bf16")
    with pytest.raises(UserError, match=r"^train\.mixed_precision: auto is bf16 and no on different machines; set one of them$"):
        check_one_precision(train, agreement)
    train.mixed_precision = "no"
    check_one_precision(train, agreement)
