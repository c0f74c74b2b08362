"""A whole app: runs the task of a settings file and writes its events, one a line."""

import sys


def main(folder, settings):
    sys.path.insert(0, folder)
    from netsonde import NetsondeApp

    with open(settings) as file:
        settings = file.read()
    task = NetsondeApp().start_task(settings)
    while not task.is_done():
        print(task.wait_for_next_event(), flush=True)
    task.discard()


main(*sys.argv[1:])
