"""When two names are the same name."""

import unicodedata


def normal_form(name: str) -> str:
    """Return what names that nobody should have to tell apart have in common."""
    return unicodedata.normalize("NFKC", name).casefold()
