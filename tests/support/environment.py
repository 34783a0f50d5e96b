"""Settings of the developer's own environment: taken away from the tests, and kept for those that ask for them."""

from __future__ import annotations

import os

from speckle2pg.settings import Settings

_NAMES = {f"{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}

GIVEN: dict[str, str] = {name: os.environ.pop(name) for name in list(os.environ) if name.upper() in _NAMES}
"""What was set. The live tests read SPECKLE_SERVER_URL and SPECKLE_TOKEN here."""
