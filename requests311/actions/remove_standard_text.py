"""A manager removes a standard text; what was said with it stays said."""

from uuid import UUID

from django.db import transaction

from requests311.actions.save_standard_text import check_manager
from requests311.actors import Actor
from requests311.queries.standard_texts import text_of


@transaction.atomic
def remove_standard_text(*, by: Actor, id: UUID) -> None:
    """Raises NotFound where the text is out of reach, NotAllowed where the caller may read it only."""
    text = text_of(by, id=id, lock=True)
    check_manager(by, text)
    text.delete()
