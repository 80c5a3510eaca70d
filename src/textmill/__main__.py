"""`python -m textmill` is the `textmill` command."""

from textmill.cli.main import entry

if __name__ == "__main__":
    entry()
