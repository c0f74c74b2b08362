"""Ends tasks at random moments, and looks for what is left of them in this process and on the disk."""

import json
import os
import random
import sys
import threading
import time

from netsonde import Library

# A name lookup by the system can not be given up. Whatever is left for longer than this is left for ever.
PATIENCE = 10.0


def threads():
    return sorted(os.listdir("/proc/self/task"))


def descriptors():
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except FileNotFoundError:
            pass  # That of the listing itself.
    return sorted(found)


def files(folders):
    return sorted(
        os.path.join(folder, name)
        for root in folders
        for folder, _, names in os.walk(root)
        for name in names
        # What modules keep from run to run is theirs to keep.
        if not (name.startswith("key-") and name.endswith(".bin"))
    )


def read_to_the_end(netsonde, task, events):
    while not events or events[-1] != "task_terminated":
        events.append(json.loads(netsonde.next_event(task))["key"])


def main(library, count, seed, *all_settings):
    chance = random.Random(int(seed))
    netsonde = Library(library)
    app = netsonde.app_new()
    settings, durations = [], []
    for path in all_settings:
        with open(path) as file:
            settings.append(json.load(file))
        # The first time compiles; the second says how long it takes.
        for _ in range(2):
            start, events = time.monotonic(), []
            task = netsonde.start(app, settings[-1])
            read_to_the_end(netsonde, task, events)
            netsonde.free(task)
        assert "measurement" in events, events
        durations.append(time.monotonic() - start)
    folders = [settings[0]["state_dir"], settings[0]["temp_dir"], os.getcwd()]

    def left():
        return {"threads": threads(), "descriptors": descriptors(), "files": files(folders)}

    before = left()
    late, slowest, begun = 0, 0.0, 0
    for number in range(int(count)):
        which = number % len(settings)
        task = netsonde.start(app, settings[which])
        reader, events = None, []
        if chance.random() < 0.5:
            reader = threading.Thread(target=read_to_the_end, args=(netsonde, task, events))
            reader.start()
        time.sleep(chance.random() * 1.1 * durations[which])
        # Free interrupts, too.
        if chance.random() < 0.7:
            netsonde.interrupt(task)
        start = time.monotonic()
        netsonde.free(task)
        slowest = max(slowest, time.monotonic() - start)
        if reader is not None:
            reader.join()
            assert events[-1] == "task_terminated", events
            begun += "status.measurement_start" in events
        after, waited = left(), time.monotonic()
        late += after != before
        while after != before:
            if time.monotonic() - waited > PATIENCE:
                more = {what: sorted(set(after[what]) ^ set(before[what])) for what in before}
                sys.exit(f"moment {number} of seed {seed} leaves {after}, which is other than before by {more}")
            time.sleep(0.05)
            after = left()
    netsonde.app_free(app)
    times = ", ".join(f"{duration:.2f} s" for duration in durations)
    print(
        f"{count} moments of seed {seed}: whole tasks take {times}; the slowest to be freed took {slowest:.2f} s; "
        f"{begun} were seen to measure; {late} left something that was gone soon"
    )


main(*sys.argv[1:])
