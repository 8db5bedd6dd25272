"""Exported networks: a bundle becomes one graph in ONNX, torch.export's format or TorchScript that takes pictures and gives pictures."""
