"""Names the machine, the versions and the revision that a measurement belongs to."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# How each program says its version; what is not there is left out.
PROGRAMS = {
    "PostgreSQL": ["tools/find-pg-config"],
    "Ansible": ["ansible", "--version"],
    "valgrind": ["valgrind", "--version"],
    "Node.js": ["node", "--version"],
}
PACKAGES = {"pgaudit": "postgresql-*-pgaudit", "set_user": "postgresql-*-set-user"}


def said(*command):
    """Returns what a command prints, or nothing when there is no such command or it fails."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def field(path, pattern):
    """Returns the first group of a pattern in a file, or "unknown"."""
    found = re.search(pattern, Path(path).read_text(), re.M)
    return found.group(1) if found else "unknown"


def machine():
    """Returns what the machine is."""
    kib = int(field("/proc/meminfo", r"^MemTotal: +(\d+)"))
    return {
        "processor": field("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": os.cpu_count(),
        "memory": f"{kib / 1024 ** 2:.0f} GiB",
        "system": field("/etc/os-release", '^PRETTY_NAME="(.*)"$') + ", Linux " + os.uname().release,
    }


def versions():
    """Returns the versions of what was measured."""
    found = {"appinfra": field(ROOT / "control/appinfra.control", r"^default_version = '(.*)'")}
    for name, command in PROGRAMS.items():
        text = said(*command)
        if name == "PostgreSQL":
            text = said(text, "--version")
        version = re.search(r"\d+(?:\.\d+)+", text)
        if version:
            found[name] = version.group(0)
    for name, pattern in PACKAGES.items():
        version = re.match(r"[\d.]+", said("dpkg-query", "-W", "-f", "${Version}", pattern))
        if version:
            found[name] = version.group(0)
    return found


def revision():
    """Returns the commit, and whether the tree is another than that."""
    commit = said("git", "rev-parse", "--short=7", "HEAD")
    return commit + (" with changes" if said("git", "status", "--porcelain", "--untracked-files=no") else "")
