"""Beginning from weights: `train.init_from` (docs/guide/weights.md)."""
