// What differs between protocols: how a call is written and an answer read. One object for each
// connection.
#pragma once

#include <bit>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "buffer.h"
#include "tally.h"

struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Protocol {
   public:
    virtual ~Protocol() = default;
    // What comes before the first call.
    virtual void open(Buffer &) {}
    virtual void call(Buffer &out, uint64_t now) = 0;
    // Reads what is whole of `in`, tells the tally of each answer, and returns the bytes read.
    virtual size_t receive(std::string_view in, Buffer &out, uint64_t now) = 0;
};

// When each outstanding call of a connection was made, by its number.
class CallRing {
   public:
    explicit CallRing(int depth) : started_(std::bit_ceil(unsigned(depth) * 16)) {}

    uint32_t begin(uint64_t now) {
        uint64_t &slot = started_[next_ & (started_.size() - 1)];
        if (slot != 0) throw ProtocolError("a call waits while many later ones are answered");
        slot = now;
        return next_++;
    }

    // 0: there is no such call.
    uint64_t end(uint32_t number) {
        uint64_t &slot = started_[number & (started_.size() - 1)];
        return std::exchange(slot, 0);
    }

    size_t index(uint32_t number) const { return number & (started_.size() - 1); }
    size_t size() const { return started_.size(); }

   private:
    std::vector<uint64_t> started_;
    uint32_t next_ = 0;
};

struct CallPlan {
    std::string message;  // a PredictRequest; echo: the bytes to send
    size_t reply_bytes;   // echo: the size of an answer
    int depth;
    std::string host;
};

std::unique_ptr<Protocol> make_echo(const CallPlan &, Tally &);
std::unique_ptr<Protocol> make_ttrpc(const CallPlan &, Tally &);
std::unique_ptr<Protocol> make_grpc(const CallPlan &, Tally &);
std::unique_ptr<Protocol> make_http(const CallPlan &, Tally &);
