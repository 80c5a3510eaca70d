"""The cases of benchmarks/data.py, one a file: each is a function from --data (or None) to its rows."""
