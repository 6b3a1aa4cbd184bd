"""Writes about organisations and who belongs to them.

What changes a membership locks the organisation's row first and the person's second. So changes in
one organisation queue, and what they count (admins, seats) is true until they commit.
"""
