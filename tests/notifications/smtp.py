"""A mail server on loopback, which answers as it is told to. Enough of RFC 5321 for smtplib."""

import email
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default


@dataclass(frozen=True)
class Letter:
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=default)

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


class MailServer:
    """`answers` maps a command (GREETING, MAIL, RCPT, DATA, TEXT) to what is said instead of its usual answer."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.letters: list[Letter] = []
        self.answers: dict[str, str] = {}
        #: Seconds before the answer to a letter's text.
        self.slow = 0.0
        #: Conversations that were begun; those under way; the most that ever were at once.
        self.conversations = self.open = self.most = 0
        self.lock = threading.Lock()
        #: A hanging conversation ends with this.
        self.over = threading.Event()

    def to(self, address: str) -> list[Letter]:
        return [letter for letter in self.letters if address in letter.recipients]


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with server.lock:
                server.conversations += 1
                server.open += 1
                server.most = max(server.most, server.open)
            self.counted = True
            try:
                self.converse()
            except OSError:  # the other side has gone
                pass
            finally:
                self.ended()

        def ended(self) -> None:
            with server.lock:
                server.open -= self.counted
                self.counted = False

        def say(self, command: str, usual: str) -> bool:
            """Whether it was the usual answer."""
            answer = server.answers.get(command, usual)
            if answer == "hang":
                server.over.wait(30)
                raise ConnectionAbortedError
            self.wfile.write(f"{answer}\r\n".encode())
            return answer == usual

        def converse(self) -> None:
            self.say("GREETING", "220 mail.example")
            sender = ""
            recipients: list[str] = []
            for line in self.rfile:
                text = line.decode().strip()
                command = text[:4].upper()
                if command == "QUIT":
                    # Before the other side hears it: it may begin its next conversation at once.
                    self.ended()
                    self.say("QUIT", "221 Bye")
                    return
                if command == "MAIL" and self.say("MAIL", "250 OK"):
                    sender, recipients = text, []
                elif command == "RCPT" and self.say("RCPT", "250 OK"):
                    recipients.append(text.partition("<")[2].partition(">")[0])
                elif command == "DATA" and self.say("DATA", "354 Go on"):
                    raw = b"".join(iter(self.rfile.readline, b".\r\n"))
                    time.sleep(server.slow)
                    if self.say("TEXT", "250 OK"):
                        server.letters.append(Letter(sender, tuple(recipients), raw.replace(b"\r\n..", b"\r\n.")))
                elif command in {"EHLO", "HELO", "RSET"}:
                    self.say(command, "250 mail.example")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        server = MailServer("127.0.0.1", listening.server_address[1])
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown()
            thread.join()
