import re
from collections.abc import Sequence

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import signed_in
from api.errors import InvalidInput
from api.fields import checked
from api.me.serializers import Device, DeviceInput, Switches, SwitchesInput
from api.schema import answers, operation
from notifications import devices, switches
from notifications.models import Channel
from notifications.switches import Setting
from notifications.topics import Topic
from requests311.errors import InputError, NotFound

_INSTALLATION_ID = r"^[A-Za-z0-9._:-]{1,200}$"

_INPUT = {
    "fcm": {"kind": "token", "value": "dXJ1bnQ6MTIz…"},
    "platform": "android",
    "locale": "en-US",
    "app_version": "1.0",
}
_DEVICE = {"installation_id": "c0ffee-1", **_INPUT, "enabled": True}
_SWITCH = {"topic": "digest", "channel": "email", "on": False}
_SWITCHES = {"switches": [{"topic": "digest", "channel": "push", "on": True}, _SWITCH]}
_PATH = OpenApiParameter(
    "installation_id",
    {"type": "string", "pattern": _INSTALLATION_ID},
    OpenApiParameter.PATH,
    description="Made by the app, stable as long as it is installed.",
)


class DeviceView(APIView):
    @operation(
        id="putDevice",
        tag="me",
        summary="Register this phone for pushes",
        description="Send it at every start and whenever the token changes. A phone that changes hands moves along.",
        parameters=[_PATH],
        request=DeviceInput,
        responses={200: answers(Device, "The phone as it is known now.", ("device", _DEVICE))},
        refusals=[401, 422],
        examples=[OpenApiExample("android phone", value=_INPUT, request_only=True)],
    )
    def put(self, request: Request, installation_id: str) -> Response:
        _check_id(installation_id)
        values = checked(DeviceInput, request.data)
        device = devices.register(
            owner=signed_in(request),
            installation_id=installation_id,
            fcm_kind=values["fcm"]["kind"],
            fcm_value=values["fcm"]["value"],
            platform=values["platform"],
            locale=values["locale"],
            app_version=values["app_version"],
        )
        return Response(
            {
                "installation_id": device.installation_id,
                "fcm": {"kind": device.fcm_kind, "value": device.fcm_value},
                "platform": device.platform,
                "locale": device.locale,
                "app_version": device.app_version,
                "enabled": device.enabled,
            }
        )

    @operation(
        id="deleteDevice",
        tag="me",
        summary="No more pushes to this phone",
        parameters=[_PATH],
        responses={204: None},
        refusals=[401, 404, 422],
    )
    def delete(self, request: Request, installation_id: str) -> Response:
        _check_id(installation_id)
        if not devices.unregister(owner=signed_in(request), installation_id=installation_id):
            raise NotFound
        return Response(status=204)


class NotificationsView(APIView):
    @operation(
        id="getNotifications",
        tag="me",
        summary="What you are told of, and where",
        description="Every topic on every channel. News of your own reports comes always and is not listed.",
        responses={200: answers(Switches, "All switches.", ("the digest comes by push only", _SWITCHES))},
        refusals=[401],
    )
    def get(self, request: Request) -> Response:
        return _switches(switches.settings_of(user=signed_in(request)))

    @operation(
        id="patchNotifications",
        tag="me",
        summary="Switch topics on or off",
        description="Those that are not named stay as they are. What is on its way already still comes.",
        request=SwitchesInput,
        responses={
            200: answers(Switches, "All switches as they are now.", ("the digest comes by push only", _SWITCHES))
        },
        refusals=[401, 422],
        examples=[OpenApiExample("no digest by e-mail", value={"switches": [_SWITCH]}, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        values = checked(SwitchesInput, request.data)
        wanted = [
            Setting(topic=Topic(one["topic"]), channel=Channel(one["channel"]), on=one["on"])
            for one in values["switches"]
        ]
        return _switches(switches.turn(user=signed_in(request), settings=wanted))


def _switches(settings: Sequence[Setting]) -> Response:
    return Response({"switches": [{"topic": one.topic, "channel": one.channel, "on": one.on} for one in settings]})


def _check_id(installation_id: str) -> None:
    # `$` alone would let a final line break through.
    if not re.fullmatch(_INSTALLATION_ID, installation_id):
        detail = "1 to 200 letters, digits, dots, colons, hyphens and underscores."
        raise InvalidInput([InputError("/installation_id", "invalid", detail)])
