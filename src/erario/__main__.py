"""`python -m erario` is `erario`."""

from __future__ import annotations

from erario.cli.start import main

if __name__ == "__main__":
    main()
