// Connections over TLS on one thread with epoll, each with its calls in a closed loop.
#pragma once

#include <functional>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <vector>

#include "protocol.h"

uint64_t monotonic_nanoseconds();

struct TLSFiles {
    std::string authority, certificate, key;  // the last two may be empty
};

class Client {
   public:
    using Make = std::function<std::unique_ptr<Protocol>()>;

    // `alpn`: the protocol to ask for in the handshake, or nothing.
    Client(const TLSFiles &, std::string_view alpn, int port, int connections, int depth, Tally &,
        const Make &);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // Makes calls and reads answers for so long.
    void run(double seconds);

   private:
    struct Connection {
        SSL *ssl = nullptr;
        int descriptor = -1;
        bool waits = false;  // whether it is watched for room to write
        std::unique_ptr<Protocol> protocol;
        Buffer in, out;
    };

    void connect(Connection &, int port, std::string_view alpn);
    void read(Connection &);
    void write(Connection &);
    void watch(Connection &, int operation, uint32_t events);
    bool waits_or_throw(Connection &, int result);

    int depth_;
    Tally &tally_;
    SSL_CTX *context_;
    int poller_;
    std::vector<Connection> connections_;
    std::vector<char> incoming_;
    bool begun_ = false;
};
