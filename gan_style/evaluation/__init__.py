"""How good translations are, in numbers: docs/guide/evaluation.md. torchmetrics is loaded only where something is measured."""
