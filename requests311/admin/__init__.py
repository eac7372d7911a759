"""The catalogue for people, and requests to look at. What is not imported here has no page."""

from requests311.admin.catalogue import DepartmentAdmin as DepartmentAdmin
from requests311.admin.catalogue import JurisdictionAdmin as JurisdictionAdmin
from requests311.admin.catalogue import ServiceAdmin as ServiceAdmin
from requests311.admin.forwarding import ConnectorAdmin as ConnectorAdmin
from requests311.admin.forwarding import ForwardAdmin as ForwardAdmin
from requests311.admin.people import MembershipAdmin as MembershipAdmin
from requests311.admin.people import TeamAdmin as TeamAdmin
from requests311.admin.requests import EventRemovalAdmin as EventRemovalAdmin
from requests311.admin.requests import PhotoAdmin as PhotoAdmin
from requests311.admin.requests import ServiceRequestAdmin as ServiceRequestAdmin
from requests311.admin.rules import RoutingRuleAdmin as RoutingRuleAdmin
from requests311.admin.texts import SavedFilterAdmin as SavedFilterAdmin
from requests311.admin.texts import StandardTextAdmin as StandardTextAdmin
from requests311.admin.webhooks import WebhookAdmin as WebhookAdmin
from requests311.admin.webhooks import WebhookDeliveryAdmin as WebhookDeliveryAdmin
from requests311.admin.working_day import FollowerAdmin as FollowerAdmin
from requests311.admin.working_day import HandoverAdmin as HandoverAdmin
from requests311.admin.working_day import MergeAdmin as MergeAdmin
from requests311.admin.working_day import QuestionAdmin as QuestionAdmin
from requests311.admin.working_day import SyncedOperationAdmin as SyncedOperationAdmin
