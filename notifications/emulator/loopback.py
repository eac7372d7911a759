"""What is this machine and nobody else: the addresses to listen on and the names to be called by."""

import ipaddress

#: The Android emulator's name for the loopback of the machine it runs on. An address, not a name: nobody
#: can make a browser's own page be called that, so it opens no way for DNS rebinding.
_ANDROID_EMULATOR_HOST = "10.0.2.2"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine only: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_this_machine(host: str) -> bool:
    """Whether a Host header calls us by loopback, as the Android emulator's apps also do."""
    name = _host_name(host)
    return is_loopback(name) or name == _ANDROID_EMULATOR_HOST


def _host_name(host: str) -> str:
    """The host of a Host header without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
