"""PatchNCE gives the reference's losses and gradients."""

import pytest
import torch
from vectors import Vectors

from gan_style.losses.patch_nce import Negatives, patch_nce

# The reference's words for which patches are the negatives.
NEGATIVES: dict[str, Negatives] = {"other patches of the same image": "image", "other patches of the batch": "batch"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_and_gradient(patch_nce_vectors: Vectors, dtype: torch.dtype) -> None:
    spec, tensors = patch_nce_vectors.spec, patch_nce_vectors.tensors
    assert spec["reduction"] == "none"
    shape = (spec["batch_size"], spec["num_patches"], -1)
    query, key = (tensors[name].to(dtype).view(shape).requires_grad_() for name in ("query", "key"))
    losses = patch_nce(query, key, spec["temperature"], NEGATIVES[spec["negatives"]], "none")
    losses.mean().backward()
    for ours, theirs in ((losses.detach().flatten(), tensors["loss"]), (query.grad, tensors["grad_query"])):
        assert ours is not None
        assert (ours.view(theirs.shape) - theirs).abs().max() <= 1e-6 * (theirs.max() - theirs.min())
    assert key.grad is None
