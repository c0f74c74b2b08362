"""Follows the roots in a folder as python-tuf's client does, from the first, and writes which version it came to and why no further.

Nothing but roots is there, so the client ends at the timestamp, which is what is expected.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater


class Folder(FetcherInterface):
    """Files of a folder, as if they came from afar."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            with open(url, "rb") as file:
                return iter([file.read()])
        except FileNotFoundError as error:
            raise DownloadHTTPError("not there", 404) from error


def follow(folder: str) -> dict:
    with open(os.path.join(folder, "1.root.json"), "rb") as file:
        first = file.read()
    with tempfile.TemporaryDirectory() as kept:
        why = "nothing"
        try:
            updater = Updater(kept, folder + "/", kept, folder + "/", Folder(), bootstrap=first)
            updater.refresh()
        except Exception as error:  # noqa: BLE001
            why = type(error).__name__
        try:
            with open(os.path.join(kept, "root.json"), "rb") as file:
                version = json.load(file)["signed"]["version"]
        except FileNotFoundError:
            version = 0
        return {"version": version, "why": why}


print(json.dumps(follow(sys.argv[1])))
