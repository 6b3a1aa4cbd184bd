"""Drills: break something under load from outside, count what came of it; `./run drill NAME`."""
