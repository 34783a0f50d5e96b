"""Keeps PostgreSQL equal to what a Speckle server shows."""

__version__ = "0.1.0"
