#include <deque>
#include <nghttp2/nghttp2.h>

#include "protocol.h"

namespace {

enum Type : char { kData, kHeaders, kPriority, kReset, kSettings, kPush, kPing, kGoAway, kWindow };
enum Flag : char { kEndStream = 0x1, kAck = 0x1, kEndHeaders = 0x4, kPadded = 0x8 };
enum Setting : uint16_t { kNoPush = 2, kStreams = 3, kInitialWindow = 4, kMaxFrame = 5 };

constexpr size_t kHeader = 9, kPrefix = 5;
constexpr int64_t kDefaultWindow = 65535, kLargestWindow = 0x7fffffff;
constexpr int64_t kRefill = 256 << 20;  // received bytes after which the connection's window grows

std::string frame(Type type, int flags, uint32_t stream, std::string_view payload) {
    return (big_endian(payload.size(), 3) + char(type) + char(flags) + big_endian(stream, 4))
        .append(payload);
}

// HTTP/2 as far as calls of one unary method need it. The server never waits for a window of ours.
class Grpc : public Protocol {
   public:
    Grpc(const CallPlan &plan, Tally &tally)
        : tally_(tally), calls_(plan.depth), answers_(calls_.size()) {
        message_ = '\0' + big_endian(plan.message.size(), 4) + plan.message;
        // :method POST, :scheme https; then four fields that the server is told to remember, by
        // which later calls name them: the last one told is number 62.
        first_headers_ = "\x83\x87" + literal("\x44", "/strongroom.v1.Prediction/Predict")
            + literal("\x41", plan.host) + literal("\x5f", "application/grpc")
            + literal(std::string("\x40\x02te", 4), "trailers");
        headers_ = "\x83\x87\xc1\xc0\xbf\xbe";
        if (nghttp2_hd_inflate_new(&inflater_) != 0) throw std::bad_alloc();
    }

    ~Grpc() override { nghttp2_hd_inflate_del(inflater_); }
    Grpc(const Grpc &) = delete;
    Grpc &operator=(const Grpc &) = delete;

