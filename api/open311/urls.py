"""The whole surface of /open311/v2 on one screen."""

from django.urls import path, re_path

from api.open311.bulk import BulkView
from api.open311.catalogue import DefinitionView, ServicesView
from api.open311.discovery import DiscoveryView
from api.open311.endpoint import Unknown
from api.open311.requests import RequestsView, RequestView
from api.open311.tokens import TokenView
from api.open311.updates import UpdatesView

urlpatterns = [
    path("discovery.<str:suffix>", DiscoveryView.as_view()),
    path("services.<str:suffix>", ServicesView.as_view()),
    path("services/<str:code>.<str:suffix>", DefinitionView.as_view()),
    path("requests.<str:suffix>", RequestsView.as_view()),
    path("requests/<str:key>.<str:suffix>", RequestView.as_view()),
    path("tokens/<str:token>.<str:suffix>", TokenView.as_view()),
    path("servicerequestupdates.<str:suffix>", UpdatesView.as_view()),
    path("bulk/requests.csv", BulkView.as_view()),
    re_path("", Unknown.as_view()),
]
