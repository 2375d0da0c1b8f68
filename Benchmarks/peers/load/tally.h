// What became of the calls.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "histogram.h"

class Tally {
   public:
    // `output_floats`: with how many FP32 values an answer ends; the first answer's are what the
    // others' have to be.
    explicit Tally(size_t output_floats) : output_floats_(output_floats) {}

    bool measuring = false;
    Histogram latencies;  // of good answers
    uint64_t failed = 0;  // at any time
    uint64_t finished = 0;
    std::string failure;  // the first
    std::vector<float> reference;

    void answered(uint64_t nanoseconds, std::string_view message) {
        if (!right(message)) return fail("an answer's values are not those of the first answer");
        finished++;
        if (measuring) latencies.record(nanoseconds);
    }

    void fail(std::string why) {
        finished++;
        if (failed++ == 0) failure = std::move(why);
    }

   private:
    bool right(std::string_view message) {
        size_t bytes = output_floats_ * sizeof(float);
        if (message.size() < bytes) return false;
        const char *start = message.data() + message.size() - bytes;
        if (reference.empty() && output_floats_ > 0) {
            reference.resize(output_floats_);
            memcpy(reference.data(), start, bytes);
        }
        if (bytes == 0 || memcmp(reference.data(), start, bytes) == 0) return true;
        for (size_t i = 0; i < output_floats_; i++) {  // a batch may round in another order
            float value;
            memcpy(&value, start + i * sizeof value, sizeof value);
            if (!(std::abs(value - reference[i]) <= 1e-3f * (1 + std::abs(reference[i]))))
                return false;
        }
        return true;
    }

    size_t output_floats_;
};
