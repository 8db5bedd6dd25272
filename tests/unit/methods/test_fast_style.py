"""Styles are drawn by the samples' numbers; a new one is added to a trained network without touching the others."""

from pathlib import Path

import pytest
import torch
from pictures import draw
from PIL import Image
from tiny import make_run, make_trainer, micro_batches, tiny_config, weights

from gan_style.bundles.file import load_bundle
from gan_style.errors import UserError
from gan_style.methods.fast_style import FastStyle


def test_each_sample_is_drawn_a_style_whoever_trains_it(tmp_path: Path) -> None:
    method = make_trainer(tiny_config("fast_style", tmp_path)).method
    assert isinstance(method, FastStyle)
    whole = method.translate(micro_batches(3, 4)[0])["shares"]
    parts = [method.translate(batch)["shares"] for batch in micro_batches(3, 4, accumulate=4)]
    assert torch.equal(torch.cat(parts), whole)
    drawn = torch.cat([method.translate(micro_batches(step, 4)[0])["shares"] for step in range(8)])
    assert drawn.sum(dim=1).tolist() == [1.0] * 32
    assert 6 <= drawn[:, 0].sum() <= 26


def test_the_style_loss_is_of_the_drawn_style(tmp_path: Path) -> None:
    """A picture that is the style itself has no style loss under its own style, and some under the other."""
    config = tiny_config("fast_style", tmp_path, data={"crop_size": 24, "load_size": 24}, method={"tv_weight": 0.0})
    method = make_trainer(config).method
    assert isinstance(method, FastStyle)
    batch = micro_batches(0, 1)[0]
    picture = method.pictures[0]
    batch = batch.with_images(a=picture)
    own, other = (
        method.losses(method.players[0], batch, {"fake": picture, "shares": torch.tensor([shares])}) for shares in ([1.0, 0.0], [0.0, 1.0])
    )
    assert own["content"].item() == own["style"].item() == 0.0
    assert other["style"].item() > 0


def test_a_new_style_leaves_the_known_ones_as_they_are(tmp_path: Path) -> None:
    first = make_run(tiny_config("fast_style", tmp_path / "first"))
    assert first.fit() == 0
    bundle = tmp_path / "first" / "bundles" / "a2b.safetensors"
    Image.fromarray(draw(9)).save(tmp_path / "new.png")
    added = {"add_to": str(bundle), "styles": {"new": str(tmp_path / "new.png")}}
    second = make_run(tiny_config("fast_style", tmp_path / "second", method=added))
    assert second.fit() == 0
    info, grown = load_bundle(tmp_path / "second" / "bundles" / "a2b.safetensors")
    _, known = load_bundle(bundle)
    assert list(info.translator["styles"]) == ["waves", "dusk", "new"]
    for key, value in known.items():
        if ".norm." in key:
            assert torch.equal(grown[key][:2], value)
            assert not torch.allclose(grown[key][2], value.mean(dim=0)), f"{key} was not trained"
        else:
            assert torch.equal(grown[key], value)
    resumed = make_run(tiny_config("fast_style", tmp_path / "second", train={"steps": 6}, method=added))
    assert resumed.fit() == 0
    assert all(torch.equal(value, weights(resumed.trainer)[f"generator/{key}"]) for key, value in known.items() if ".norm." not in key)


def test_wrong_uses_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"method\.styles: name at least one"):
        make_trainer(tiny_config("fast_style", tmp_path, method={"styles": {}}))
    with pytest.raises(UserError, match=r"none\.png"):
        make_trainer(tiny_config("fast_style", tmp_path, method={"styles": {"a": "none.png"}}))
    run = make_run(tiny_config("fast_style", tmp_path / "run"))
    run.fit()
    bundle = str(tmp_path / "run" / "bundles" / "a2b.safetensors")
    with pytest.raises(UserError, match="knows dusk, waves already"):
        make_trainer(tiny_config("fast_style", tmp_path, method={"add_to": bundle}))
    Image.fromarray(draw(9)).save(tmp_path / "new.png")
    other = {"add_to": bundle, "styles": {"new": str(tmp_path / "new.png")}, "generator": {"base_channels": 8, "num_blocks": 1}}
    with pytest.raises(UserError, match="its generator has other settings"):
        make_trainer(tiny_config("fast_style", tmp_path, method=other))
    gan = make_run(tiny_config("gan", tmp_path / "gan"))
    gan.fit()
    with pytest.raises(UserError, match="a bundle of gan; give one of fast_style"):
        make_trainer(tiny_config("fast_style", tmp_path, method={**other, "add_to": str(tmp_path / "gan" / "bundles" / "a2b.safetensors")}))


def test_the_bundle_names_its_styles_and_no_files(tmp_path: Path) -> None:
    run = make_run(tiny_config("fast_style", tmp_path))
    run.fit()
    text = (tmp_path / "bundles" / "a2b.safetensors").read_bytes()[:4000].decode("latin1")
    assert "waves" in text
    assert ".png" not in text
