class PhotoRefused(Exception):
    """The file is not a photo that we take. `code` is stable; `detail` is for the person who sent it.

    Codes: `empty`, `too_large`, `too_many_pixels`, `unsupported_type`, `corrupt`, `polyglot`.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def corrupt() -> PhotoRefused:
    return PhotoRefused("corrupt", "The picture is damaged or was cut off on its way. Please send it again.")
