#include <algorithm>
#include <charconv>
#include <deque>

#include "protocol.h"

namespace {

constexpr std::string_view kEnd = "\r\n\r\n", kLength = "\r\ncontent-length:";

// HTTP/1.1 with protobuf in the bodies; several calls outstanding are pipelined.
class Http : public Protocol {
   public:
    Http(const CallPlan &plan, Tally &tally) : tally_(tally) {
        request_ = "POST /strongroom.v1.Prediction/Predict HTTP/1.1\r\nHost: " + plan.host
            + "\r\nContent-Type: application/proto\r\nContent-Length: "
            + std::to_string(plan.message.size()) + "\r\n\r\n" + plan.message;
    }

    void call(Buffer &out, uint64_t now) override {
        started_.push_back(now);
        out.append(request_);
    }

    size_t receive(std::string_view in, Buffer &, uint64_t now) override {
        size_t used = 0;
        for (size_t end; (end = in.find(kEnd, used)) != in.npos;) {
            std::string_view head = in.substr(used, end + 2 - used);
            size_t body = end + kEnd.size(), length = content_length(head);
            if (in.size() - body < length) break;
            if (started_.empty()) throw ProtocolError("an answer to no call");
            if (head.substr(0, 13) == "HTTP/1.1 200 ")
                tally_.answered(now - started_.front(), in.substr(body, length));
            else
                tally_.fail(std::string(head.substr(0, head.find('\r'))));
            started_.pop_front();
            used = body + length;
        }
        return used;
    }

   private:
    static size_t content_length(std::string_view head) {
        auto same = [](char a, char b) { return tolower(a) == b; };
        auto found = std::search(head.begin(), head.end(), kLength.begin(), kLength.end(), same);
        if (found == head.end()) throw ProtocolError("an answer without a length");
        std::string_view value = head.substr(found - head.begin() + kLength.size());
        value.remove_prefix(value.find_first_not_of(' '));
        size_t length = 0;
        std::from_chars(value.data(), value.data() + value.size(), length);
        return length;
    }

    Tally &tally_;
    std::string request_;
    std::deque<uint64_t> started_;
};

}  // namespace

std::unique_ptr<Protocol> make_http(const CallPlan &plan, Tally &tally) {
    return std::make_unique<Http>(plan, tally);
}
