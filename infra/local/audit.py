"""Ask whether known vulnerabilities are in the packages of `uv.lock`: `python -m infra.local.audit [uv's options]`.

uv asks the Open Source Vulnerabilities service (https://google.github.io/osv.dev/api/) by name and version; another
one that speaks the same is named with `--service-url`. Exit codes: 0 none is known, 1 some are, 2 nothing can be said.
"""

import subprocess
import sys

from infra.local.env_setup import ROOT, UV
from infra.local.lock import environment

UNKNOWN = 2


def main(options: list[str]) -> int:
    """Run uv's audit over the lock as it is, the tools of development included."""
    command = [str(UV), "audit", "--frozen", "--preview-features", "audit-command", *options]
    code = subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode
    if code not in (0, 1):
        print("audit: nothing is known of the packages: the service could not be asked; see above", file=sys.stderr)
        return UNKNOWN
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
