import threading
from typing import Any

import pytest
from django.db import connection

from notifications import devices
from notifications.delivery import deliver_batch
from notifications.models import Delivery, Device
from tests.notifications.emulator import RunningEmulator


@pytest.mark.django_db
def test_registering_again_keeps_the_device_and_takes_the_new_values(person: Any, phone: Any) -> None:
    owner = person()
    first = phone(owner, installation_id="i1", fcm_value="old")
    Device.objects.update(enabled=False, disabled_because="unregistered")

    second = phone(owner, installation_id="i1", fcm_kind="fid", fcm_value="new", platform="ios", locale="es")

    assert second.pk == first.pk
    assert (second.fcm_kind, second.fcm_value, second.platform, second.locale) == ("fid", "new", "ios", "es")
    assert (second.enabled, second.disabled_because) == (True, "")
    assert second.updated_at > first.created_at
    assert Device.objects.count() == 1


@pytest.mark.django_db
def test_a_phone_that_changes_hands_gets_nothing_of_its_old_owner(
    fcm: RunningEmulator, told: Any, person: Any, phone: Any, notice: Any
) -> None:
    delivery = told(device={"installation_id": "i1", "fcm_value": "same"})
    taken = phone(person(), installation_id="i1", fcm_value="same")

    assert taken.pk == delivery.device_id
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("cancelled", "device_changed")
    assert deliver_batch() == 0
    assert fcm.messages() == []


@pytest.mark.django_db
def test_an_address_that_comes_with_another_installation_moves(told: Any, person: Any, phone: Any) -> None:
    delivery = told(device={"fcm_value": "same"})
    taken = phone(person(), installation_id="fresh", fcm_value="same")

    old = Device.objects.get(pk=delivery.device_id)
    delivery.refresh_from_db()
    assert taken.pk != old.pk
    assert (old.enabled, old.disabled_because) == (False, "address_moved")
    assert delivery.state == "cancelled"


@pytest.mark.django_db
def test_installation_and_address_of_two_other_people_both_move(told: Any, person: Any, phone: Any) -> None:
    one, two = told(device={"installation_id": "i1"}), told(device={"fcm_value": "two"})
    owner = person()
    device = phone(owner, installation_id="i1", fcm_value="two")
    assert device.owner_id == owner.pk
    assert set(Delivery.objects.values_list("state", flat=True)) == {"cancelled"}
    assert Device.objects.filter(enabled=True).get() == device
    assert {one.device_id, two.device_id} == set(Device.objects.values_list("pk", flat=True))


@pytest.mark.django_db
def test_what_slipped_past_the_change_of_hands_is_stopped_at_delivery(
    fcm: RunningEmulator, told: Any, person: Any
) -> None:
    """An enqueue that commits just after the register: its delivery is not seen there."""
    delivery = told()
    Device.objects.filter(pk=delivery.device_id).update(owner=person())
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code, delivery.lease) == ("cancelled", "device_changed", None)
    assert fcm.messages() == []


@pytest.mark.django_db
def test_only_the_owner_unregisters(told: Any, person: Any) -> None:
    delivery = told()
    device = delivery.device
    assert devices.unregister(owner=person(), installation_id=device.installation_id) is False
    assert Device.objects.count() == 1
    assert devices.unregister(owner=device.owner, installation_id=device.installation_id) is True
    assert devices.unregister(owner=device.owner, installation_id=device.installation_id) is False
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_the_longest_address_fits(person: Any, phone: Any) -> None:
    value = "".join(chr(33 + (number * 7919) % 90) for number in range(4096))
    assert phone(person(), fcm_value=value).fcm_value == value


@pytest.mark.django_db(transaction=True)
def test_many_registrations_of_one_address_at_once_leave_one_enabled(person: Any, phone: Any) -> None:
    owners = [person() for _ in range(6)]
    problems: list[Exception] = []

    def register(number: int) -> None:
        try:
            for turn in range(5):
                phone(owners[number], installation_id=f"i{(number + turn) % 3}", fcm_value=f"t{turn % 2}")
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    enabled = list(Device.objects.filter(enabled=True).values_list("fcm_value", flat=True))
    assert len(enabled) == len(set(enabled))
