from django.apps import AppConfig


class Requests311Config(AppConfig):
    name = "requests311"
    default_auto_field = "django.db.models.BigAutoField"
