"""The zooms that outlines of areas are drawn for."""

#: A drawing serves its own zoom and the one below; the first one all that are lower, the last one all that are higher.
ZOOMS = (4, 6, 8, 10, 12, 14, 16, 18)


def drawn_for(zoom: int) -> int:
    """The one of ZOOMS that serves this zoom level of a map."""
    return next((drawn for drawn in ZOOMS if drawn >= zoom), ZOOMS[-1])
