"""Training: the step, the loop around it, checkpoints, logs, samples. accelerate is known here and in build.py alone."""
