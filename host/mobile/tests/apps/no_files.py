"""An app that leaves its tasks without files at several moments of a measurement, and gives them files again for the next task."""

import json
import resource
import sys
import time

from netsonde import Library


def run(netsonde, app, settings, lack_after=None):
    """The events of a task, and how long it measured."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    events, began, took = [], 0.0, 0.0
    task = netsonde.start(app, settings)
    while not netsonde.is_done(task):
        event = json.loads(netsonde.next_event(task))
        events.append(event)
        if event["key"] == "status.measurement_start":
            began = time.monotonic()
            if lack_after is not None:
                time.sleep(lack_after)
                # What is open stays open.
                resource.setrlimit(resource.RLIMIT_NOFILE, (4, most[1]))
        if event["key"] == "measurement":
            took = time.monotonic() - began
    resource.setrlimit(resource.RLIMIT_NOFILE, most)
    netsonde.free(task)
    return events, took


def main(library, settings):
    with open(settings) as file:
        settings = json.load(file)
    netsonde = Library(library)
    app = netsonde.app_new()
    # The first time compiles; the second says how long it takes.
    run(netsonde, app, settings)
    before, took = run(netsonde, app, settings)
    without = [run(netsonde, app, settings, took * part / 24)[0] for part in range(12)]
    after, _ = run(netsonde, app, settings)
    print(json.dumps({"before": before, "without": without, "after": after}))
    netsonde.app_free(app)


main(*sys.argv[1:])
