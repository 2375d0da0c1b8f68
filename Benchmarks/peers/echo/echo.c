// A TLS 1.3 server that answers every REQUEST bytes with REPLY bytes, on one thread with epoll:
// what the sockets and the encryption cost alone. Usage: echo CERTIFICATE KEY [REQUEST [REPLY]].
// It prints its port and serves until it is ended.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER = 256 << 10, BACKLOG = 1024 };

typedef struct {
    SSL *ssl;
    int descriptor;
    size_t received;  // bytes of a request that is not whole yet
    size_t owed;      // bytes of replies not written yet
    int waits;        // whether it is watched for room to write
} Connection;

static size_t request_bytes = 200, reply_bytes = 200;
static char incoming[BUFFER], outgoing[BUFFER];
static int poller;

static void fail(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void watch(Connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->descriptor, &event) != 0) fail("epoll_ctl");
}

static void drop(Connection *connection) {
    SSL_free(connection->ssl);
    close(connection->descriptor);
    free(connection);
}

// Whether the connection goes on after a call that returned `result`.
static int goes_on(Connection *connection, int result) {
    int error = SSL_get_error(connection->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static int write_owed(Connection *connection) {
    while (connection->owed > 0) {
        size_t size = connection->owed < BUFFER ? connection->owed : BUFFER;
        int written = SSL_write(connection->ssl, outgoing, (int)size);
        if (written <= 0) {
            if (!goes_on(connection, written)) return 0;
            if (!connection->waits) watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            connection->waits = 1;
            return 1;
        }
        connection->owed -= (size_t)written;
    }
    if (connection->waits) watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    connection->waits = 0;
    return 1;
}

static int serve(Connection *connection) {
    do {
        int size = SSL_read(connection->ssl, incoming, BUFFER);
        if (size <= 0) {
            if (!goes_on(connection, size)) return 0;
            break;
        }
        connection->received += (size_t)size;
        connection->owed += connection->received / request_bytes * reply_bytes;
        connection->received %= request_bytes;
    } while (SSL_has_pending(connection->ssl));
    return write_owed(connection);
}

static void accept_all(int listener, SSL_CTX *context) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *connection = calloc(1, sizeof *connection);
        if (!connection || !(connection->ssl = SSL_new(context))) fail("SSL_new");
        connection->descriptor = descriptor;
        SSL_set_fd(connection->ssl, descriptor);
        SSL_set_accept_state(connection->ssl);
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static SSL_CTX *make_context(const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        fail("certificate");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0
        || listen(listener, BACKLOG) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: echo CERTIFICATE KEY [REQUEST [REPLY]]\n");
        return 64;
    }
    if (count > 3) request_bytes = strtoul(arguments[3], NULL, 10);
    if (count > 4) reply_bytes = strtoul(arguments[4], NULL, 10);
    if (request_bytes == 0) return 64;
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = make_context(arguments[1], arguments[2]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_loopback();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            Connection *connection = events[i].data.ptr;
            if (!connection) accept_all(listener, context);
            else if (!serve(connection)) drop(connection);
        }
    }
}
