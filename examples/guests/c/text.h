// Just enough of JSON for this example: text that grows, and one member of an object. Use a library for more.

#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bytes that grow. Freed by whoever gets them.
typedef struct {
    uint8_t *ptr;
    size_t len;
    size_t capacity;
} text_t;

// Append as it is.
void text_append(text_t *text, const char *piece);

// Append as a JSON string, quoted and escaped.
void text_append_string(text_t *text, const uint8_t *bytes, size_t len);

// Append a number.
void text_append_number(text_t *text, unsigned number);

// Find a member of the JSON object that the host made: where its value begins. NULL without such a member.
const uint8_t *json_member(const uint8_t *json, size_t len, const char *name);

// Read the JSON string at `at`. False where there is no string, or one with escapes.
bool json_string(const uint8_t *at, const uint8_t *end, const uint8_t **string, size_t *len);

#endif
