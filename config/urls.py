"""Everything this server answers to."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from api import health
from api.open311.discovery import DiscoveryView

admin.site.site_header = admin.site.site_title = "Requests311"
admin.site.index_title = "Catalogue, people and what happened"

urlpatterns = [
    path("", RedirectView.as_view(url="/api/docs")),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("api/openapi.yaml", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include("api.urls")),
    path("discovery.<str:suffix>", DiscoveryView.as_view()),
    path("open311/v2/", include("api.open311.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "api.errors.bad_request"
handler404 = "api.errors.not_found"
handler500 = "api.errors.server_error"
