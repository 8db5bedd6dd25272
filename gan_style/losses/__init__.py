"""Losses: tensors and numbers in, scalar out."""
