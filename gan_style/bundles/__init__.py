"""Inference bundles: one safetensors file for each translator."""
