"""What GDAL says is wrong, kept for a message of ours instead of logged."""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_char_p, c_int

from django.contrib.gis.gdal.libgdal import lgdal

#: Errors that are kept for one message.
_MOST = 5
#: CE_Failure; below it are warnings.
_FAILURE = 3


class GDALErrors:
    """Hears GDAL's errors within `heard()` and keeps the first of them.

    Pushed, because Django's own handler of GDAL's errors is not the one in place once pyogrio is imported; and only
    around our own calls, because GDAL keeps a stack of handlers for each thread.
    """

    def __init__(self) -> None:
        self._said: list[str] = []
        # Held as long as it may be called: GDAL keeps no reference.
        self._callback = CFUNCTYPE(None, c_int, c_int, c_char_p)(self._hear)

    def text(self) -> str:
        return "; ".join(self._said)

    @contextmanager
    def heard(self) -> Iterator[None]:
        lgdal.CPLPushErrorHandler(self._callback)
        try:
            yield
        finally:
            lgdal.CPLPopErrorHandler()

    def _hear(self, level: int, _number: int, message: bytes) -> None:
        if level >= _FAILURE and len(self._said) < _MOST:
            self._said.append(message.decode(errors="replace"))
