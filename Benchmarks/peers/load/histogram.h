// Counts of durations in buckets that are 1.6 % wide.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

class Histogram {
   public:
    void record(uint64_t nanoseconds) {
        counts_[index(nanoseconds)]++;
        count_++;
        longest_ = std::max(longest_, nanoseconds);
    }

    uint64_t count() const { return count_; }
    uint64_t longest() const { return longest_; }

    // The duration that this share of all does not exceed.
    uint64_t percentile(double share) const {
        uint64_t wanted = std::max<uint64_t>(1, uint64_t(share * double(count_) + 0.5)), seen = 0;
        for (size_t i = 0; i < counts_.size(); i++) {
            seen += counts_[i];
            if (seen >= wanted) return std::min(upper(i), longest_);
        }
        return longest_;
    }

   private:
    static constexpr int kBits = 6;  // 64 buckets for each doubling
    static constexpr uint64_t kFirst = 1 << kBits;

    static size_t index(uint64_t value) {
        if (value < kFirst) return value;
        int shift = std::bit_width(value) - 1 - kBits;
        return size_t(shift) * kFirst + size_t(value >> shift);
    }

    static uint64_t upper(size_t index) {
        if (index < 2 * kFirst) return index;
        size_t shift = index / kFirst - 1;
        return ((index - shift * kFirst + 1) << shift) - 1;
    }

    std::array<uint64_t, (65 - kBits) * kFirst> counts_{};
    uint64_t count_ = 0, longest_ = 0;
};
