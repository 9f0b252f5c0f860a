"""Renderers: values in, lines or bytes out. Nothing here reads, writes or knows a terminal."""