    void open(Buffer &out) override {
        std::string settings;
        for (auto [name, value] : {std::pair{kNoPush, int64_t(0)},
                 {kInitialWindow, kLargestWindow}, {kMaxFrame, int64_t(1 << 20)}})
            settings += big_endian(name, 2) + big_endian(uint64_t(value), 4);
        out.append("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        out.append(frame(kSettings, 0, 0, settings));
        out.append(frame(kWindow, 0, 0, big_endian(kLargestWindow - kDefaultWindow, 4)));
    }

    void call(Buffer &out, uint64_t now) override {
        uint32_t stream = calls_.begin(now) * 2 + 1;
        std::string_view block = stream == 1 ? first_headers_ : headers_;
        out.append(frame(kHeaders, kEndHeaders, stream, block));
        sending_.push_back({stream, 0, 0});
        send(out);
    }

    size_t receive(std::string_view in, Buffer &out, uint64_t now) override {
        size_t used = 0;
        while (in.size() - used >= kHeader) {
            size_t length = read_big_endian(in, used, 3);
            if (in.size() - used - kHeader < length) break;
            uint32_t stream = read_big_endian(in, used + 5, 4) & 0x7fffffff;
            take(Type(in[used + 3]), in[used + 4], stream, in.substr(used + kHeader, length), out,
                now);
            used += kHeader + length;
        }
        return used;
    }

   private:
    struct Sending {
        uint32_t stream;
        size_t sent;
        int64_t granted;  // what the server added to the stream's first window
    };

    static std::string literal(std::string_view name, std::string_view value) {
        return std::string(name).append(1, char(value.size())).append(value);
    }

    // Writes requests, the oldest first, as far as the server's windows let it.
    void send(Buffer &out) {
        while (!sending_.empty()) {
            Sending &next = sending_.front();
            int64_t stream_room = initial_window_ + next.granted - int64_t(next.sent);
            int64_t left = int64_t(message_.size() - next.sent);
            int64_t size = std::min({left, stream_room, window_, int64_t(max_frame_)});
            if (size <= 0) return;
            out.append(frame(kData, size == left ? kEndStream : 0, next.stream,
                std::string_view(message_).substr(next.sent, size_t(size))));
            next.sent += size_t(size);
            window_ -= size;
            if (size == left) sending_.pop_front();
        }
    }

    void take(Type type, char flags, uint32_t stream, std::string_view payload, Buffer &out,
        uint64_t now) {
        switch (type) {
            case kData:
                if (flags & kPadded) throw ProtocolError("padded data");
                answers_[calls_.index(stream / 2)].append(payload);
                refill(int64_t(payload.size()), out);
                break;
            case kHeaders:
                if (!(flags & kEndHeaders) || flags & kPadded) throw ProtocolError("split headers");
                read_headers(payload);
                if (flags & kEndStream) finish(stream, now);
                break;
            case kReset:
                status_ = "reset";
                finish(stream, now);
                break;
            case kSettings:
                if (flags & kAck) break;
                apply(payload);
                out.append(frame(kSettings, kAck, 0, {}));
                send(out);
                break;
            case kPing:
                if (!(flags & kAck)) out.append(frame(kPing, kAck, 0, payload));
                break;
            case kGoAway: throw ProtocolError("the server goes away");
            case kWindow:
                grow(stream, read_big_endian(payload, 0, 4));
                send(out);
                break;
            default: break;
        }
    }

    void apply(std::string_view settings) {
        for (; settings.size() >= 6; settings.remove_prefix(6)) {
            uint32_t value = read_big_endian(settings, 2, 4);
            switch (read_big_endian(settings, 0, 2)) {
                case kInitialWindow: initial_window_ = value; break;
                case kMaxFrame: max_frame_ = value; break;
                case kStreams:
                    if (value < calls_.size() / 16) throw ProtocolError("too few streams allowed");
                    break;
            }
        }
    }

    void grow(uint32_t stream, uint32_t by) {
        if (stream == 0) window_ += by;
        for (Sending &one : sending_)
            if (one.stream == stream) one.granted += by;
    }

    void refill(int64_t received, Buffer &out) {
        if ((unreturned_ += received) < kRefill) return;
        out.append(frame(kWindow, 0, 0, big_endian(uint64_t(unreturned_), 4)));
        unreturned_ = 0;
    }

    void read_headers(std::string_view block) {
        auto bytes = reinterpret_cast<const uint8_t *>(block.data());
        size_t left = block.size();
        status_.clear();
        for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
            nghttp2_nv field;
            ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, bytes, left, 1);
            if (used < 0) throw ProtocolError("headers that cannot be read");
            bytes += used;
            left -= size_t(used);
            if (!(flags & NGHTTP2_HD_INFLATE_EMIT)) continue;
            std::string_view name(reinterpret_cast<char *>(field.name), field.namelen);
            std::string_view value(reinterpret_cast<char *>(field.value), field.valuelen);
            if (name == "grpc-status") status_.insert(0, value);
            if (name == "grpc-message") status_.append(" ").append(value);
        }
        nghttp2_hd_inflate_end_headers(inflater_);
    }

    void finish(uint32_t stream, uint64_t now) {
        uint64_t started = calls_.end(stream / 2);
        if (started == 0) throw ProtocolError("an answer to no call");
        std::string &answer = answers_[calls_.index(stream / 2)];
        if (status_ != "0")
            tally_.fail("status " + status_);
        else if (answer.size() < kPrefix || answer[0] != 0
            || read_big_endian(answer, 1, 4) != answer.size() - kPrefix)
            tally_.fail("an answer that is not one whole message");
        else
            tally_.answered(now - started, std::string_view(answer).substr(kPrefix));
        answer.clear();
    }

    Tally &tally_;
    CallRing calls_;
    std::vector<std::string> answers_;  // as far as received, by the call's place
    std::string message_, first_headers_, headers_;
    std::string status_;  // of the headers read last
    nghttp2_hd_inflater *inflater_ = nullptr;
    std::deque<Sending> sending_;
    int64_t window_ = kDefaultWindow, initial_window_ = kDefaultWindow, unreturned_ = 0;
    uint32_t max_frame_ = 16384;
};

}  // namespace

std::unique_ptr<Protocol> make_grpc(const CallPlan &plan, Tally &tally) {
    return std::make_unique<Grpc>(plan, tally);
}
