"""What the map's answers look like in openapi.yaml."""

REQUESTS = {
    "type": "FeatureCollection",
    "truncated": True,
    "features": [
        {
            "type": "Feature",
            "id": "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f",
            "geometry": {"type": "Point", "coordinates": [-74.95, 40.05]},
            "properties": {
                "number": "7K3F-9QTD",
                "status": "submitted",
                "service": "pothole",
                "service_name": "Pothole",
                "group": "Streets",
                "department": "Roads – West",
                "address": "",
                "submitted_at": "2026-11-21T14:03:11.208Z",
                "updated_at": "2026-11-21T14:03:11.208Z",
            },
        }
    ],
}

HEAT = {
    "type": "FeatureCollection",
    "resolution": 3,
    "withheld": 4,
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [
                        [-74.9, 40.05],
                        [-74.893, 40.039],
                        [-74.878, 40.039],
                        [-74.871, 40.05],
                        [-74.878, 40.061],
                        [-74.893, 40.061],
                        [-74.9, 40.05],
                    ]
                ],
            },
            "properties": {"count": 217},
        }
    ],
}

HOT_SPOTS = {
    "type": "FeatureCollection",
    "truncated": False,
    "features": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [-74.95, 40.05]},
            "properties": {
                "jurisdiction": "smallville",
                "service": "streetlight",
                "service_name": "Street light out",
                "group": "Streets",
                "count": 14,
                "open": 14,
                "radius_metres": 180,
                "first_at": "2026-11-21T14:03:11.208Z",
                "last_at": "2026-11-21T18:40:02.001Z",
                "numbers": ["7K3F-9QTD", "2M8C-4RXA"],
            },
        }
    ],
}
