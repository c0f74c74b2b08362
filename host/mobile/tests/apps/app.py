"""A whole app: runs the task of a settings file and writes its events, one a line."""

import json
import sys

from netsonde import Library


def main(library, settings):
    with open(settings) as file:
        settings = json.load(file)
    netsonde = Library(library)
    app = netsonde.app_new()
    task = netsonde.start(app, settings)
    while not netsonde.is_done(task):
        print(netsonde.next_event(task), flush=True)
    netsonde.free(task)
    netsonde.app_free(app)


main(*sys.argv[1:])
