from requests311.models.connector import Connector, ConnectorFormat, ConnectorKind, ConnectorUpdates
from requests311.models.department import Department
from requests311.models.escalation_step import EscalationStep, Told
from requests311.models.event import Audience, Event, EventKind
from requests311.models.event_removal import EventRemoval
from requests311.models.follower import Follower
from requests311.models.forward import Forward, ForwardState
from requests311.models.handover import Handover
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.map_count import HeatCount, MapChange, MapCount
from requests311.models.membership import Membership
from requests311.models.merge import Merge
from requests311.models.photo import Photo, PhotoAudience, PhotoPurpose, PhotoState
from requests311.models.photo_fetch import PhotoFetch
from requests311.models.question import Question, QuestionState
from requests311.models.received_update import ReceivedUpdate
from requests311.models.rejection_reason import RejectionReason
from requests311.models.routing_rule import RoutingRule
from requests311.models.saved_filter import SavedFilter
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
from requests311.models.standard_text import StandardText
from requests311.models.synced_operation import SyncedOperation
from requests311.models.team import Team
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
    "EscalationStep",
    "Event",
    "EventKind",
    "EventRemoval",
    "Follower",
    "Forward",
    "ForwardState",
    "Handover",
    "HeatCount",
    "Jurisdiction",
    "MapChange",
    "MapCount",
    "Membership",
    "Merge",
    "Photo",
    "PhotoAudience",
    "PhotoFetch",
    "PhotoPolicy",
    "PhotoPurpose",
    "PhotoState",
    "Question",
    "QuestionState",
    "ReceivedUpdate",
    "RejectionReason",
    "RoutingRule",
    "SavedFilter",
    "Service",
    "ServiceArea",
    "ServiceRequest",
    "StandardText",
    "SyncedOperation",
    "Team",
    "Told",
    "Visibility",
    "Webhook",
    "WebhookDelivery",
]
