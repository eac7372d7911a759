"""Draws docs/states.md from the one dict in statuses.py."""

from requests311.policies import REPORTER
from requests311.statuses import OPEN, TRANSITIONS, Status

_HEAD = """# The life of a request

Drawn by `manage.py draw_states` from `requests311/statuses.py`; a test fails when the two differ. Open311
sees the blue ones as `open`, the others as `closed`.

```mermaid
stateDiagram-v2
    direction LR
    classDef open fill:#dbeafe,stroke:#1d4ed8,color:#1e3a8a
    [*] --> submitted
"""

_TABLE = """```

| from | to | who | has to say |
| --- | --- | --- | --- |
"""


def states_page() -> str:
    """The whole page, Markdown with a Mermaid diagram and a table of all moves."""
    arrows = "".join(f"    {start} --> {end}\n" for start, moves in TRANSITIONS.items() for end in moves)
    colours = f"    class {','.join(status for status in Status if status in OPEN)} open\n"
    ends = "".join(f"    {status} --> [*]\n" for status in Status if not TRANSITIONS[status])
    return _HEAD + arrows + ends + colours + _TABLE + "".join(_rows())


def _rows() -> list[str]:
    rows = []
    for start, moves in TRANSITIONS.items():
        for end, move in moves.items():
            who = "the reporter" if move.permission in REPORTER else "the department"
            if move.by_action:
                who = f"the department, by {move.by_action}"
            if move.permission == "reopen":
                who = "the reporter within the window, the department"
            says = ["why, for the resident"] * move.needs_text + ["how it ended"] * move.needs_resolution
            rows.append(f"| {start} | {end} | {who} | {', '.join(says) or '–'} |\n")
    return rows
