"""Training: batches, optimizers, schedule, loop, checkpoints, plan."""
