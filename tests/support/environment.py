"""What the environment brings along: settings of the developer's, taken away from the tests, and ignored signals."""

from __future__ import annotations

import os
import signal

from speckle2pg.settings import Settings

_NAMES = {f"{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}

GIVEN: dict[str, str] = {name: os.environ.pop(name) for name in list(os.environ) if name.upper() in _NAMES}
"""What was set. The live tests read SPECKLE_SERVER_URL and SPECKLE_TOKEN here."""

# A suite that a shell runs in the background ignores interrupts, and the programs under test would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
