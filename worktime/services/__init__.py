"""Writes about working time, by what they are about.

"Now" is the database's clock, read after the person's row is locked: one clock for all workers,
and of two writes that queue the later one gets the later time.
"""
