"""Finds GDAL and GEOS inside the pyogrio and shapely wheels, so that no system library is needed.

Debian's GDAL 3.6 cannot block file and network access by a malicious spatial reference (Django's
check gis.W001); the wheels' newer one can, and is the same on every machine.
"""

import os
from importlib.util import find_spec
from pathlib import Path


def library_paths() -> tuple[str, str]:
    """Paths of libgdal and libgeos_c; raises RuntimeError where a wheel lacks its library."""
    gdal = _bundled("pyogrio", "libgdal")
    geos = _bundled("shapely", "libgeos_c")
    package = Path(gdal).parent.parent / "pyogrio"
    os.environ.setdefault("GDAL_DATA", str(package / "gdal_data"))
    os.environ.setdefault("PROJ_DATA", str(package / "proj_data"))
    return gdal, geos


def _bundled(package: str, library: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The package {package} is not installed; it carries {library}.")
    home = Path(spec.origin).parent
    # auditwheel and delvewheel put them beside the package, delocate inside it.
    for folder in (home.parent / f"{package}.libs", home / ".dylibs"):
        found = sorted(folder.glob(f"{library}[-.]*"))
        if found:
            return str(found[0])
    raise RuntimeError(f"The wheel of {package} holds no {library}; reinstall it from a wheel.")
