from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.gis.geos import Point
from django.core.files.storage import Storage, storages
from django.db import connection
from django.db.models import Q
from uuid_utils.compat import uuid7

from requests311.errors import InputError, NotFound, PhotoHasNoPlace
from requests311.models.service_request import ServiceRequest
from requests311.policies import Permission, Viewer


class PhotoAudience(models.TextChoices):
    PUBLIC = "public"
    STAFF = "staff"


class PhotoPurpose(models.TextChoices):
    REPORT = "report"
    COMPLETION = "completion"  # shows what was done
    COMMENT = "comment"
    NOTE = "note"
    ANSWER = "answer"  # to a question that was asked
    HANDOVER = "handover"  # a contractor's


class PhotoState(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"


def originals() -> Storage:
    """As received; never served to the public."""
    return storages["originals"]


def variants() -> Storage:
    """Upright, re-encoded, without any metadata."""
    return storages["variants"]


@dataclass(frozen=True)
class AttachedPhoto:
    """What `submit` needs to know of a photo it has just taken."""

    id: UUID
    location: Point | None


class PhotoQuerySet(models.QuerySet["Photo"]):
    def visible_to(self, viewer: Viewer) -> "PhotoQuerySet":
        """Their own uploads, the photos of requests they may see, and what was answered for them by a link."""
        own = answered = Q(pk__in=[])
        if viewer.user:
            own = Q(uploaded_by=viewer.user.pk)
            answered = Q(request__reporter=viewer.user.pk, purpose=PhotoPurpose.ANSWER)
        # A rejected photo is the uploader's business alone.
        shown = Q(request__in=ServiceRequest.objects.visible_to(viewer), audience=PhotoAudience.PUBLIC)
        staff = ServiceRequest.objects.filter(viewer.may(Permission.READ_INTERNAL).expression())
        return self.filter(own | (shown | answered | Q(request__in=staff)) & ~Q(state=PhotoState.REJECTED))

    def place_of(self, photo: UUID, *, taken_by: UUID) -> Point:
        """Where this person's own photo was taken; one statement.

        Raises NotFound for another's as for one that there is not, and PhotoHasNoPlace.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_X(location), ST_Y(location) FROM requests311_photo WHERE id = %s AND uploaded_by_id = %s",
                [photo, taken_by],
            )
            row = cursor.fetchone()
        if row is None:
            raise NotFound
        x, y = row
        if x is None:
            raise PhotoHasNoPlace(errors=[InputError("/photo", PhotoHasNoPlace.code, PhotoHasNoPlace().detail)])
        return Point(x, y, srid=4326)

    def attach(self, photos: Sequence[UUID], *, to: UUID, uploaded_by: UUID) -> list[AttachedPhoto]:
        """Takes the uploader's own, free, usable photos for a request; one guarded UPDATE, in the order given.

        Fewer than were named means that some were not usable; the caller refuses and so rolls back.
        """
        if not photos:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE requests311_photo SET request_id = %s"
                " WHERE id = ANY(%s) AND uploaded_by_id = %s AND request_id IS NULL AND state <> 'rejected'"
                " RETURNING id, ST_X(location), ST_Y(location)",
                [to, list(photos), uploaded_by],
            )
            found = {
                id_: AttachedPhoto(id_, None if x is None else Point(x, y, srid=4326))
                for id_, x, y in cursor.fetchall()
            }
        return [found[photo] for photo in photos if photo in found]


class Photo(models.Model):
    """A picture of a request. Uploaded first, then named by its id in the report."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    #: The constraint is deferred to COMMIT, so `submit` may attach the photos before it inserts the request.
    request = models.ForeignKey(ServiceRequest, null=True, on_delete=models.CASCADE, related_name="photos")
    state = models.CharField(max_length=8, choices=PhotoState.choices, default=PhotoState.PENDING)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it was rejected, for the person who sent it.")
    original = models.FileField(storage=originals, max_length=200)
    content_type = models.CharField(max_length=20)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    #: Pixels of the upright picture.
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    #: From EXIF, shown only to the uploader and to staff.
    captured_at = models.DateTimeField(null=True)
    location = models.PointField(srid=4326, null=True)
    thumbnail = models.FileField(storage=variants, max_length=200, blank=True)
    large = models.FileField(storage=variants, max_length=200, blank=True)
    audience = models.CharField(
        max_length=6, choices=PhotoAudience.choices, default=PhotoAudience.PUBLIC, db_default=PhotoAudience.PUBLIC
    )
    purpose = models.CharField(
        max_length=10, choices=PhotoPurpose.choices, default=PhotoPurpose.REPORT, db_default=PhotoPurpose.REPORT
    )
    #: Id of the event that it came with, where that is not the report itself.
    event_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PhotoQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PhotoState.values), name="photo_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state="ready") | (~Q(thumbnail="") & ~Q(large="")),
                name="photo_ready_has_variants",
            ),
            models.CheckConstraint(condition=Q(audience__in=PhotoAudience.values), name="photo_audience_is_known"),
            models.CheckConstraint(condition=Q(purpose__in=PhotoPurpose.values), name="photo_purpose_is_known"),
            models.CheckConstraint(condition=~Q(state="rejected") | ~Q(reason=""), name="photo_rejected_says_why"),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state="pending"), name="photo_pending"),
            models.Index(fields=["created_at"], condition=Q(request=None), name="photo_unreported"),
        ]

    def __str__(self) -> str:
        return f"photo {self.pk}"
