# Sourced by script/server and script/test: finds a Python that can run the project.

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    cat >&2 <<'TEXT'
Requests311 needs Python 3.11 or newer, and none was found. One of these lines installs it:
  Debian, Ubuntu:  sudo apt-get install -y python3.11 python3.11-venv
  Fedora:          sudo dnf install -y python3.13
  macOS:           brew install python@3.13
TEXT
    return 1
}
