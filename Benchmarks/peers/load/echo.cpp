#include "protocol.h"

namespace {

class Echo : public Protocol {
   public:
    Echo(const CallPlan &plan, Tally &tally) : plan_(plan), tally_(tally), calls_(plan.depth) {}

    void call(Buffer &out, uint64_t now) override {
        calls_.begin(now);
        out.append(plan_.message);
    }

    size_t receive(std::string_view in, Buffer &, uint64_t now) override {
        received_ += in.size();
        for (; received_ >= plan_.reply_bytes; received_ -= plan_.reply_bytes) {
            uint64_t started = calls_.end(answered_++);
            if (started == 0) throw ProtocolError("an answer to no call");
            tally_.answered(now - started, {});
        }
        return in.size();
    }

   private:
    const CallPlan &plan_;
    Tally &tally_;
    CallRing calls_;
    size_t received_ = 0;
    uint32_t answered_ = 0;
};

}  // namespace

std::unique_ptr<Protocol> make_echo(const CallPlan &plan, Tally &tally) {
    return std::make_unique<Echo>(plan, tally);
}
