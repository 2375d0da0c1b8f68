// Opens TLS connections to a server on the loopback and holds them, idle, until its standard input
// ends. Usage: hold PORT CA COUNT. It prints a line when all are open. Each 1,000 come from an
// address of their own, for the ports not to run out.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OF_ONE_ADDRESS = 1000 };

static void fail(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int connect_from(uint32_t source, int port) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&own, sizeof own) != 0
        || connect(descriptor, (struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
    return descriptor;
}

int main(int arguments, char **argument) {
    if (arguments != 4) {
        fprintf(stderr, "usage: hold PORT CA COUNT\n");
        return 64;
    }
    int port = atoi(argument[1]), count = atoi(argument[3]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, argument[2], NULL) != 1) fail("CA");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    for (int i = 0; i < count; i++) {
        uint32_t source = INADDR_LOOPBACK + 1 + (uint32_t)(i / OF_ONE_ADDRESS);
        SSL *ssl = SSL_new(context);
        if (!ssl || SSL_set_fd(ssl, connect_from(source, port)) != 1 || SSL_connect(ssl) != 1)
            fail("handshake");
    }
    printf("%d\n", count);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
