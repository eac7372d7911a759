"""What openapi.yaml shows of a department's day."""

from typing import Any

from api.requests.examples import PUBLIC_DOCUMENT

ASSIGNED: dict[str, Any] = {
    **PUBLIC_DOCUMENT,
    "status": "assigned",
    "version": 3,
    "assignee": "019f1c2e-1111-7f00-8e11-2a3b4c5d6e7f",
    "team": "night",
    "priority": "high",
    "hold_reason": None,
    "first_response_due_at": "2026-11-23T17:00:00Z",
    "parent": None,
    "reporter": "019f1c2e-2222-7f00-8e11-2a3b4c5d6e7f",
}
QUEUE = {"results": [{**ASSIGNED, "distance": 312.4}], "next": "ZHVlfDIwMjYtMTE"}
COUNTS = {
    "total": 42,
    "overdue": 3,
    "unassigned": 17,
    "mine": 5,
    "by_status": {"submitted": 17, "acknowledged": 4, "assigned": 12, "in_progress": 6, "on_hold": 3},
}
TASKS = {
    "results": [
        {
            "id": "019f1c2e-3333-7f00-8e11-2a3b4c5d6e7f",
            "number": "2M8C-4HRW",
            "status": "submitted",
            "department": "parks",
            "service": "fallen_tree",
            "text": "Take the tree off the road first.",
            "due_at": None,
        }
    ]
}
HANDOVERS = {
    "results": [
        {
            "id": "019f1c2e-4444-7f00-8e11-2a3b4c5d6e7f",
            "email": "works@contractor.example",
            "at": "2026-11-22T08:00:00Z",
            "expires_at": "2026-12-06T08:00:00Z",
            "revoked_at": None,
            "done_at": None,
        }
    ]
}
QUESTION = {
    "number": "7K3F-9QTD",
    "service_name": "Pothole",
    "jurisdiction": "Smallville",
    "text": "Is it on the cycle lane or beside it?",
    "asked_at": "2026-11-22T08:00:00Z",
    "expires_at": "2026-12-06T08:00:00Z",
    "answered": False,
}
HANDED_OVER = {
    "number": "7K3F-9QTD",
    "service_name": "Pothole",
    "department": "Roads – West",
    "location": {"latitude": 40.05, "longitude": -74.95},
    "address": "12 Main Street",
    "description": "Deep, on the cycle lane.",
    "attributes": {"position": "lane"},
    "photos": [],
    "submitted_at": "2026-11-21T14:03:11Z",
    "expires_at": "2026-12-06T08:00:00Z",
    "done": False,
}
RECEIVED = {"number": "7K3F-9QTD", "status": "in_progress"}
BULK = {
    "items": [
        {"id": "7K3F-9QTD", "version": 2, "action": "transition", "to": "in_progress"},
        {"id": "2M8C-4HRW", "version": 5, "action": "assign", "team": "night"},
    ]
}
BULK_RESULT = [
    {"id": "7K3F-9QTD", "status": 200, "version": 3},
    {
        "id": "2M8C-4HRW",
        "status": 412,
        "version": 6,
        "problem": {
            "type": "about:blank",
            "title": "Changed meanwhile",
            "status": 412,
            "code": "stale_version",
            "detail": "Somebody changed this request since you read it.",
        },
    },
]
SYNC = {
    "operations": [
        {
            "id": "phone-7/41",
            "request": "7K3F-9QTD",
            "version": 3,
            "action": "transition",
            "at": "2026-11-22T10:12:00Z",
            "to": "resolved",
            "resolution": "fixed",
        }
    ]
}
SYNC_RESULT = [{"id": "phone-7/41", "status": 200, "version": 4, "replayed": False}]
