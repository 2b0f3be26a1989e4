"""Run the command line tied to whoever holds the other end of standard input: when that ends, so do we.

``python -m afterbay.cli.demo.tether dev --port 4566`` is ``python -m afterbay dev --port 4566``, but for a demo that is
killed outright: no signal handler of its own could end the address then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from afterbay.cli.main import main

__all__ = ["tie"]


def tie() -> None:
    """End as by SIGTERM, drained, once standard input ends."""
    threading.Thread(target=_wait_for_end, name="tether", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    tie()
    sys.argv[0] = "afterbay"
    main()
