"""Sentiment: labels with probabilities that mean something, aspects, reasons, and what a file of feedback says."""
