from rest_framework import serializers

from api.fields import Flag, StrictChoice, StrictSerializer, Text
from notifications.models import Channel, FcmKind, Platform
from notifications.topics import Topic


class FcmAddress(StrictSerializer):
    kind = StrictChoice(FcmKind.choices, help_text="A registration token, or a Firebase installation id.")
    value = Text(max_length=4096)


class DeviceInput(StrictSerializer):
    fcm = FcmAddress()
    platform = StrictChoice(Platform.choices)
    locale = Text(max_length=35, help_text="BCP 47 tag, the language of the pushes: en-US.")
    app_version = Text(max_length=50, allow_blank=True)


class Device(DeviceInput):
    installation_id = serializers.CharField()
    enabled = serializers.BooleanField(help_text="False after FCM said that the app is gone; PUT switches it on.")


class Switch(StrictSerializer):
    topic = StrictChoice([(topic.value, topic.name) for topic in Topic])
    channel = StrictChoice(Channel.choices)
    on = Flag()


class SwitchesInput(StrictSerializer):
    switches = serializers.ListField(child=Switch(), required=False, default=list, max_length=100)


class Switches(StrictSerializer):
    switches = Switch(many=True)
