// A nettest in C: it looks a domain up, connects to its first address, shakes hands and fetches the page.
//
// Each call of the host blocks until its answer is there (the package netsonde:plain, in wit/plain). The host writes
// down what it observes; what is returned here is what only this nettest knows.

#include <stdlib.h>
#include <string.h>

#include "nettest.h"
#include "text.h"

// How far a measurement came.
typedef struct {
    // The first failure; nothing is tried after it.
    bool failed;
    netsonde_plain_types_failure_t failure;
    uint16_t status;
} outcome_t;

// A string of the host's that points into C's memory, to be borrowed by a call.
static nettest_string_t borrowed(const char *text) {
    nettest_string_t string;
    nettest_string_set(&string, text);
    return string;
}

// `address:443`, or `[address]:443` for IPv6.
static text_t endpoint_of(nettest_string_t address) {
    text_t endpoint = {0};
    bool ipv6 = memchr(address.ptr, ':', address.len) != NULL;
    char *text = strndup((const char *)address.ptr, address.len);
    text_append(&endpoint, ipv6 ? "[" : "");
    text_append(&endpoint, text);
    text_append(&endpoint, ipv6 ? "]:443" : ":443");
    free(text);
    return endpoint;
}

// Look the domain up; where it has an address, `endpoint` is that.
static bool look_up(netsonde_plain_types_borrow_transaction_t transaction, nettest_string_t domain, text_t *endpoint,
                    outcome_t *outcome) {
    netsonde_plain_types_own_dns_options_t options = netsonde_plain_types_constructor_dns_options();
    netsonde_plain_types_own_dns_answer_t answer;
    bool answered = netsonde_plain_dns_lookup(transaction, &domain, netsonde_plain_types_borrow_dns_options(options),
                                              &answer, &outcome->failure);
    netsonde_plain_types_dns_options_drop_own(options);
    if (!answered) {
        return false;
    }
    nettest_list_string_t addresses;
    netsonde_plain_types_method_dns_answer_addresses(netsonde_plain_types_borrow_dns_answer(answer), &addresses);
    netsonde_plain_types_dns_answer_drop_own(answer);
    // A lookup that succeeded has an address.
    *endpoint = endpoint_of(addresses.ptr[0]);
    nettest_list_string_free(&addresses);
    return true;
}

// Shake hands. The connection goes in, and comes out encrypted.
static bool shake_hands(netsonde_plain_types_borrow_transaction_t transaction, nettest_string_t domain,
                        netsonde_plain_types_own_connection_t *connection, outcome_t *outcome) {
    netsonde_plain_types_own_tls_options_t options = netsonde_plain_types_constructor_tls_options();
    netsonde_plain_types_borrow_tls_options_t borrow = netsonde_plain_types_borrow_tls_options(options);
    netsonde_plain_types_method_tls_options_server_name(borrow, &domain);
    nettest_string_t protocols[] = {borrowed("h2"), borrowed("http/1.1")};
    nettest_list_string_t alpn = {protocols, 2};
    netsonde_plain_types_method_tls_options_alpn(borrow, &alpn);
    netsonde_plain_types_own_handshake_failure_t failure;
    bool shaken = netsonde_plain_tls_handshake(transaction, *connection, borrow, connection, &failure);
    netsonde_plain_types_tls_options_drop_own(options);
    if (!shaken) {
        netsonde_plain_types_method_handshake_failure_failure(
            netsonde_plain_types_borrow_handshake_failure(failure), &outcome->failure);
        netsonde_plain_types_handshake_failure_drop_own(failure);
    }
    return shaken;
}

