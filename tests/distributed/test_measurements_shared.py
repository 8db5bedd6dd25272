"""Inputs of several files and slices of volumes are the same for one process and for two."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from test_two_processes import largest_difference, train

KEYS = ["data.domain_a.channels=2", "data.domain_a.range=percentiles", "data.domain_b.channels=1", "data.domain_b.range=auto"]


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_two_processes_give_the_weights_of_one_on_masked_inputs_of_two_files(name: str, tmp_path: Path) -> None:
    for domain in ("A1", "A2", "B"):
        (tmp_path / f"data/train{domain}").mkdir(parents=True)
        for number in range(5):
            values = np.random.default_rng([number, ord(domain[-1])]).normal(0, 100, (24, 24)).astype(np.float32)
            np.save(tmp_path / f"data/train{domain}/{number}.npy", values)
    (tmp_path / "data/trainMask").mkdir()
    for number in range(5):
        np.save(tmp_path / f"data/trainMask/{number}.npy", np.random.default_rng(number).integers(0, 2, (24, 24), np.uint8))
    one = train(name, 1, tmp_path / "data", tmp_path / "one", *KEYS)
    two = train(name, 2, tmp_path / "data", tmp_path / "two", *KEYS)
    assert largest_difference(one, two) <= 1e-9
    assert (one / "config.yaml").read_text().replace("one/run", "two/run") == (two / "config.yaml").read_text()


def test_two_processes_give_the_weights_of_one_on_slices_of_volumes(tmp_path: Path) -> None:
    for domain in "AB":
        (tmp_path / f"data/train{domain}").mkdir(parents=True)
        for number in range(2):
            values = np.random.default_rng([number, ord(domain)]).normal(0, 100, (24, 24, 3)).astype(np.float32)
            nibabel.Nifti1Image(values, np.eye(4)).to_filename(tmp_path / f"data/train{domain}/{number}.nii.gz")
    keys = ["data.domain_a.slices=3", "data.domain_a.channels=3", *KEYS[1:]]
    one = train("pix2pix", 1, tmp_path / "data", tmp_path / "one", *keys)
    two = train("pix2pix", 2, tmp_path / "data", tmp_path / "two", *keys)
    assert largest_difference(one, two) <= 1e-9
