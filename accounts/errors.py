class TokenRejected(Exception):
    """The token is expired, revoked, forged or was used before. Sign in again."""


class CredentialsRejected(Exception):
    """The e-mail address and the password do not belong together."""
