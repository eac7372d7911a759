from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm

from accounts.models import Session, User


class PersonCreationForm(BaseUserCreationForm[User]):
    """An e-mail address and a password typed twice."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        """Kept in lower case, and needed: a guest is never made by hand."""
        email: str = self.cleaned_data["email"] or ""
        if not email:
            raise forms.ValidationError("A registered person needs an e-mail address.")
        return email.lower()


class PersonChangeForm(UserChangeForm[User]):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    """Django's own, for a person whose name is an e-mail address. A new password ends every session."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    ordering = ("-joined_at",)
    list_display = ("email", "name", "is_guest", "is_active", "is_staff", "joined_at")
    list_filter = ("is_guest", "is_active", "is_staff")
    search_fields = ("email", "name")
    readonly_fields = ("joined_at", "last_login", "is_guest")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "language", "is_guest")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("When", {"fields": ("joined_at", "last_login")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "name", "password1", "password2")}),)


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin[Session]):
    list_display = ("id", "user", "created_at", "rotated_at", "expires_at", "revoked_at", "revoked_because")
    list_select_related = ("user",)
    search_fields = ("user__email__exact",)
    show_full_result_count = False

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: object = None) -> bool:
        return False
