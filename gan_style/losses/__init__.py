"""Losses: pure functions from tensors and numbers to a scalar."""
