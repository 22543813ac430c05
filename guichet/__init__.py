"""The frame of Guichet: settings, secrets, Redis, supervision, command line."""

__version__ = "0.1.0"
