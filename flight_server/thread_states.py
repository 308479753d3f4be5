"""One Python thread state for all that a call of pyarrow's server does.

pyarrow enters Python some five times in a call, on a thread of gRPC's that Python knows nothing of.
Each time the interpreter makes a thread state, with a mapping for its frames, and unmaps that when
it is left: every unmapping interrupts all cores that the process runs on. Kept from the call's
beginning to its end it is made once; docs/adr/0017 has the figures.
"""

import ctypes
import threading

_LOCKED = 0  # PyGILState_LOCKED: Python was entered already when the state was taken once more

_ensure = ctypes.pythonapi.PyGILState_Ensure
_ensure.restype = ctypes.c_int
_release = ctypes.pythonapi.PyGILState_Release
_release.restype = None


class KeptThreadState:
    """Counts one entry more on this thread, until `give_back` is called on it.

    pyarrow begins and completes a call on the thread that runs it. On any other thread giving back
    would end a state in use, so there nothing is done: the state then stays as long as the process.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        _ensure()

    def give_back(self) -> None:
        if threading.get_ident() == self._thread:
            _release(_LOCKED)
