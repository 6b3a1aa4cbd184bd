"""Embedded PostgreSQL and Valkey for development and tests, and a proxy that breaks connections.

Imported only by `manage.py` in dev mode, the demo, tests and benchmarks; never by production code.
"""
