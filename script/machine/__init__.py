"""What a bare machine needs before the project runs: packages, `.venv`, PostgreSQL and Redis of our own.

Standard library only, since it runs before `.venv` exists; what needs more imports it inside the function.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
