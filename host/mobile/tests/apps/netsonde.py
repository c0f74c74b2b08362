"""The C library from Python, with nothing but its standard library."""

import ctypes
import json


class Library:
    """The functions of the library that apps need most."""

    def __init__(self, path):
        library = ctypes.CDLL(path)
        handle, text = ctypes.c_uint64, ctypes.c_char_p
        # Not c_char_p, which would be copied, and then nobody could free it.
        owned = ctypes.c_void_p
        self._declare(library.netsonde_app_new, handle)
        self._declare(library.netsonde_app_free, None, handle)
        self._declare(library.netsonde_task_start, handle, handle, text, ctypes.POINTER(owned))
        self._declare(library.netsonde_task_wait_for_next_event, owned, handle)
        self._declare(library.netsonde_task_is_done, ctypes.c_bool, handle)
        self._declare(library.netsonde_task_interrupt, None, handle)
        self._declare(library.netsonde_task_free, None, handle)
        self._declare(library.netsonde_string_free, None, owned)
        self._c = library

    @staticmethod
    def _declare(function, result, *arguments):
        function.restype, function.argtypes = result, arguments

    def _take(self, pointer):
        text = ctypes.cast(pointer, ctypes.c_char_p).value.decode()
        self._c.netsonde_string_free(pointer)
        return text

    def app_new(self):
        return self._c.netsonde_app_new()

    def app_free(self, app):
        self._c.netsonde_app_free(app)

    def start(self, app, settings):
        error = ctypes.c_void_p()
        task = self._c.netsonde_task_start(app, json.dumps(settings).encode(), ctypes.byref(error))
        if task == 0:
            raise ValueError(self._take(error.value))
        return task

    def next_event(self, task):
        return self._take(self._c.netsonde_task_wait_for_next_event(task))

    def is_done(self, task):
        return self._c.netsonde_task_is_done(task)

    def interrupt(self, task):
        self._c.netsonde_task_interrupt(task)

    def free(self, task):
        self._c.netsonde_task_free(task)
