"""Submits with photos, which wrk cannot: the report names the id that the upload answered.

`python -m script.benchmark.photo_client FILE` is one client process.
"""

import http.client
import io
import json
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from script.benchmark import clients
from script.benchmark.calls import Call
from script.benchmark.load import Load

_BOUNDARY = "bench-311"


def jpeg(size: int) -> bytes:
    """A real JPEG of about that many bytes: a gradient under noise, as a camera's sensor has it."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(311)
    noise = rng.normal(128, 60, (1500, 2000, 3)).clip(0, 255).astype("uint8")
    quality = 95
    while True:
        out = io.BytesIO()
        Image.fromarray(noise).save(out, "JPEG", quality=quality)
        if out.tell() <= size:
            # The rest as a comment's worth of nothing: decoders stop at the end of the picture.
            return _padded(out.getvalue(), size)
        quality -= 3


def _padded(picture: bytes, size: int) -> bytes:
    """Application segments before the picture, until it has the size."""
    segments, missing = b"", size - len(picture)
    while missing > 4:
        length = min(missing - 2, 65_535)
        segments += b"\xff\xec" + length.to_bytes(2, "big") + bytes(length - 2)
        missing -= length + 2
    return picture[:2] + segments + picture[2:]


def run(calls: Sequence[Call], *, port: int, connections: int, seconds: float, size: int, folder: Path) -> Load:
    """Each call with a photo before it, from that many connections."""
    picture = folder / "photo.jpg"
    if not picture.exists():
        picture.write_bytes(jpeg(size))
    threads = clients.spread_over(connections)
    specifications = []
    for at, count in enumerate(threads):
        file = folder / f"reports-{at}.json"
        file.write_text(json.dumps([(call.token, call.body) for call in calls[at :: len(threads)]]))
        specifications.append(
            {"port": port, "threads": count, "seconds": seconds, "calls": str(file), "picture": str(picture)}
        )
    load = clients.run("script.benchmark.photo_client", specifications, folder)
    # Anything else ends the client.
    load.statuses[201] = load.requests
    return load


def main() -> None:
    specification = clients.specification()
    calls = json.loads(Path(specification["calls"]).read_text())
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    upload = head + Path(specification["picture"]).read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()

    def make_step(thread: int) -> clients.Step:
        connection = http.client.HTTPConnection("127.0.0.1", specification["port"], timeout=30)
        turn = iter(range(thread, 10**9, specification["threads"]))

        def post(path: str, token: str, body: bytes, **headers: str) -> dict[str, str]:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", path, body, {"Authorization": f"Bearer {token}", **headers})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 201:
                raise RuntimeError(f"POST {path} answered {answer.status}: {text[:400].decode(errors='replace')}")
            found: dict[str, str] = json.loads(text)
            return found

        def step() -> int:
            token, body = calls[next(turn) % len(calls)]
            begun = time.perf_counter()
            photo = post("/api/v1/photos", token, upload, Content_Type=f"multipart/form-data; boundary={_BOUNDARY}")
            report = json.dumps({**body, "photos": [photo["id"]]}).encode()
            post("/api/v1/requests", token, report, Content_Type="application/json", Idempotency_Key=uuid.uuid4().hex)
            return int((time.perf_counter() - begun) * 1e6)

        return step

    clients.serve(specification, make_step)


if __name__ == "__main__":
    main()
