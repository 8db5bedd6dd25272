"""Inference bundles: one safetensors file a translator, and where to find it."""
