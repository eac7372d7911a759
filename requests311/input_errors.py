"""What a model refuses (`full_clean`) → the wrong values that a domain error lists."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from requests311.errors import InputError


def input_errors(error: ValidationError) -> list[InputError]:
    """One for each message, with the field as its pointer; needs the errors by field, as `full_clean` gives them."""
    return [
        InputError("" if field == NON_FIELD_ERRORS else f"/{field}", one.code or "invalid", " ".join(one.messages))
        for field, errors in error.error_dict.items()
        for one in errors
    ]
