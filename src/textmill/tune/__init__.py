"""Tuning: from a base model to one that does what it is told."""
