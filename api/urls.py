"""The whole surface of /api/v1 on one screen."""

from django.urls import path

from api.addresses.views import AddressesView
from api.assets.views import AssetsView, AssetView, EarlierRequestsView
from api.auth.views import GuestView, RefreshView, SignInView
from api.crew import work
from api.crew.bulk import BulkView
from api.crew.filters import FiltersView, FilterView
from api.crew.links import AnswerView, HandoverLinkView, QuestionView
from api.crew.queue import CountsView, QueueView
from api.crew.sync import SyncView
from api.crew.templates import TemplatesView, TemplateView
from api.map.areas import AreasView, AreaTilesView
from api.map.views import HeatView, HotSpotsView, MapRequestsView, TileView
from api.me.views import DeviceView, NotificationsView
from api.photos.views import PhotosView, PhotoVariantView, PhotoView
from api.requests.following import FollowingView
from api.requests.views import EventsView, RequestsView, RequestView, TransitionsView
from api.services.views import LocateView, ServicesView
from api.webhooks.views import (
    WebhookDeliveriesView,
    WebhookPingView,
    WebhookResendView,
    WebhookSecretView,
    WebhooksView,
    WebhookView,
)

urlpatterns = [
    path("auth/guest", GuestView.as_view()),
    path("auth/token", SignInView.as_view()),
    path("auth/refresh", RefreshView.as_view()),
    path("services", ServicesView.as_view()),
    path("locate", LocateView.as_view()),
    path("addresses", AddressesView.as_view()),
    path("map/areas", AreasView.as_view()),
    path("map/areas/tiles/<str:z>/<str:x>/<str:y>.mvt", AreaTilesView.as_view()),
    path("assets", AssetsView.as_view()),
    path("assets/<uuid:asset_id>", AssetView.as_view()),
    path("photos", PhotosView.as_view()),
    path("photos/<uuid:photo_id>", PhotoView.as_view()),
    path("photos/<uuid:photo_id>/<str:variant>", PhotoVariantView.as_view()),
    path("requests", RequestsView.as_view()),
    path("requests/<str:key>", RequestView.as_view()),
    path("requests/<str:key>/events", EventsView.as_view()),
    path("requests/<str:key>/earlier", EarlierRequestsView.as_view()),
    path("requests/<str:key>/transitions", TransitionsView.as_view()),
    path("requests/<str:key>/following", FollowingView.as_view()),
    path("requests/<str:key>/assign", work.AssignView.as_view()),
    path("requests/<str:key>/priority", work.PriorityView.as_view()),
    path("requests/<str:key>/reroute", work.RerouteView.as_view()),
    path("requests/<str:key>/merge", work.MergeView.as_view()),
    path("requests/<str:key>/unmerge", work.UnmergeView.as_view()),
    path("requests/<str:key>/children", work.ChildrenView.as_view()),
    path("requests/<str:key>/questions", work.QuestionsView.as_view()),
    path("requests/<str:key>/notes", work.NotesView.as_view()),
    path("requests/<str:key>/comments", work.CommentsView.as_view()),
    path("requests/<str:key>/events/<uuid:event_id>", work.EventTextView.as_view()),
    path("requests/<str:key>/events/<uuid:event_id>/redaction", work.RedactionView.as_view()),
    path("requests/<str:key>/handovers", work.HandoversView.as_view()),
    path("requests/<str:key>/handovers/<uuid:handover_id>", work.HandoverView.as_view()),
    path("questions/<str:token>", QuestionView.as_view()),
    path("questions/<str:token>/answer", AnswerView.as_view()),
    path("handovers/<str:token>", HandoverLinkView.as_view()),
    path("crew/queue", QueueView.as_view()),
    path("crew/counts", CountsView.as_view()),
    path("crew/bulk", BulkView.as_view()),
    path("crew/sync", SyncView.as_view()),
    path("map/tiles/<str:z>/<str:x>/<str:y>.mvt", TileView.as_view()),
    path("map/requests", MapRequestsView.as_view()),
    path("map/heat", HeatView.as_view()),
    path("map/clusters", HotSpotsView.as_view()),
    path("crew/filters", FiltersView.as_view()),
    path("crew/filters/<uuid:filter_id>", FilterView.as_view()),
    path("crew/templates", TemplatesView.as_view()),
    path("crew/templates/<uuid:template_id>", TemplateView.as_view()),
    path("me/notifications", NotificationsView.as_view()),
    path("webhooks", WebhooksView.as_view()),
    path("webhooks/<uuid:webhook_id>", WebhookView.as_view()),
    path("webhooks/<uuid:webhook_id>/secret", WebhookSecretView.as_view()),
    path("webhooks/<uuid:webhook_id>/ping", WebhookPingView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries", WebhookDeliveriesView.as_view()),
    path("webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend", WebhookResendView.as_view()),
    path("me/devices/<str:installation_id>", DeviceView.as_view()),
]
