"""The settings of a small run."""

SMALL = (
    "--train.steps=8",
    "--train.batch_tokens=256",
    "--train.compile=off",
    "--train.threads=1",
    "--model.layers=2",
    "--model.width=32",
    "--model.heads=2",
    "--model.context=32",
    "--checkpoint.every=4",
    "--evaluate.every=4",
    "--evaluate.sample_every=0",
    "--evaluate.tokens=512",
)
"""A run that is over in a second or two."""
