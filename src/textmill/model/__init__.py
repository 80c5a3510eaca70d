"""One decoder-only transformer with options."""
