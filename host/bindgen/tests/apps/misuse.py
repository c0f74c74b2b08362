"""What a caller can do wrong has an answer, and a task can be ended at any time."""

import json
import socket
import sys
import threading
import time

folder, state_dir = sys.argv[1:]
sys.path.insert(0, folder)

from netsonde import NetsondeApp, NetsondeError, netsonde_version

TERMINATED = {"key": "task_terminated", "value": {}}


def fails(kind, part, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        assert part in str(error), error
    else:
        raise AssertionError(f"it does not say {part}")


def hanging_task(app):
    """A task that asks a server which never answers where it is."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    locate = {"stun": [f"127.0.0.1:{server.getsockname()[1]}"], "timeout_s": 60}
    settings = {"name": "telegram", "version": 1, "state_dir": state_dir, "options": {"no_collector": True}, "locate": locate}
    task = app.start_task(json.dumps(settings))
    # Until it has been asked.
    server.settimeout(60)
    server.recv(1)
    return task, server


def read_to_the_end(task, events):
    while not events or events[-1] != TERMINATED:
        events.append(json.loads(task.wait_for_next_event()))


def errors(app):
    settings = json.dumps({"state_dir": state_dir})
    fails(NetsondeError.Settings, "no JSON", app.start_task, "{")
    fails(NetsondeError.Settings, "`inputs`", app.start_task, '{"inputs": 1}')
    fails(NetsondeError.Settings, "no JSON", app.check_in, "{")
    fails(NetsondeError.Failed, "`state_dir`", app.check_in, "{}")
    fails(NetsondeError.Failed, "`locate`", app.geolocate, settings)
    fails(NetsondeError.Failed, "`root_sha256`", app.follow_registry, settings, '{"url": "https://registry.example/"}')
    fails(NetsondeError.Failed, "nobody", app.unfollow_registry, settings, "nobody")
    fails(TypeError, "", app.start_task, None)
    assert app.registries(settings) == "[]"
    assert json.loads(app.check_in(settings))["how"] == "built-in"


def interrupted(app):
    task, server = hanging_task(app)
    task.interrupt()
    task.interrupt()
    events = []
    read_to_the_end(task, events)
    keys = [event["key"] for event in events]
    assert keys == ["status.queued", "status.started", "status.progress", "status.end", "task_terminated"], keys
    assert task.is_done() and json.loads(task.wait_for_next_event()) == TERMINATED
    server.close()


def discarded_while_somebody_waits(app):
    task, server = hanging_task(app)
    events = []
    waiter = threading.Thread(target=read_to_the_end, args=(task, events))
    waiter.start()
    while len(events) < 3:
        time.sleep(0.01)
    task.discard()
    task.discard()
    waiter.join()
    assert [event["key"] for event in events[3:]] == ["task_terminated"], events
    assert task.is_done()
    server.close()


app = NetsondeApp()
assert netsonde_version()
errors(app)
app.network_changed("wifi", True)
app.network_changed(None, None)
app.charging_changed(False)
app.charging_changed(None)
interrupted(app)
discarded_while_somebody_waits(app)
print("all is answered")
