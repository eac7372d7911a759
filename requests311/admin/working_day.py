"""What happens around a request in a working day, to look at: questions, contractors, duplicates, followers, phones."""

from django.contrib import admin

from requests311.admin.read_only import ReadOnlyAdmin
from requests311.models import Follower, Handover, Merge, Question, SyncedOperation


@admin.register(Question)
class QuestionAdmin(ReadOnlyAdmin):
    list_display = ("request", "state", "asked_by", "asked_at", "expires_at", "answered_at")
    list_filter = ("state",)
    list_select_related = ("request", "asked_by")
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("request__number__exact",)
    fields = readonly_fields = ("request", "text", "asked_by", "asked_at", "expires_at", "state", "answered_at")


@admin.register(Handover)
class HandoverAdmin(ReadOnlyAdmin):
    """The link itself is signed, sent once and kept nowhere."""

    list_display = ("request", "email", "by", "at", "expires_at", "revoked_at", "done_at")
    list_select_related = ("request", "by")
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("request__number__exact", "email__exact")
    fields = readonly_fields = ("request", "email", "by", "at", "expires_at", "revoked_at", "done_at")


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("duplicate", "kept", "by", "at", "undone_at")
    list_select_related = ("duplicate", "kept", "by")
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("duplicate__number__exact", "kept__number__exact")
    fields = readonly_fields = ("duplicate", "kept", "by", "at", "before", "photos", "carried", "undone_at")


@admin.register(Follower)
class FollowerAdmin(ReadOnlyAdmin):
    list_display = ("request", "user", "supports", "since", "merge")
    list_filter = ("supports",)
    list_select_related = ("request", "user", "merge")
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("request__number__exact", "user__email__exact")
    fields = readonly_fields = ("request", "user", "supports", "since", "merge")


@admin.register(SyncedOperation)
class SyncedOperationAdmin(ReadOnlyAdmin):
    list_display = ("operation", "user", "at")
    list_select_related = ("user",)
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("operation__exact", "user__email__exact")
    fields = readonly_fields = ("operation", "user", "at", "result")
