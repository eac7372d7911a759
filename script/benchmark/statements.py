"""What pg_stat_statements counted: how many statements, how much of the database's time."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_TOTAL = """
SELECT query, calls, total_plan_time + total_exec_time, rows FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'
ORDER BY 3 DESC
"""
_TOP = 12


def reset(connection: "psycopg.Connection[Any]") -> None:
    connection.execute("SELECT pg_stat_statements_reset()")


def read(connection: "psycopg.Connection[Any]") -> list[tuple[str, int, float, int]]:
    """(statement, calls, milliseconds of planning and running, rows) since the reset, the dearest first."""
    return [tuple(row) for row in connection.execute(_TOTAL).fetchall()]


def summary(rows: list[tuple[str, int, float, int]], requests: int) -> dict[str, Any]:
    """Per call of ours: statements and milliseconds in the database; and the dearest statements."""
    requests = max(1, requests)
    return {
        "statements_per_call": round(sum(calls for _, calls, _, _ in rows) / requests, 2),
        "database_ms_per_call": round(sum(ms for _, _, ms, _ in rows) / requests, 3),
        "top_statements": [
            {
                "statement": " ".join(query.split())[:160],
                "per_call": round(calls / requests, 2),
                "ms_per_call": round(ms / requests, 3),
            }
            for query, calls, ms, _ in rows[:_TOP]
        ],
    }
