#include "client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <time.h>
#include <unistd.h>

namespace {

constexpr size_t kIncoming = 256 << 10;
constexpr int kEvents = 256;

[[noreturn]] void fail(const std::string &what) {
    char text[256] = "";
    if (unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
    throw ProtocolError(what + (*text ? ": " : "") + text);
}

SSL_CTX *make_context(const TLSFiles &files) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, files.authority.c_str(), nullptr) != 1)
        fail(files.authority);
    if (!files.certificate.empty()
        && (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1
            || SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1))
        fail(files.certificate);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    // The same cipher with every server.
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

}  // namespace

uint64_t monotonic_nanoseconds() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_nsec);
}

Client::Client(const TLSFiles &files, std::string_view alpn, int port, int connections, int depth,
    Tally &tally, const Make &make)
    : depth_(depth), tally_(tally), context_(make_context(files)),
      poller_(epoll_create1(EPOLL_CLOEXEC)), connections_(size_t(connections)),
      incoming_(kIncoming) {
    for (Connection &connection : connections_) {
        connection.protocol = make();
        connect(connection, port, alpn);
    }
}

Client::~Client() {
    for (Connection &connection : connections_) {
        SSL_free(connection.ssl);
        close(connection.descriptor);
    }
    SSL_CTX_free(context_);
    close(poller_);
}

void Client::connect(Connection &connection, int port, std::string_view alpn) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(uint16_t(port));
    connection.descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(connection.descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address))
        throw std::system_error(errno, std::generic_category(), "connect");
    int on = 1;
    setsockopt(connection.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection.ssl = SSL_new(context_);
    SSL_set_fd(connection.ssl, connection.descriptor);
    if (!alpn.empty()) {
        std::string list = char(alpn.size()) + std::string(alpn);
        SSL_set_alpn_protos(connection.ssl, reinterpret_cast<const unsigned char *>(list.data()),
            unsigned(list.size()));
    }
    if (SSL_connect(connection.ssl) != 1) fail("handshake");
    fcntl(connection.descriptor, F_SETFL, O_NONBLOCK);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

void Client::run(double seconds) {
    uint64_t end = monotonic_nanoseconds() + uint64_t(seconds * 1e9);
    if (!std::exchange(begun_, true)) {
        for (Connection &connection : connections_) {
            connection.protocol->open(connection.out);
            for (int i = 0; i < depth_; i++)
                connection.protocol->call(connection.out, monotonic_nanoseconds());
            write(connection);
        }
    }
    while (monotonic_nanoseconds() < end) {
        epoll_event events[kEvents];
        int ready = epoll_wait(poller_, events, kEvents, 100);
        for (int i = 0; i < ready; i++) {
            auto &connection = *static_cast<Connection *>(events[i].data.ptr);
            read(connection);
            write(connection);
        }
    }
}

void Client::read(Connection &connection) {
    do {
        int size = SSL_read(connection.ssl, incoming_.data(), int(incoming_.size()));
        if (size <= 0) {
            if (waits_or_throw(connection, size)) return;
        }
        std::string_view bytes(incoming_.data(), size_t(size));
        uint64_t before = tally_.finished, now = monotonic_nanoseconds();
        if (connection.in.empty()) {
            bytes.remove_prefix(connection.protocol->receive(bytes, connection.out, now));
            if (!bytes.empty()) connection.in.append(bytes);
        } else {
            connection.in.append(bytes);
            connection.in.take(
                connection.protocol->receive(connection.in.view(), connection.out, now));
        }
        for (uint64_t i = before; i < tally_.finished; i++)
            connection.protocol->call(connection.out, now);
    } while (SSL_has_pending(connection.ssl));
}

void Client::write(Connection &connection) {
    while (!connection.out.empty()) {
        std::string_view bytes = connection.out.view();
        int written = SSL_write(connection.ssl, bytes.data(), int(bytes.size()));
        if (written <= 0) {
            waits_or_throw(connection, written);
            if (!std::exchange(connection.waits, true))
                watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        connection.out.take(size_t(written));
    }
    if (std::exchange(connection.waits, false)) watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

void Client::watch(Connection &connection, int operation, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &connection;
    if (epoll_ctl(poller_, operation, connection.descriptor, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

bool Client::waits_or_throw(Connection &connection, int result) {
    int error = SSL_get_error(connection.ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return true;
    fail("the server closed the connection");
}
