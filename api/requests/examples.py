"""The one report that the examples of openapi.yaml tell of."""

SUBMIT = {
    "service": "pothole",
    "location": {"latitude": 40.05, "longitude": -74.95},
    "description": "Deep, on the cycle lane.",
    "attributes": {"position": "lane", "lane_number": 2},
    "photos": ["019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b"],
    "client_id": "phone-0001",
    "contact": {"name": "Ada", "email": "ada@example.org"},
}

DOCUMENT = {
    "id": "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f",
    "number": "7K3F-9QTD",
    "status": "submitted",
    "resolution": None,
    "jurisdiction": "smallville",
    "service": "pothole",
    "service_name": "Pothole",
    "department": {"code": "roads-west", "name": "Roads – West"},
    "reason": "Pothole reports in West Ward are theirs (rule 3)",
    "areas": [{"kind": "ward", "code": "west", "name": "West Ward"}],
    "location": {"latitude": 40.05, "longitude": -74.95},
    "asset": None,
    "address": "",
    "description": "Deep, on the cycle lane.",
    "attributes": {"position": "lane", "lane_number": 2},
    "photos": [
        {
            "id": "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b",
            "state": "pending",
            "width": 3000,
            "height": 4000,
            "thumbnail": None,
            "large": None,
        }
    ],
    "visibility": "public",
    "version": 1,
    "submitted_at": "2026-11-21T14:03:11.208Z",
    "updated_at": "2026-11-21T14:03:11.208Z",
    "due_at": "2026-11-25T23:59:59-05:00",
    "acknowledged_at": None,
    "resolved_at": None,
    "closed_at": None,
    "contact": {"name": "Ada", "email": "ada@example.org"},
    "client_id": "phone-0001",
    "channel": "app",
}

PUBLIC_DOCUMENT = {key: value for key, value in DOCUMENT.items() if key not in {"contact", "client_id", "channel"}}

RESOLVED_DOCUMENT = {
    **PUBLIC_DOCUMENT,
    "status": "resolved",
    "resolution": "fixed",
    "version": 4,
    "resolved_at": "2026-11-23T10:12:00Z",
    "updated_at": "2026-11-23T10:12:00Z",
}

EVENT = {
    "id": "019f1c2e-9b23-7a01-9c22-3b4c5d6e7f80",
    "version": 1,
    "kind": "submitted",
    "at": "2026-11-21T14:03:11.208Z",
    "from_status": None,
    "to_status": "submitted",
    "text": "",
    "audience": "public",
}

MOVES = {
    "status": "in_progress",
    "version": 4,
    "moves": [
        {
            "to": "resolved",
            "needs": ["resolution"],
            "takes": ["text", "photos", "resolution"],
            "resolutions": ["fixed", "temporary_repair"],
            "reasons": [],
        }
    ],
}
