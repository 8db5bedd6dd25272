"""Networks with weights that others trained: features for losses and metrics."""
