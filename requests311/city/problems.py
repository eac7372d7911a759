"""What is wrong with a city's files, collected so that all of it can be said at once."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One fault: the file as it was named, the line counted from 1, and the reason."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class BrokenCity(Exception):
    """The files are refused as a whole; nothing was written. `problems` are sorted by file and line."""

    def __init__(self, problems: "Problems") -> None:
        self.problems = problems.sorted()
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """Collects problems; the same one twice counts once."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def add(self, file: str, line: int, reason: str) -> None:
        self._found.add(Problem(file, line, reason))

    def sorted(self) -> list[Problem]:
        return sorted(self._found)

    def refuse_if_any(self) -> None:
        """Raises BrokenCity with everything found so far."""
        if self._found:
            raise BrokenCity(self)
