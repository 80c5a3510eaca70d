"""One run on many processes: torchrun starts them, torch's own parts divide the work (`parallelize` says how)."""
