from requests311.models.connector import Connector, ConnectorFormat, ConnectorKind, ConnectorUpdates
from requests311.models.department import Department
from requests311.models.event import Audience, Event, EventKind
from requests311.models.event_removal import EventRemoval
from requests311.models.forward import Forward, ForwardState
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.map_count import HeatCount, MapChange, MapCount
from requests311.models.membership import Membership
from requests311.models.photo import Photo, PhotoState
from requests311.models.photo_fetch import PhotoFetch
from requests311.models.received_update import ReceivedUpdate
from requests311.models.routing_rule import RoutingRule
from requests311.models.service import (
    AssetPolicy,
    Attribute,
    Datatype,
    DueUnit,
    PhotoPolicy,
    Service,
    ServiceArea,
    Visibility,
)
from requests311.models.service_request import ServiceRequest
from requests311.models.webhook import DeliveryState, Webhook, WebhookDelivery

__all__ = [
    "AssetPolicy",
    "Attribute",
    "Audience",
    "Connector",
    "ConnectorFormat",
    "ConnectorKind",
    "ConnectorUpdates",
    "Datatype",
    "DeliveryState",
    "Department",
    "DueUnit",
    "Event",
    "EventKind",
    "EventRemoval",
    "Forward",
    "ForwardState",
    "HeatCount",
    "Jurisdiction",
    "MapChange",
    "MapCount",
    "Membership",
    "Photo",
    "PhotoFetch",
    "PhotoPolicy",
    "PhotoState",
    "ReceivedUpdate",
    "RoutingRule",
    "Service",
    "ServiceArea",
    "ServiceRequest",
    "Visibility",
    "Webhook",
    "WebhookDelivery",
]
