"""One page about a run, drawn from its events alone, written where it ends (`textmill report run` writes it anew)."""