// Fetch the page.
static bool fetch(netsonde_plain_types_borrow_transaction_t transaction, nettest_string_t domain,
                  netsonde_plain_types_own_connection_t connection, outcome_t *outcome) {
    text_t url = {0};
    char *host = strndup((const char *)domain.ptr, domain.len);
    text_append(&url, "https://");
    text_append(&url, host);
    text_append(&url, "/");
    free(host);
    nettest_string_t method = borrowed("GET");
    nettest_string_t url_text = {url.ptr, url.len};
    netsonde_plain_types_own_http_request_t request =
        netsonde_plain_types_constructor_http_request(&method, &url_text);
    free(url.ptr);
    netsonde_plain_types_borrow_http_request_t borrow = netsonde_plain_types_borrow_http_request(request);
    nettest_string_t name = borrowed("Accept");
    nettest_string_t value = borrowed("*/*");
    netsonde_plain_types_method_http_request_header(borrow, &name, &value);
    netsonde_plain_types_own_http_response_t response;
    bool answered = netsonde_plain_http_round_trip(
        transaction, netsonde_plain_types_borrow_connection(connection), borrow, &response, &outcome->failure);
    netsonde_plain_types_http_request_drop_own(request);
    if (answered) {
        outcome->status =
            netsonde_plain_types_method_http_response_status(netsonde_plain_types_borrow_http_response(response));
        netsonde_plain_types_http_response_drop_own(response);
    }
    return answered;
}

// All steps, each in the transaction's name.
static bool measure(netsonde_plain_types_borrow_transaction_t transaction, nettest_string_t domain,
                    outcome_t *outcome) {
    text_t endpoint = {0};
    if (!look_up(transaction, domain, &endpoint, outcome)) {
        return false;
    }
    nettest_string_t to = {endpoint.ptr, endpoint.len};
    netsonde_plain_types_own_connection_t connection;
    bool connected = netsonde_plain_tcp_connect(transaction, &to, NULL, &connection, &outcome->failure);
    free(endpoint.ptr);
    // A handshake takes the connection: where it fails there is none left to drop.
    if (!connected || !shake_hands(transaction, domain, &connection, outcome)) {
        return false;
    }
    bool fetched = fetch(transaction, domain, connection, outcome);
    netsonde_plain_types_connection_drop_own(connection);
    return fetched;
}

bool exports_nettest_run(nettest_json_t *target, nettest_json_t *ret, nettest_failure_t *err) {
    const uint8_t *input = json_member(target->ptr, target->len, "input");
    nettest_string_t domain;
    const uint8_t *start;
    if (!json_string(input, target->ptr + target->len, &start, &domain.len)) {
        nettest_string_dup(&err->code, "unknown_failure: the input is not a domain");
        nettest_string_dup(&err->operation, "top_level");
        nettest_string_dup(&err->detail, "https_in_c wants a domain as its input, such as example.org");
        nettest_string_free(target);
        return false;
    }
    domain.ptr = (uint8_t *)start;

    nettest_list_string_t no_tags = {NULL, 0};
    netsonde_plain_types_own_transaction_t transaction = netsonde_plain_types_begin(&no_tags, NULL);
    outcome_t outcome = {0};
    outcome.failed = !measure(netsonde_plain_types_borrow_transaction(transaction), domain, &outcome);
    netsonde_plain_types_transaction_drop_own(transaction);

    text_t keys = {0};
    text_append(&keys, "{\"failure\":");
    if (outcome.failed) {
        text_append_string(&keys, outcome.failure.code.ptr, outcome.failure.code.len);
        text_append(&keys, ",\"failed_operation\":");
        text_append_string(&keys, outcome.failure.operation.ptr, outcome.failure.operation.len);
        text_append(&keys, ",\"status_code\":null}");
        netsonde_plain_types_failure_free(&outcome.failure);
    } else {
        text_append(&keys, "null,\"failed_operation\":null,\"status_code\":");
        text_append_number(&keys, outcome.status);
        text_append(&keys, "}");
    }
    nettest_string_free(target);
    // The bindings free what is returned.
    ret->ptr = keys.ptr;
    ret->len = keys.len;
    return true;
}

bool exports_nettest_reduce(nettest_json_t *test_keys, nettest_json_t *ret, nettest_failure_t *err) {
    (void)err;
    const uint8_t *failure = json_member(test_keys->ptr, test_keys->len, "failure");
    bool accessible = failure != NULL && *failure == 'n';
    nettest_string_free(test_keys);
    nettest_string_dup(ret, accessible ? "{\"accessible\":true}" : "{\"accessible\":false}");
    return true;
}
