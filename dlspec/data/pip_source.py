"""Source archives from the index that pip is configured with; run by itself, in pip's Python.

``pip download`` of a source archive runs the package's build script to read its metadata. So only
pip's finder and its session are used here: mirrors, proxies, certificates and passwords are pip's,
and nothing of the package runs. They are no public interface of pip; they are alike in 23 to 26.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any


def main(specs: list[str]) -> int:
    """Leaves the source archive of each ``name==version`` in the working folder."""
    from pip._internal.commands import create_command

    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--no-binary", ":all:", *specs])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        for spec in specs:
            name, _, version = spec.partition("==")
            links = [
                candidate.link
                for candidate in finder.find_all_candidates(name)
                if str(candidate.version) == version and not candidate.link.is_wheel
            ]
            if not links:
                print(f"ERROR: no source archive of {spec} in the index", file=sys.stderr)
                return 1
            failed = _download(session, links[-1])
            if failed is not None:
                print(f"ERROR: {failed}", file=sys.stderr)
                return 1
    return 0


def _download(session: Any, link: Any) -> str | None:
    """Stores the archive under its own name; why it could not, if it could not."""
    response = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
    if response.status_code != 200:
        return f"{link.filename}: status {response.status_code}"
    content: bytes = response.content
    if link.hash_name == "sha256" and hashlib.sha256(content).hexdigest() != link.hash:
        return f"{link.filename} is not what the index says"
    Path(Path(link.filename).name).write_bytes(content)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
