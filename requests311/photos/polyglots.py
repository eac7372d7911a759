"""Files that are a photo and something else besides.

An original is kept as it came and staff may download it, so it must not turn into a program, an archive
or a page on their machine. Yet phones append to their photos with good reason: Google's motion photos an
MP4 film, Samsung its SEFT trailer, many a second JPEG (CIPA DC-007 MPF). So the question is never *whether*
something follows the picture but *what*, and every pattern is at least five bytes and mostly more, that
megabytes of film do not match one by chance.
"""

import re

from requests311.errors import PhotoRefused
from requests311.photos.containers import Container, Data

#: A page that a browser, or a program, that a web server would run. `<?=` and `<%` are too short to
#: look for: compressed film contains them. XMP is XML, so a bare "<" or "<?" says nothing.
#: The look-ahead keeps 20 MB of "<" a matter of a second: without it each costs eight alternatives.
_SCRIPT = re.compile(rb"<(?=[?!a-zA-Z])(?i:\?php\s|!doctype\s|(?:script|html|iframe|body|head|object|embed)[\s>/])")

#: Programs for Linux, Windows and the shell, and archives that their unpackers find behind anything
#: (they look for the mark, as self-extracting archives need).
_PROGRAM = re.compile(
    rb"\x7fELF[\x01\x02][\x01\x02]\x01"
    rb"|PE\0\0(?:\x4c\x01|\x64\x86|\x64\xaa)"  # x86, x86-64, ARM64
    rb"|#! ?/(?:usr/)?bin/"
    rb"|Rar!\x1a\x07[\x00\x01]"
    rb"|7z\xbc\xaf\x27\x1c",
    re.DOTALL,
)

#: At the very start of the trailer two bytes are enough.
_PROGRAM_STARTS = (b"MZ", b"#!")

#: Readers of PDF look for its mark in the first 1,024 bytes (PDF 1.7, implementation note 13).
PDF_WINDOW = 1024

#: The directory of a ZIP stands at the end, followed by a comment of at most 65,535 bytes (APPNOTE 4.3.16).
ZIP_WINDOW = 22 + 65_535


def refuse_polyglots(data: Data, container: Container) -> None:
    """Raises PhotoRefused with `polyglot`. One pass over the metadata and the trailer, in constant memory."""
    if (
        data.find(b"%PDF-", 0, PDF_WINDOW) >= 0
        or any(_SCRIPT.search(data, start, end) for start, end in container.metadata)
        or _SCRIPT.search(container.exif)  # of a HEIC, where it stands among the picture's data
        or _hides_program(data, container.end)
        or _ends_as_zip(data)
    ):
        raise PhotoRefused("polyglot", "The file holds more than a photo. Please send the photo alone.")


def _hides_program(data: Data, start: int) -> bool:
    trailer = data[start : start + 4096].lstrip(b"\0\r\n\t ")
    return (
        trailer.startswith(_PROGRAM_STARTS)
        or _SCRIPT.search(data, start) is not None
        or _PROGRAM.search(data, start) is not None
    )


def _ends_as_zip(data: Data) -> bool:
    """Whether an unpacker would find a ZIP (also JAR, APK, DOCX) here, whatever stands before it.

    It looks for the end record from the back, and its directory right before that; the four bytes of
    the mark alone may occur in a film, a mark that points at a directory does not.
    """
    floor, end = max(0, len(data) - ZIP_WINDOW), len(data)
    while (at := data.rfind(b"PK\x05\x06", floor, end)) >= 0:
        record = data[at : at + 22]
        size, offset = int.from_bytes(record[12:16], "little"), int.from_bytes(record[16:20], "little")
        directories = [start for start in (at - size, offset) if 0 <= start < at]
        if len(record) == 22 and (
            any(data[start : start + 4] == b"PK\x01\x02" for start in directories)
            or data[max(0, at - 20) : at].startswith(b"PK\x06\x07")  # ZIP64 says the rest elsewhere
        ):
            return True
        end = at + 3
    return False
