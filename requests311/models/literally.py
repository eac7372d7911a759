from django.db.models import BooleanField, F, Func


def literally(column: str, condition: str) -> Func:
    """Written out: PostgreSQL takes a partial index only where it sees the value, which a parameter does not show."""
    return Func(F(column), template=f"%(expressions)s {condition}", output_field=BooleanField())
