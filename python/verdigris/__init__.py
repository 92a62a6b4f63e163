"""Verdigris: an application server for Python web apps.

The server itself is the program `verdigris`, written in Rust. This package is its Python side: the mold, which
imports the app once and forks the workers, and what runs inside a worker. This file imports nothing on purpose:
the mold loads it into virtual environments that have no Verdigris of their own.
"""

__version__ = "0.1.0"
