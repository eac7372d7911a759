"""A container's health check: `python -m config.probe http://127.0.0.1:8000/readyz` ends with 0 on a 200."""

import os
import sys
import urllib.request


def main() -> int:
    # Django answers only to the host names it was given, and 127.0.0.1 is rarely one of them.
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    request = urllib.request.Request(sys.argv[1], headers={"Host": host})  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
