/* A whole app: runs the task of a settings file and writes its events, one a line. */

#include "netsonde.h"

#include <stdio.h>
#include <stdlib.h>

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    size_t room = 1 << 20;
    char *text = malloc(room);
    if (text == NULL) {
        perror("malloc");
        exit(2);
    }
    size_t length = fread(text, 1, room - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: app SETTINGS\n");
        return 2;
    }
    char *settings = read_file(arguments[1]);
    uint64_t app = netsonde_app_new();
    char *error = NULL;
    uint64_t task = netsonde_task_start(app, settings, &error);
    free(settings);
    if (task == 0) {
        fprintf(stderr, "%s\n", error);
        netsonde_string_free(error);
        netsonde_app_free(app);
        return 1;
    }
    while (!netsonde_task_is_done(task)) {
        char *event = netsonde_task_wait_for_next_event(task);
        puts(event);
        netsonde_string_free(event);
    }
    netsonde_task_free(task);
    netsonde_app_free(app);
    return 0;
}
