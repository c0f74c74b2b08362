/* Everything that a caller can do wrong. Each has an answer, and nothing crashes. */

#include "netsonde.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TERMINATED "{\"key\":\"task_terminated\",\"value\":{}}"
#define NOT_UTF8 "\xff\xfe"

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "line %d: %s is false\n", __LINE__, #condition); \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

/* A text says this, and is freed. */
static void says(char *text, const char *part, int line) {
    if (text == NULL || strstr(text, part) == NULL) {
        fprintf(stderr, "line %d: \"%s\" does not say \"%s\"\n", line, text ? text : "NULL", part);
        exit(1);
    }
    netsonde_string_free(text);
}
#define SAYS(text, part) says(text, part, __LINE__)

#define IS_TERMINATED(task) SAYS(netsonde_task_wait_for_next_event(task), TERMINATED)

static void *wait_to_the_end(void *task) {
    for (;;) {
        char *event = netsonde_task_wait_for_next_event(*(uint64_t *)task);
        int is_last = strcmp(event, TERMINATED) == 0;
        netsonde_string_free(event);
        if (is_last) {
            return NULL;
        }
    }
}

/* A task that asks a server which never answers where it is. */
static uint64_t hanging_task(uint64_t app, const char *state_dir, int *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char settings[4096];
    *server = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(*server, (struct sockaddr *)&address, length) == 0);
    CHECK(getsockname(*server, (struct sockaddr *)&address, &length) == 0);
    snprintf(settings, sizeof settings,
             "{\"name\": \"telegram\", \"version\": 1, \"state_dir\": \"%s\", \"options\": {\"no_collector\": true},"
             " \"locate\": {\"stun\": [\"127.0.0.1:%d\"], \"timeout_s\": 60}}",
             state_dir, ntohs(address.sin_port));
    char *error = NULL;
    uint64_t task = netsonde_task_start(app, settings, &error);
    CHECK(task != 0 && error == NULL);
    return task;
}

static void settings_that_are_none(uint64_t app) {
    char *error = NULL;
    CHECK(netsonde_task_start(app, NULL, &error) == 0);
    SAYS(error, "`settings` is NULL");
    CHECK(netsonde_task_start(app, NOT_UTF8, &error) == 0);
    SAYS(error, "`settings` is no UTF-8");
    CHECK(netsonde_task_start(app, "{", &error) == 0);
    SAYS(error, "no JSON");
    CHECK(netsonde_task_start(app, "{\"inputs\": 1}", &error) == 0);
    SAYS(error, "`inputs`");
    CHECK(netsonde_task_start(app, "{", NULL) == 0);
    CHECK(netsonde_task_start(app, NULL, NULL) == 0);
}

static void handles_that_are_none(uint64_t app, const char *settings) {
    char *error = NULL;
    uint64_t no_tasks[] = {0, 999999, UINT64_MAX, app};
    for (size_t i = 0; i < sizeof no_tasks / sizeof *no_tasks; i++) {
        IS_TERMINATED(no_tasks[i]);
        CHECK(netsonde_task_is_done(no_tasks[i]));
        netsonde_task_interrupt(no_tasks[i]);
        netsonde_task_free(no_tasks[i]);
    }
    uint64_t no_apps[] = {0, 999999, UINT64_MAX};
    for (size_t i = 0; i < sizeof no_apps / sizeof *no_apps; i++) {
        CHECK(netsonde_task_start(no_apps[i], settings, &error) == 0);
        SAYS(error, "there is no app");
        CHECK(netsonde_geolocate(no_apps[i], settings, &error) == NULL);
        SAYS(error, "there is no app");
        netsonde_network_changed(no_apps[i], "wifi", 1);
        netsonde_charging_changed(no_apps[i], 1);
        netsonde_app_free(no_apps[i]);
    }
}

static void questions(uint64_t app, const char *settings) {
    char *error = NULL;
    CHECK(netsonde_geolocate(app, settings, &error) == NULL);
    SAYS(error, "`locate`");
    CHECK(netsonde_geolocate(app, NOT_UTF8, &error) == NULL);
    SAYS(error, "no UTF-8");
    CHECK(netsonde_check_in(app, "{}", &error) == NULL);
    SAYS(error, "`state_dir`");
    CHECK(netsonde_registry_follow(app, settings, NULL, &error) == NULL);
    SAYS(error, "`registry` is NULL");
    CHECK(netsonde_registry_follow(app, settings, "{\"url\": \"https://registry.example/\"}", &error) == NULL);
    SAYS(error, "`root_sha256`");
    CHECK(netsonde_registry_unfollow(app, settings, "nobody", &error) == NULL);
    SAYS(error, "nobody");
    char *list = netsonde_registry_list(app, settings, &error);
    CHECK(error == NULL);
    SAYS(list, "[]");
    char *checked_in = netsonde_check_in(app, settings, &error);
    CHECK(error == NULL);
    SAYS(checked_in, "\"how\":\"built-in\"");
    netsonde_network_changed(app, NULL, -1);
    netsonde_network_changed(app, NOT_UTF8, 7);
    netsonde_charging_changed(app, -1);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    const char *state_dir = arguments[1];
    char settings[4096];
    snprintf(settings, sizeof settings, "{\"state_dir\": \"%s\"}", state_dir);
    CHECK(strlen(netsonde_version()) > 0);
    netsonde_string_free(NULL);

    uint64_t app = netsonde_app_new();
    CHECK(app != 0);
    settings_that_are_none(app);
    handles_that_are_none(app, settings);
    questions(app, settings);

    /* A task that nobody reads, freed without being interrupted, and freed again. */
    int server = -1;
    uint64_t task = hanging_task(app, state_dir, &server);
    CHECK(task != app);
    netsonde_app_free(task);
    netsonde_task_free(task);
    netsonde_task_free(task);
    IS_TERMINATED(task);
    CHECK(netsonde_task_is_done(task));
    close(server);

    /* Freed while another thread waits. */
    task = hanging_task(app, state_dir, &server);
    pthread_t waiter;
    CHECK(pthread_create(&waiter, NULL, wait_to_the_end, &task) == 0);
    usleep(300 * 1000);
    netsonde_task_free(task);
    CHECK(pthread_join(waiter, NULL) == 0);
    close(server);

    /* Interrupted, and read to its end although its app is gone. */
    task = hanging_task(app, state_dir, &server);
    netsonde_app_free(app);
    netsonde_app_free(app);
    netsonde_task_interrupt(task);
    netsonde_task_interrupt(task);
    wait_to_the_end(&task);
    IS_TERMINATED(task);
    CHECK(netsonde_task_is_done(task));
    netsonde_task_free(task);
    close(server);
    char *error = NULL;
    CHECK(netsonde_task_start(app, settings, &error) == 0);
    SAYS(error, "there is no app");
    puts("all is answered");
    return 0;
}
