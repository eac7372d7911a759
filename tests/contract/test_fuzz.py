"""Schemathesis makes requests out of openapi.yaml, well-formed and malformed, and holds every answer against it.

All checks are on. One is told more than it knows by itself: `positive_data_acceptance` takes a documented
refusal of well-formed input for a fault (schemathesis #3696), but a schema cannot say that a place lies
outside the city, that a request has moved on meanwhile, or which bytes are a photo.
"""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from config.wsgi import application
from tests.contract.seeds import Seeds

pytestmark = pytest.mark.django_db

OPENAPI = Path(__file__).resolve().parent.parent.parent / "openapi.yaml"

#: 412: the version in If-Match is not the present one; 422: the words fit, what they say does not.
_REFUSES_WELL_FORMED = ["412", "422"]
_BY_DEFAULT_TOO = ["2xx", "3xx", "401", "403", "404", "409", "429"]
#: A malformed value may also meet a size limit, an If-Match that is none of ours, or a wrong content type.
_REFUSES_MALFORMED = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428"]


def closing_application(environ: Any, start_response: Any) -> list[bytes]:
    """Ours, behind a server that closes every answer as PEP 3333 asks; Schemathesis leaves uploads open."""
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


def _schema(examples: int) -> Any:
    config = SchemathesisConfig.from_dict(
        {
            "checks": {
                "positive_data_acceptance": {"expected-statuses": [*_BY_DEFAULT_TOO, *_REFUSES_WELL_FORMED]},
                "negative_data_rejection": {"expected-statuses": _REFUSES_MALFORMED},
                "missing_required_header": {"expected-statuses": ["401", "404", "422", "428"]},
            },
            # Deterministic: a red build must be red again on the next machine. PostgreSQL keeps no null byte,
            # and the API says so with a 422, which no schema can express.
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "database": "none",
                "allow-x00": False,
                "with-security-parameters": False,
            },
        }
    )
    loaded = schemathesis.openapi.from_path(OPENAPI, config=config)
    loaded.app = closing_application
    return loaded


#: One city serves all cases of an operation; what a case writes stays for the next, as in life.
SHARED = settings(suppress_health_check=list(HealthCheck), deadline=None)

bounded = _schema(examples=12)
thorough = _schema(examples=500)


def fuzz(case: Any, seeds: Seeds, headers: dict[str, str]) -> None:
    seeds.put_into(case)
    case.call_and_validate(headers=headers)


@bounded.parametrize()  # type: ignore[untyped-decorator]
@SHARED
def test_as_a_guest_and_as_staff(case: Any, seeds: Seeds) -> None:
    """By turns, since the city that both meet takes longer to make than what is asked of it."""
    fuzz(case, seeds, next(seeds.turns))


@pytest.mark.long
@pytest.mark.timeout(3600)
@thorough.parametrize()  # type: ignore[untyped-decorator]
@SHARED
def test_as_a_guest_for_long(case: Any, seeds: Seeds) -> None:
    fuzz(case, seeds, seeds.guest)


@pytest.mark.long
@pytest.mark.timeout(3600)
@thorough.parametrize()  # type: ignore[untyped-decorator]
@SHARED
def test_as_staff_for_long(case: Any, seeds: Seeds) -> None:
    fuzz(case, seeds, seeds.staff)
