"""Lets the tests of the model share `model_variants`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
