"""When two names are the same name, and which characters no name has."""

import re
import unicodedata
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.deconstruct import deconstructible

# Control and format characters (direction marks, zero-width ones) and the separators of lines and
# paragraphs: nobody sees them, or they reorder what one sees.
UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
TAGS: Final = range(0xE0000, 0xE1000)
# These for clients, as far as their regular expressions reach, and Unicode's default-ignorable
# characters, blank letters and variation selectors.
NAME_PATTERN: Final = (
    r"^[^\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]+\Z"
)
BATCH: Final = 2000
LONGEST: Final = 600  # characters of a normal form, in which one may have become eighteen
# Alphabets with letters that look alike.
ALIKE: Final = frozenset({"LATIN", "GREEK", "CYRILLIC"})


def normal_form(name: str) -> str:
    """Return what names that nobody should have to tell apart have in common.

    Compatible characters are one (NFKC), and so are cases (Unicode's case folding) and any number
    of spaces. It is computed here and not in the database, whose idea of case depends on its
    version and locale.
    """
    form = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(form.split())


@deconstructible
class NameValidator(RegexValidator):
    """Raises ValidationError for a name with a character that nobody sees, or too long a form."""

    regex = NAME_PATTERN
    message = "Use visible characters only, in one line."
    code = "unseen_character"

    def __call__(self, value: Any) -> None:
        """Check a name."""
        if not re.match(NAME_PATTERN, value) or any(
            unicodedata.category(each) in UNSEEN or ord(each) in TAGS for each in value
        ):
            raise ValidationError(self.message, self.code)
        if len(normal_form(value)) > LONGEST:
            raise ValidationError("This name is too long.", "max_length")


validate_name = NameValidator()


def validate_one_alphabet(name: str) -> None:
    """Raise ValidationError where letters of alphabets that look alike are mixed."""
    alphabets = {unicodedata.name(each, "").split(" ")[0] for each in name if each.isalpha()}
    if len(alphabets & ALIKE) > 1:
        raise ValidationError("Use letters of one alphabet only.", "mixed_alphabets")


def validate_ascii_email(email: str) -> None:
    """Raise ValidationError for an address that could be written in two ways."""
    if not email.isascii():
        raise ValidationError("Give the domain in its ASCII form (xn--…).", "not_ascii")


class NormalFormField(models.CharField[str, str]):
    """The normal form of another field of the row, computed whenever the row is saved."""

    def __init__(self, of: str, **kwargs: Any) -> None:
        """Describe it; `of` names the other field."""
        self.of = of
        super().__init__(**{"max_length": LONGEST, "editable": False, "default": "", **kwargs})

    def deconstruct(self) -> Any:
        """Return what makes it again in a migration."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.of, *args], kwargs

    def clean(self, value: Any, model_instance: models.Model | None) -> str:
        """Return the normal form, so that what is validated is what will be saved."""
        return normal_form(getattr(model_instance, self.of) or "")

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Return the normal form, and give it to the row."""
        value = normal_form(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, value)
        return value


def fill_normal_forms(
    model: type[models.Model], key: str, of: str, within: tuple[str, ...] = ()
) -> None:
    """Compute the normal forms of all rows; for migrations.

    Raises ValueError that names all rows, of those with the same `within`, whose forms are the
    same: somebody has to rename them first.
    """
    rows = model._default_manager.only("pk", of, key, *within).order_by("pk")
    found: dict[tuple[Any, ...], list[str]] = {}
    for row in rows.iterator(BATCH):
        name = getattr(row, of)
        where = tuple(getattr(row, each) for each in within)
        found.setdefault((*where, normal_form(name)), []).append(f"{row.pk} {name!r}")
    collisions = ["; ".join(same) for same in found.values() if len(same) > 1]
    if collisions:
        raise ValueError(
            f"Rename all but one of each in {model._meta.db_table}.{of}, then migrate again: "
            + " | ".join(collisions)
        )
    batch: list[models.Model] = []
    for row in rows.iterator(BATCH):
        setattr(row, key, normal_form(getattr(row, of)))
        batch.append(row)
        if len(batch) == BATCH:
            model._default_manager.bulk_update(batch, [key])
            batch = []
    model._default_manager.bulk_update(batch, [key])
