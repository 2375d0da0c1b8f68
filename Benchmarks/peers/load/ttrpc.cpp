#include "protobuf.h"
#include "protocol.h"

namespace {

constexpr size_t kHeader = 10;
constexpr char kRequest = 1, kResponse = 2;

class Ttrpc : public Protocol {
   public:
    Ttrpc(const CallPlan &plan, Tally &tally) : tally_(tally), calls_(plan.depth) {
        std::string envelope = bytes_field(1, "strongroom.v1.Prediction")
            + bytes_field(2, "Predict") + bytes_field(3, plan.message);
        frame_ = big_endian(envelope.size(), 4) + big_endian(0, 4) + kRequest + '\0' + envelope;
    }

    void call(Buffer &out, uint64_t now) override {
        put_big_endian(frame_.data() + 4, calls_.begin(now) * 2 + 1);
        out.append(frame_);
    }

    size_t receive(std::string_view in, Buffer &, uint64_t now) override {
        size_t used = 0;
        while (in.size() - used >= kHeader) {
            size_t length = read_big_endian(in, used, 4);
            if (in.size() - used - kHeader < length) break;
            uint32_t stream = read_big_endian(in, used + 4, 4);
            uint64_t started = calls_.end(stream / 2);
            if (in[used + 8] != kResponse || started == 0)
                throw ProtocolError("a frame that answers no call");
            answer(in.substr(used + kHeader, length), now - started);
            used += kHeader + length;
        }
        return used;
    }

   private:
    void answer(std::string_view envelope, uint64_t nanoseconds) {
        FieldReader field{envelope};
        std::string_view payload;
        while (field.next()) {
            if (field.number == 1 && !field.bytes.empty()) return refuse(field.bytes);
            if (field.number == 2) payload = field.bytes;
        }
        if (field.number < 0 || payload.empty()) return tally_.fail("an answer without a payload");
        tally_.answered(nanoseconds, payload);
    }

    void refuse(std::string_view status) {
        FieldReader field{status};
        std::string text = "status";
        while (field.next()) {
            if (field.number == 1) text += " " + std::to_string(field.integer);
            if (field.number == 2) text.append(" ").append(field.bytes);
        }
        tally_.fail(text);
    }

    Tally &tally_;
    CallRing calls_;
    std::string frame_;
};

}  // namespace

std::unique_ptr<Protocol> make_ttrpc(const CallPlan &plan, Tally &tally) {
    return std::make_unique<Ttrpc>(plan, tally);
}
