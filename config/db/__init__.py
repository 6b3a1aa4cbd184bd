"""`ENGINE = "config.db"`: PostgreSQL with a bounded pool, honest refusals and safe writes.

Imports nothing (Django imports this package before `base`); see docs/database.md.
"""
