// Bytes that are appended at the end and taken off the front, and what goes into them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

class Buffer {
   public:
    std::string_view view() const { return {bytes_.data() + start_, bytes_.size() - start_}; }
    bool empty() const { return start_ == bytes_.size(); }

    void append(std::string_view bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

    void take(size_t count) {
        start_ += count;
        if (start_ == bytes_.size()) {
            bytes_.clear();
            start_ = 0;
        } else if (start_ > bytes_.size() / 2) {
            bytes_.erase(bytes_.begin(), bytes_.begin() + start_);
            start_ = 0;
        }
    }

   private:
    std::vector<char> bytes_;
    size_t start_ = 0;
};

// An unsigned integer of `size` bytes, the highest first.
inline std::string big_endian(uint64_t value, int size) {
    std::string bytes(size, '\0');
    for (int i = size - 1; i >= 0; i--, value >>= 8) bytes[i] = char(value);
    return bytes;
}

inline uint32_t read_big_endian(std::string_view bytes, size_t offset, int size) {
    uint32_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | uint8_t(bytes[offset + i]);
    return value;
}

inline void put_big_endian(char *at, uint32_t value) {
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}
