"""`python -m speckle2pg` and the command `speckle2pg`."""

from __future__ import annotations

from speckle2pg.cli import main

if __name__ == "__main__":
    main()
