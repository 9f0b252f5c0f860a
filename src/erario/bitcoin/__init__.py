"""Protocol values and pure rules of Bitcoin: no I/O, no clock, no network."""
