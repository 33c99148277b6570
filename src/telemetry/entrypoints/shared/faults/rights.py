"""Rights of the processes that are started: the modes of files have to mean something, also to root."""

import ctypes
import os
import sys
from typing import Final

_DROP: Final = 24  # PR_CAPBSET_DROP of Linux's prctl(2)
_BEYOND_MODES: Final = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def give_up() -> None:
    """Let no process that this one starts from now on read and write what the modes of files forbid.

    This one keeps its rights. Raise OSError if the system refuses that.
    """
    if sys.platform != "linux" or os.geteuid():
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for capability in _BEYOND_MODES:
        if prctl(_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "a capability cannot be given up")
