#include "text.h"

#include <stdlib.h>
#include <string.h>

static void append(text_t *text, const uint8_t *bytes, size_t len) {
    if (text->len + len > text->capacity) {
        text->capacity = 2 * (text->len + len);
        text->ptr = realloc(text->ptr, text->capacity);
        if (text->ptr == NULL) {
            abort();
        }
    }
    memcpy(text->ptr + text->len, bytes, len);
    text->len += len;
}

void text_append(text_t *text, const char *piece) {
    append(text, (const uint8_t *)piece, strlen(piece));
}

void text_append_string(text_t *text, const uint8_t *bytes, size_t len) {
    static const char hex[] = "0123456789abcdef";
    text_append(text, "\"");
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = bytes[i];
        if (byte < 0x20) {
            uint8_t escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
            append(text, escape, sizeof escape);
            continue;
        }
        if (byte == '"' || byte == '\\') {
            text_append(text, "\\");
        }
        append(text, &byte, 1);
    }
    text_append(text, "\"");
}

void text_append_number(text_t *text, unsigned number) {
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    text_append(text, digits + at);
}

// The byte after the string that begins at `at`, a quote.
static const uint8_t *after_string(const uint8_t *at, const uint8_t *end) {
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\') {
            at++;
        }
    }
    return at < end ? at + 1 : end;
}

const uint8_t *json_member(const uint8_t *json, size_t len, const char *name) {
    const uint8_t *end = json + len;
    size_t name_len = strlen(name);
    int depth = 0;
    for (const uint8_t *at = json; at < end;) {
        if (*at == '"') {
            const uint8_t *after = after_string(at, end);
            bool same = (size_t)(after - at) == name_len + 2 && memcmp(at + 1, name, name_len) == 0;
            if (depth == 1 && same && after < end && *after == ':') {
                return after + 1;
            }
            at = after;
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
    }
    return NULL;
}

bool json_string(const uint8_t *at, const uint8_t *end, const uint8_t **string, size_t *len) {
    if (at == NULL || at >= end || *at != '"') {
        return false;
    }
    const uint8_t *after = after_string(at, end);
    *string = at + 1;
    *len = (size_t)(after - at) - 2;
    return memchr(*string, '\\', *len) == NULL;
}
